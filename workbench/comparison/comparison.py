"""A whole comparison, from names to results, report and MLflow: what `compare` does once and `schedule` repeats."""

import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError, disk_fault, short, stopping
from workbench.data.secrets import hide_setting
from workbench.data.shards import Shard
from workbench.plugins import registry
from workbench.plugins.assignments import as_assignments
from workbench.plugins.checks import Maker, takes
from workbench.plugins.names import unknown

if TYPE_CHECKING:
    from workbench.data.choices import Choice
    from workbench.data.prices import Prices
    from workbench.plugins.interfaces import Benchmark, System
    from workbench.runs.run import Run
    from workbench.workers.answers import Mode
    from workbench.workers.wanted import Workers


@dataclass(frozen=True)
class Comparison:
    """What `workbench compare` takes; `settings` are options by name of a system or of the
    benchmark, values of Python or as they were `Written`.

    `seed`: of all random generators, and of a benchmark that is generated from one.

    `benchmark`: a name, or a function that makes the benchmark.
    `systems`: names of systems, or what each name stands for: a name as well, or a function that makes the system.
    `oracles`: names of parts, or True for all that the systems have. `keep_failed` and `stop_after` are those of
    `workbench.comparison.outages.Patience`. `repeats`: how often samples are asked again in turns, to compare times.
    `prices`: a YAML file, see `workbench.data.prices`; `budget`: what all answers may cost by these prices.
    `shard`: the part of the samples that is asked. `sample`: whether `limit` takes the first or random ones.
    `commands`: those that make the run, where it is not one `workbench compare`.
    `workers`: processes that ask the systems, in place of this one.
    """

    systems: Sequence[str] | Mapping[str, "str | Callable[..., System]"]
    benchmark: "str | Callable[[], Benchmark]"
    limit: int | None = None
    mode: "Mode" = "latency"
    seed: int = 0
    time_limit: float | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tracking_uri: str | None = None
    oracles: bool | Sequence[str] = False
    keep_failed: bool = False
    stop_after: int = 5
    repeats: int = 0
    prices: Path | None = None
    budget: float | None = None
    shard: Shard | None = None
    sample: "Choice" = "first"
    commands: Sequence[str] = ()
    workers: "Workers | None" = None

    def plugins(self) -> tuple[dict[str, Maker], Maker]:
        """The makers of all systems, by name, and the maker of the benchmark. Raises `ConfigurationError` for an
        unknown name or option, and for a value that does not fit its option.
        """
        for name in self.systems:
            if not re.fullmatch(r"\w[\w.+-]*", name):  # it names a folder
                raise ConfigurationError(f"expected the name of a system to be letters, digits and .+-_, got {name!r}")
        known = [*self.systems, *([self.benchmark] if isinstance(self.benchmark, str) else [])]
        for name, given in self.settings.items():
            if name not in known:
                raise ConfigurationError(unknown("name with options", str(name), known))
            if not isinstance(given, Mapping):
                raise ConfigurationError(f"expected the options of {name} to be a mapping, got {short(given)}")
        systems = {
            name: registry.prepare("systems", made_by, self.settings.get(name), called=name)
            if isinstance(made_by, str)
            else registry.bind(name, made_by, self.settings.get(name))
            for name, made_by in self.makers().items()
        }
        return systems, self._benchmark()

    def _benchmark(self) -> Maker:
        """The maker of the benchmark. A benchmark that is generated from a seed takes that of the comparison, unless
        its own is set.
        """
        if not isinstance(self.benchmark, str):
            return registry.bind("benchmark", self.benchmark, group="benchmarks")
        given = self.settings.get(self.benchmark, {})
        seeded = takes(registry.load("benchmarks", self.benchmark), "seed")
        return registry.prepare("benchmarks", self.benchmark, {"seed": self.seed, **given} if seeded else given)

    def makers(self) -> dict[str, "str | Callable[..., System]"]:
        """The maker of each system, by the system's name in the run: the name of a plugin, or a function."""
        return dict(self.systems if isinstance(self.systems, Mapping) else zip(self.systems, self.systems, strict=True))

    def priced(self) -> "Prices | None":
        """The prices in the file; raises `ConfigurationError` for a file that has none, and for a budget that cannot be
        kept.
        """
        if self.budget is not None and not self.budget > 0:
            raise ConfigurationError(f"budget must be above 0, got {self.budget:g}")
        if self.prices is None:
            if self.budget is not None:
                raise ConfigurationError("a budget needs prices: expected --prices FILE beside --budget")
            return None

        from workbench.data.prices import read_prices

        return read_prices(self.prices, list(self.systems))

    def notes(self) -> dict[str, Any]:
        """What the manifest has to say of it beyond the runner's options: `set`, `oracles`, and under `makers` the
        systems that are not a plugin of their own name: the plugin's, or `python:MODULE.FUNCTION`."""
        made = {name: _described(maker) for name, maker in self.makers().items() if maker != name}
        oracles = self.oracles if isinstance(self.oracles, bool) else list(self.oracles)
        more = {"oracles": oracles, "makers": made, "commands": list(self.commands)}
        return {
            "set": [hide_setting(setting) for setting in as_assignments(self.settings)],
            **{key: value for key, value in more.items() if value},
        }


@contextmanager
def predicted(comparison: Comparison, out: Path, tracked: bool = False) -> "Iterator[None]":
    """Run a comparison in the run folder `out`, or continue there. The block holds the folder's lock, so that scores,
    report and MLflow (`delivered`) can follow safely. `tracked`: an MLflow store that cannot be written is found before
    any work.

    Raises `ConfigurationError` before any work, and `StoppedError` where the disk or a server fails. Predictions are
    kept whatever is raised.
    """
    systems, make_benchmark = comparison.plugins()
    prices = comparison.priced()
    registry.load("reporters", "html")

    from workbench.comparison.outages import Patience
    from workbench.comparison.runner import run
    from workbench.runs.files import check_writable, held
    from workbench.tracking.reaching import check_reachable
    from workbench.tracking.stores import chosen

    chosen(comparison.tracking_uri)  # raises for one that keeps nothing
    check_writable(out)
    if tracked:
        check_reachable(comparison.tracking_uri, out)
    goes_on = f"give the same command again, with --out {out}"
    with held(out):
        with stopping(f"The predictions so far are kept in {out}: when there is room, {goes_on}"):
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
                patience=Patience(comparison.stop_after, comparison.keep_failed),
                repeats=comparison.repeats,
                prices=prices,
                budget=comparison.budget,
                shard=comparison.shard,
                sample=comparison.sample,
                workers=comparison.workers,
            )
        yield


@contextmanager
def scored(comparison: Comparison, out: Path, store_first: bool = True) -> "Iterator[Run]":
    """Like `predicted`, and the run is scored when the block begins. `store_first`: an MLflow store that cannot be
    written is found before any work; else the run is scored without it.
    """
    from workbench.scoring.finish import finish

    goes_on = f"give the same command again, with --out {out}"
    with predicted(comparison, out, tracked=store_first):
        with stopping(f"All predictions are in {out}, but not their scores: when there is room, {goes_on}", True):
            finished = finish(out)
        yield finished


def delivered(run: "Run", tracking_uri: str | None) -> tuple["Run", bool]:
    """Write the report of a finished run and log the run to MLflow. Returns the run, and whether both succeeded."""
    from workbench.runs.files import held

    with held(run.path):
        run, reported = with_report(run)
        run, tracked = with_tracking(run, tracking_uri)
    return run, reported and tracked


def with_report(run: "Run") -> tuple["Run", bool]:
    """Write report and figures of a finished run into its folder. Returns the run, and whether that succeeded."""
    from workbench.runs.files import held
    from workbench.runs.run import add_report

    write, draw = (registry.load("reporters", name) for name in ("html", "figures"))
    with held(run.path):
        try:
            path = write(run, run.path / "report.html")
            draw(run, run.path / "figures")
            reported = add_report(run, path)
        except Exception as error:  # the results are on disk: report the failure and continue
            reason = disk_fault(error)
            if reason is None:
                traceback.print_exc()
            because = f" ({reason})" if reason else ""
            again = f"write it with `workbench report {run.path}`"
            print(f"workbench: the report failed{because}; {again}", file=sys.stderr)
            return run, False
    here = Path.cwd()
    print(f"report: {path.relative_to(here) if path.is_relative_to(here) else path}")
    return reported, True


def with_tracking(run: "Run", uri: str | None) -> tuple["Run", bool]:
    """Log a finished run to MLflow. Returns the run, and whether that succeeded; it counts as success where no tracking
    is wanted (`none`).
    """
    from workbench.runs.files import held
    from workbench.runs.run import add_tracking
    from workbench.tracking.log import TrackingError, track

    with held(run.path):
        try:
            logged = track(run, uri)
            tracked = add_tracking(run, logged) if logged else run
        except TrackingError as error:
            print(f"workbench: {error}", file=sys.stderr)
            return run, False
        except OSError as error:
            reason = disk_fault(error)
            if reason is None:
                raise
            print(f"workbench: the run was logged to MLflow, but {run.path} cannot say so: {reason}", file=sys.stderr)
            return run, False
    if logged:
        print(f"MLflow: experiment {logged['experiment']}; open it with")
        print(f"    mlflow ui --backend-store-uri {shlex.quote(logged['tracking_uri'])}")
    return tracked, True


def _described(maker: "str | Callable[..., System]") -> str:
    if isinstance(maker, str):
        return maker
    return f"python:{maker.__module__}.{getattr(maker, '__qualname__', type(maker).__name__)}"
