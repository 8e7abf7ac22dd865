"""What `workbench suite` and `workbench stress` do: many runs, one report."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.commands import INCOMPLETE, asked_workers, part_names, system_names
from workbench.comparison.comparison import Comparison
from workbench.plugins import registry
from workbench.plugins.assignments import settings_by_name
from workbench.runs.files import check_writable

if TYPE_CHECKING:
    from workbench.suites.suite import Entry, Suite

FAILED_EXIT = 4
"""Some of the benchmarks could not be run."""


def run_benchmarks(options: argparse.Namespace) -> int:
    from workbench.suites.running import plan
    from workbench.suites.suite import read_suite

    suite = read_suite(options.suite)
    comparison = replace(_comparison(options, suite), limit=options.limit, sample=options.sample)
    planned = plan(suite, options.root, comparison)
    return _run(options, suite, planned, _folder(options, suite), "suite", "benchmarks")


def run_stress(options: argparse.Namespace) -> int:
    from workbench.stress.running import chosen, plan
    from workbench.stress.suite import read_suite

    axes = None if options.axes is None else part_names(options.axes)
    suite = chosen(read_suite(options.suite), axes, options.questions)
    out = _folder(options, suite)
    command = shlex.join(["workbench", *sys.argv[1:]])
    planned = plan(suite, options.root, _comparison(options, suite), out, command)
    return _run(options, suite, planned, out, "stress", "axes")


def _comparison(options: argparse.Namespace, suite: "Suite") -> Comparison:
    """What all runs of a suite have in common."""
    systems = system_names(options.systems)
    return Comparison(
        systems,
        suite.entries[0].benchmark,
        mode=options.mode,
        seed=options.seed,
        settings=settings_by_name(options.set, list(systems)),
        tracking_uri=options.tracking_uri,
        workers=asked_workers(options, list(systems)),
    )


def _folder(options: argparse.Namespace, suite: "Suite") -> Path:
    return options.out or Path("runs") / f"{suite.name}-{datetime.now():%Y%m%d-%H%M%S}"


def _run(
    options: argparse.Namespace,
    suite: "Suite",
    planned: "Sequence[tuple[Entry, Comparison | None]]",
    out: Path,
    reporter: str,
    runs: str,
) -> int:
    """Run what was planned, print the table that the reporter writes, and return the exit code."""
    from workbench.suites.running import DONE, FAILED, MISSING, run_suite

    registry.load("reporters", reporter)
    check_writable(out)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        rows = run_suite(suite, options.root, planned, out, reporter, reports=not getattr(options, "no_reports", False))
        table = out / f"{reporter}.md"
        print(table.read_text(encoding="utf-8") if table.exists() else "", end="")
    if options.json:
        print(json.dumps({"out": str(out), runs: [_record(row) for row in rows]}))
    else:
        missing = sum(row.state == MISSING for row in rows)
        said = f" ({missing} of {len(rows)} are missing)" if missing else ""
        print(f"{reporter}: {out / f'{reporter}.html'}{said}")
    if any(row.state == FAILED for row in rows):
        return FAILED_EXIT
    return 0 if all(row.complete for row in rows if row.state == DONE) else INCOMPLETE


def _record(row: Any) -> dict[str, Any]:
    about = {"name": row.entry.name, "benchmark": row.entry.benchmark, "state": row.state}
    if row.run is None:
        return {**about, "reason": row.reason, "get": row.entry.get}
    return {**about, "run": str(row.run.path), "results": row.run.results.to_json()}
