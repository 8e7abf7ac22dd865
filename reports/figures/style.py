"""Colours and type of the figures; the page uses the same ones."""

from collections.abc import Iterable
from typing import Any

from workbench.data.colours import BAD as BAD
from workbench.data.colours import GRID as GRID
from workbench.data.colours import INK as INK
from workbench.data.colours import MUTED as MUTED
from workbench.data.colours import PAPER as PAPER
from workbench.data.colours import SYSTEM_COLOURS as SYSTEM_COLOURS
from workbench.data.vocabulary import CALL_KINDS, OTHER, title

MARKERS = "osD^vPX<"
"""Of systems by their place, beside their colours."""
UNRECORDED = "unrecorded"
"""The time of a sample that none of its calls recorded."""
CALL_COLOURS = {
    "llm": "#35475b",
    "encode": "#5fa08f",
    "segment": "#d9b23c",
    "decode": "#eadfc6",
    "render": "#b2557f",
    OTHER: "#8d86a8",
    UNRECORDED: "#bdbdbd",
}
"""By kind of call; all kinds that systems named themselves share one colour."""
CALL_NAMES = {**{kind: title(kind) for kind in CALL_KINDS}, OTHER: "other calls", UNRECORDED: "outside the calls"}
WIDTH = 5.0
"""Inches; narrow enough that labels stay readable on a phone."""

FIGURE_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 110,
    "figure.facecolor": PAPER,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}


def system_style(systems: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker per system, by its place in the results."""
    return {
        name: (SYSTEM_COLOURS[i % len(SYSTEM_COLOURS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(systems)
    }
