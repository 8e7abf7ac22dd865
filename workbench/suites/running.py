"""Runs the benchmarks of a suite whose files are there, each as `compare` does, into a folder of one suite."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.comparison.comparison import Comparison, delivered, scored, with_tracking
from workbench.data.errors import ConfigurationError, UnusableSystemError
from workbench.plugins import registry
from workbench.runs.run import Run
from workbench.suites.suite import Entry, Suite
from workbench.workers.answers import Options

DONE, MISSING, FAILED = "done", "missing", "failed"


@dataclass(frozen=True)
class Row:
    """What became of a benchmark of a suite: `run` where it is done, else the `reason`. `complete`: report and MLflow
    have it too."""

    entry: Entry
    state: str
    run: Run | None = None
    reason: str = ""
    complete: bool = True


def plan(suite: Suite, root: Path, comparison: Comparison) -> list[tuple[Entry, Comparison | None]]:
    """Each benchmark of a suite with its comparison, None where its files are missing.

    `comparison` has the systems and all that the benchmarks have in common. Raises `ConfigurationError` where the
    folder is missing or holds none of the benchmarks, and for an option that does not fit, before anything starts.
    """
    if not root.is_dir() and any(entry.placed(root) != entry.options for entry in suite.entries):
        raise ConfigurationError(
            f"there is no folder {root}: expected the one with the data of all benchmarks (--root)"
        )
    Options(comparison.limit, comparison.mode, comparison.seed)  # raises for a value that does not fit
    planned: list[tuple[Entry, Comparison | None]] = []
    for entry in suite.entries:
        settings = {**comparison.settings, entry.benchmark: entry.placed(root)}
        wanted = replace(comparison, benchmark=entry.benchmark, settings=settings)
        try:
            wanted.plugins()
        except ConfigurationError as error:
            raise ConfigurationError(f"{suite.name}: {entry.name}: {error}") from error
        planned.append((entry, None if entry.absent(root) else wanted))
    if not any(wanted for _, wanted in planned):
        entry = suite.entries[0]
        raise ConfigurationError(
            f"{root} has the files of none of the benchmarks of {suite.name}; {entry.title}, for one, needs "
            f"{', '.join(entry.absent(root))}{f', {entry.get}' if entry.get else ''}"
        )
    return planned


def run_suite(
    suite: Suite,
    root: Path,
    planned: Sequence[tuple[Entry, Comparison | None]],
    out: Path,
    reporter: str = "suite",
    reports: bool = True,
) -> list[Row]:
    """Run what was planned, each benchmark into a run folder of its name in `out`, and let the reporter write about
    what is there after each (`suite.html` and `suite.md`). What is there already is continued. `reports`: whether each
    run has a report of its own.

    A benchmark whose files cannot be used is a failed row; the others run all the same. Raises `UnusableSystemError`
    for a system that cannot be made, as it could be for none of them, and `StoppedError` where the disk or a server
    fails: the same call continues.
    """
    write = registry.load("reporters", reporter)
    rows = [
        Row(entry, MISSING, reason=f"not there: {', '.join(entry.absent(root))}") if wanted is None else None
        for entry, wanted in planned
    ]
    for place, (entry, wanted) in enumerate(planned):
        if wanted is not None:
            print(f"{suite.name}: {entry.title}", file=sys.stderr, flush=True)
            rows[place] = _row(entry, wanted, out / entry.name, reports)
            write(suite, [row for row in rows if row is not None], out)
    return [row for row in rows if row is not None]


def _row(entry: Entry, wanted: Comparison, out: Path, reports: bool) -> Row:
    try:
        with scored(wanted, out) as run:
            run, complete = (delivered if reports else with_tracking)(run, wanted.tracking_uri)
    except UnusableSystemError:
        raise
    except ConfigurationError as error:
        print(f"workbench: {entry.title}: {error}", file=sys.stderr)
        return Row(entry, FAILED, reason=str(error))
    return Row(entry, DONE, run, complete=complete)
