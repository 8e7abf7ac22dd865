"""A whole comparison as one call, for notebooks and other programs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.data.choices import Choice
    from workbench.plugins.interfaces import Benchmark, Segmenter, System
    from workbench.plugins.registry import Group
    from workbench.runs.run import Run
    from workbench.workers.answers import Mode
    from workbench.workers.wanted import Workers


def compare(
    systems: "Sequence[str] | Mapping[str, str | Callable[..., System]]",
    benchmark: str,
    out: Path | str,
    *,
    limit: int | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    mode: "Mode" = "latency",
    seed: int = 0,
    time_limit: float | None = None,
    oracles: bool | Sequence[str] = False,
    tracking_uri: str | None = None,
    keep_failed: bool = False,
    stop_after: int = 5,
    repeats: int = 0,
    prices: Path | str | None = None,
    budget: float | None = None,
    sample: "Choice" = "first",
    workers: "int | Workers | None" = None,
) -> "Run":
    """Run systems over a benchmark, score them and write the report, in the run folder `out`. If `out` holds an earlier
    part of the same run, continue it.

    `systems`: names that `workbench list` shows; or a mapping from the names shown in the run to such a name, or to any
    function or class that returns a system when it is called without arguments (see
    `workbench.plugins.interfaces.System`). `options`: by name of a system of the run or of the benchmark, as with
    `--set`. `workers`: in how many processes of this machine each system is asked, or `Workers` that say where
    else they are. The other arguments are those of `workbench compare`, but the run is logged to MLflow only where
    `tracking_uri` is given.

    Raises `ConfigurationError` before any work, and `StoppedError` where the disk or a server fails or the budget is
    spent. Predictions are kept whatever is raised; the same call continues from there.
    """
    from workbench.comparison.comparison import Comparison, scored, with_report, with_tracking
    from workbench.tracking.stores import OFF
    from workbench.workers.wanted import Workers

    comparison = Comparison(
        systems,
        benchmark,
        limit,
        mode,
        seed,
        time_limit,
        options or {},
        tracking_uri or OFF,
        oracles,
        keep_failed,
        stop_after,
        repeats,
        None if prices is None else Path(prices),
        budget,
        sample=sample,
        workers=Workers(workers) if isinstance(workers, int) else workers,
    )
    with scored(comparison, Path(out)) as run:
        run, _ = with_report(run)
        return with_tracking(run, tracking_uri)[0] if tracking_uri else run


def make_system(name: str, **options: Any) -> "System":
    """A system by the name that `workbench list` shows, with these options; raises `ConfigurationError`."""
    made: System = _made("systems", name, options)
    return made


def make_benchmark(name: str, **options: Any) -> "Benchmark":
    """A benchmark by the name that `workbench list` shows, with these options: `make_benchmark("tabletop",
    scenes=3).samples()`.
    """
    made: Benchmark = _made("benchmarks", name, options)
    return made


def make_segmenter(name: str, **options: Any) -> "Segmenter":
    """A segmenter by the name that `workbench list` shows, with these options; raises `ConfigurationError`."""
    made: Segmenter = _made("segmenters", name, options)
    return made


def _made(group: "Group", name: str, options: Mapping[str, Any]) -> Any:
    from workbench.plugins.registry import prepare

    return prepare(group, name, options)()
