"""A whole comparison, from names to results, report and MLflow: what `compare` does once and `schedule` repeats."""

import inspect
import json
import re
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
    """What `workbench compare` takes; `settings` are assignments `NAME.OPTION=VALUE`.

    `seed`: of all random generators, and of a benchmark that is generated from one.

    `systems`: names of systems, or what each name stands for: a name as well, or a function that makes the system.
    `oracles`: names of parts, or True for all that the systems have.
    """

    systems: Sequence[str] | Mapping[str, "str | Callable[..., System]"]
    benchmark: str
    limit: int | None = None
    mode: "Mode" = "latency"
    seed: int = 0
    time_limit: float | None = None
    settings: Sequence[str] = ()
    tracking_uri: str | None = None
    oracles: bool | Sequence[str] = False

    def plugins(self) -> tuple[dict[str, Callable[[], "System"]], Callable[[], "Benchmark"]]:
        """What makes each system, by name, and what makes the benchmark; raises `ConfigurationError` for an unknown
        name or option."""
        for name in self.systems:
            if not re.fullmatch(r"\w[\w.+-]*", name):  # it names a folder
                raise ConfigurationError(f"expected the name of a system to be letters, digits and .+-_, got {name!r}")
        settings = settings_by_name(self.settings, [*self.systems, self.benchmark])
        systems = {
            name: registry.prepare("systems", made_by, settings[name])
            if isinstance(made_by, str)
            else registry.bind(name, made_by, settings[name])
            for name, made_by in self.makers().items()
        }
        return systems, self._benchmark(settings[self.benchmark])

    def _benchmark(self, options: Mapping[str, Any]) -> Callable[[], "Benchmark"]:
        """What makes the benchmark; one that is generated from a seed takes the comparison's, unless it is set."""
        factory = registry.load("benchmarks", self.benchmark)
        seeded = "seed" in inspect.signature(factory).parameters
        return registry.bind(self.benchmark, factory, {"seed": self.seed, **options} if seeded else options)

    def makers(self) -> dict[str, "str | Callable[..., System]"]:
        """What makes each system, by the name it has in the run: the name of a plugin, or a function."""
        return dict(self.systems if isinstance(self.systems, Mapping) else zip(self.systems, self.systems, strict=True))

    def notes(self) -> dict[str, Any]:
        """What the manifest has to say of it beyond the runner's options: `set`, `oracles`, and under `makers` the
        systems that are not a plugin of their own name: the plugin's, or `python:MODULE.FUNCTION`."""
        made = {name: _described(maker) for name, maker in self.makers().items() if maker != name}
        oracles = self.oracles if isinstance(self.oracles, bool) else list(self.oracles)
        more = {"oracles": oracles, "makers": made}
        return {"set": list(self.settings), **{key: value for key, value in more.items() if value}}


def compare(comparison: Comparison, out: Path) -> tuple["Run", bool]:
    """Do all of it in the run folder `out`, or continue there; returns the run and whether it has its report and is
    logged.

    Raises `ConfigurationError` before any work; predictions are kept whatever else is raised.
    """
    finished = scored(comparison, out)
    print(_scores(finished.results))
    if finished.results["oracles"]:
        print(_gains(finished.results))
    finished, reported = with_report(finished)
    finished, tracked = with_tracking(finished, comparison.tracking_uri)
    return finished, reported and tracked


def scored(comparison: Comparison, out: Path) -> "Run":
    """The same up to the scores, without report and MLflow."""
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
        settings=comparison.notes(),
    )
    return finish(out)


def with_report(run: "Run") -> tuple["Run", bool]:
    """Write report and figures of a finished run into its folder; returns the run and whether that went well."""
    from workbench.runs import add_report

    write, draw = (registry.load("reporters", name) for name in ("html", "figures"))
    try:
        path = write(run, run.path / "report.html")
        draw(run, run.path / "figures")
    except Exception:  # the results are on disk: say what failed, go on
        traceback.print_exc()
        print(f"workbench: the report failed; write it with `workbench report {run.path}`", file=sys.stderr)
        return run, False
    here = Path.cwd()
    print(f"report: {path.relative_to(here) if path.is_relative_to(here) else path}")
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


def assignments(options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Options by name as the assignments that `settings_by_name` reads."""
    return [f"{name}.{option}={_yaml(value)}" for name, given in options.items() for option, value in given.items()]


def _yaml(value: Any) -> str:
    try:
        return json.dumps(str(value) if isinstance(value, Path) else value, allow_nan=False)  # YAML reads JSON
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"expected an option to be a plain value, got {value!r}: {error}") from error


def _described(maker: "str | Callable[..., System]") -> str:
    if isinstance(maker, str):
        return maker
    return f"python:{maker.__module__}.{getattr(maker, '__qualname__', type(maker).__name__)}"


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
