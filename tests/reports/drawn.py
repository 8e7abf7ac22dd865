"""Results to draw, and what was drawn."""

import json
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from workbench.data.results import Results, read_results
from workbench.runs.run import Run


def copied(run: Run) -> Any:
    """The results as JSON that can be changed; `typed` makes results of it again."""
    return json.loads(json.dumps(run.results.to_json()))


def typed(results: Any) -> Results:
    return read_results(results, "results.json")


def points(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """Marker positions in one colour, in drawing order."""
    lines = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]
