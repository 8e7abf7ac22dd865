"""A stress suite as one call, for notebooks and other programs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.plugins.interfaces import System
    from workbench.runs.run import Run


def sweep(
    suite: str,
    out: Path | str,
    systems: "Sequence[str] | Mapping[str, str | Callable[..., System]]",
    *,
    axes: Sequence[str] | None = None,
    questions: int | None = None,
    root: Path | str = "data",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    tracking_uri: str | None = None,
    reports: bool = False,
) -> "dict[str, Run]":
    """Sweep the axes of a stress suite, write its page, and return the finished run of each axis by its name in the
    suite; what `out` holds already is continued.

    `suite`: a shipped suite's name or a YAML file. `systems`, `options`, `seed` and `tracking_uri` are those of
    `workbench.compare`. `axes`: only these; `questions`: so many at each level; `reports`: a report for each axis too.
    Raises `ConfigurationError` before any work. An axis whose files are missing has no run.
    """
    from workbench.comparison.comparison import Comparison
    from workbench.stress.running import chosen, plan
    from workbench.stress.suite import read_suite
    from workbench.suites.running import run_suite
    from workbench.tracking.stores import OFF

    wanted = chosen(read_suite(suite), axes, questions)
    comparison = Comparison(
        systems, wanted.entries[0].benchmark, seed=seed, settings=options or {}, tracking_uri=tracking_uri or OFF
    )
    call = f"workbench.sweep({suite!r}, ...)"
    planned = plan(wanted, Path(root), comparison, Path(out), call)
    rows = run_suite(wanted, Path(root), planned, Path(out), "stress", reports)
    return {row.entry.name: row.run for row in rows if row.run is not None}
