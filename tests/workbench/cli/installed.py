"""The toy systems, benchmark and recipe, to install as a plugin."""

TOYS = {
    "systems": {"toy-a": "tests.workbench.toys:threshold", "toy-b": "tests.workbench.toys:threshold"},
    "benchmarks": {"toy": "tests.workbench.toys:rectangles"},
}


RECIPES = '''
from pathlib import Path
from typing import NotRequired, TypedDict

class Config(TypedDict):
    steps: int
    rate: NotRequired[float]
    minutes: NotRequired[float]
    match_minutes: NotRequired[float]
    validation: NotRequired[int]

def tiny(config: Config, out: Path) -> None:
    """Writes down what it was given."""
    (out / "config.txt").write_text(str(config))
'''
