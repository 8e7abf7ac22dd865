"""Compare ways of segmenting what an instruction asks for: single pass against agent."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api import compare
    from workbench.frames import load_runs
    from workbench.runs import Run, load_run

__version__ = "0.1.0"
__all__ = ["Run", "compare", "load_run", "load_runs"]

_HOMES = {
    "Run": "workbench.runs",
    "compare": "workbench.api",
    "load_run": "workbench.runs",
    "load_runs": "workbench.frames",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package stays free."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
