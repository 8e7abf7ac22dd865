"""Compare ways of segmenting what an instruction asks for: single pass against agent."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.runs import Run

__version__ = "0.1.0"


def load_run(path: "Path | str") -> "Run":
    """Read a run folder, see `workbench.runs.Run`; raises `ConfigurationError` where it is none."""
    from workbench.runs import load_run as load  # here, so that importing the package stays free

    return load(path)
