"""A small finished run."""

from pathlib import Path

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.runs.run import Run
from workbench.scoring.finish import finish


def made(folder: Path, near: int = 90) -> Run:
    systems = {"wide": lambda: threshold(near), "narrow": lambda: threshold(0)}
    run(systems, lambda: Rectangles(folder.parent / "data", 24), folder)
    return finish(folder)
