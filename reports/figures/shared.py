"""What several figures draw in the same way."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import MUTED, system_style


def legend(figure: Figure, names: Sequence[str]) -> None:
    """Colours and markers of the systems, above a figure."""
    handles = [
        mpl.lines.Line2D([], [], marker=marker, color=colour, ms=6, lw=1.6, label=name)
        for name, (colour, marker) in system_style(names).items()
    ]
    fitting = max(1, 72 // (6 + max(map(len, names), default=1)))  # a figure is about 72 characters wide
    columns = min(len(names), 3, fitting)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=1.6, columnspacing=1.4)


def nothing(figure: Figure, axes: Axes, why: str) -> Figure:
    """An empty figure with a sentence that says why it shows nothing."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=MUTED)
    return figure
