"""Compare ways of segmenting what an instruction asks for: single pass against agent."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.comparison.api import compare
    from workbench.runs.run import Run
    from workbench.tracking.load import load_run, load_runs

__version__ = "0.2.0"
__all__ = ["Run", "compare", "load_run", "load_runs"]

_HOMES = {
    "Run": "workbench.runs.run",
    "compare": "workbench.comparison.api",
    "load_run": "workbench.tracking.load",
    "load_runs": "workbench.tracking.load",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package stays free."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
