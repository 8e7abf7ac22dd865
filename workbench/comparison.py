"""A whole comparison, from names to results, report and MLflow: what `compare` does once and `schedule` repeats."""

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import registry
from workbench.errors import ConfigurationError

if TYPE_CHECKING:
    from workbench.answers import Mode
    from workbench.runs import Run
    from workbench.systems import Benchmark, System


@dataclass(frozen=True)
class Comparison:
    """What `workbench compare` takes; `settings` are assignments `NAME.OPTION=VALUE`."""

    systems: Sequence[str]
    benchmark: str
    limit: int | None = None
    mode: "Mode" = "latency"
    seed: int = 0
    time_limit: float | None = None
    settings: Sequence[str] = ()
    tracking_uri: str | None = None
    oracles: bool = False

    def plugins(self) -> tuple[dict[str, Callable[[], "System"]], Callable[[], "Benchmark"]]:
        """What makes each system, by name, and what makes the benchmark; raises `ConfigurationError` for an unknown
        name or option."""
        settings = settings_by_name(self.settings, [*self.systems, self.benchmark])
        systems = {name: registry.prepare("systems", name, settings[name]) for name in self.systems}
        return systems, registry.prepare("benchmarks", self.benchmark, settings[self.benchmark])


def compare(comparison: Comparison, out: Path) -> tuple["Run", bool]:
    """Do all of it in the run folder `out`, or continue there; returns the run and whether it has its report and is
    logged.

    Raises `ConfigurationError` before any work; predictions are kept whatever else is raised.
    """
    systems, make_benchmark = comparison.plugins()
    registry.load("reporters", "html")

    from workbench.runner import run
    from workbench.runs import finish
    from workbench.store import check_writable

    check_writable(out)
    run(
        systems,
        make_benchmark,
        out,
        limit=comparison.limit,
        mode=comparison.mode,
        seed=comparison.seed,
        time_limit=comparison.time_limit,
        oracles=comparison.oracles,
        settings={"set": list(comparison.settings), **({"oracles": True} if comparison.oracles else {})},
    )
    finished = finish(out)
    print(_scores(finished.results))
    if finished.results["oracles"]:
        print(_gains(finished.results))
    finished, reported = with_report(finished)
    finished, tracked = with_tracking(finished, comparison.tracking_uri)
    return finished, reported and tracked


def with_report(run: "Run") -> tuple["Run", bool]:
    """Write the report of a finished run into its folder; returns the run and whether that went well."""
    from workbench.runs import add_report

    write = registry.load("reporters", "html")
    try:
        path = write(run, run.path / "report.html")
    except Exception:  # the results are on disk: say what failed, go on
        traceback.print_exc()
        print(f"workbench: the report failed; write it with `workbench report {run.path}`", file=sys.stderr)
        return run, False
    print(f"report: {path}")
    return add_report(run, path), True


def with_tracking(run: "Run", uri: str | None) -> tuple["Run", bool]:
    """Log a finished run to MLflow; returns the run and whether that went well."""
    from workbench.runs import add_tracking
    from workbench.tracking import TrackingError, track

    try:
        logged = track(run, uri)
    except TrackingError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return run, False
    print(f"MLflow: experiment {logged['experiment']}; open it with")
    print(f"    mlflow ui --backend-store-uri {logged['tracking_uri']}")
    return add_tracking(run, logged), True


def settings_by_name(assignments: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read `name.option=value` (YAML values), by name; raises `ConfigurationError` for anything else."""
    import yaml

    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for assignment in assignments:
        target, equals, value = assignment.partition("=")
        name, _, option = target.rpartition(".")
        if not equals or not option or name not in settings:
            raise ConfigurationError(
                f"--set expects NAME.OPTION=VALUE with a name among {', '.join(names)}, got {assignment!r}"
            )
        try:
            settings[name][option] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"--set {assignment}: the value is not YAML: {error}") from error
    return settings


def _scores(results: Mapping[str, Any]) -> str:
    """The scores as a text table, one row for each system."""
    systems = results["systems"]
    metrics = list(next(iter(systems.values()))["metrics"])
    header = ["system", *metrics, "p50 s", "p90 s", "cold s", "calls", "failed"]
    rows = [header] + [
        [
            name,
            *(_number(result["metrics"][metric]) for metric in metrics),
            *(_number(seconds, 3) for seconds in (result["latency"]["p50"], result["latency"]["p90"])),
            _number(result["cold_start"], 3),
            _number(result["calls_per_sample"], 3),
            f"{result['n_failed']}/{result['samples']}",
        ]
        for name, result in systems.items()
    ]
    return _aligned(rows)


def _gains(results: Mapping[str, Any]) -> str:
    """What perfect parts would buy as a text table, one row for each oracle; gains in fractions."""
    from workbench.failures.oracles import shown_metrics

    metrics = shown_metrics(results)
    rows = [["gain of a perfect ...", *(f"{metric} (95 %, p)" for metric in metrics), "changed", "failed"]]
    notes = []
    for row in results["oracles"]:
        name = f"{row['system']}: {row['oracle']}"
        if row["gains"] is None:
            notes.append(f"{name}: {row['note']}")
            continue
        cells = [_gain(row["gains"][metric]) for metric in metrics]
        samples = results["systems"][row["system"]]["samples"]
        rows.append([name, *cells, f"{row['changed']}/{samples}", f"{row['n_failed']}/{samples}"])
    return "\n".join([_aligned(rows), *notes])


def _gain(found: Mapping[str, Any]) -> str:
    if found["difference"] is None or found["interval"] is None:
        return "-" if found["difference"] is None else f"{found['difference']:+.3f}"
    low, high = found["interval"]
    return f"{found['difference']:+.3f} ({low:+.3f} to {high:+.3f}, {found['p_holm']:.3f})"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, the first one to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _number(value: float | None, digits: int | None = None) -> str:
    """Three decimals, or so many significant digits; a dash for what is undefined."""
    if value is None:
        return "-"
    return f"{value:.3f}" if digits is None else f"{value:.{digits}g}"
