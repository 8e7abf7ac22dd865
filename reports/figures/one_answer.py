"""Figures of one answer taken apart: masks one by one, and attention over the image and over words."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.sample_panels import picture, tinted
from reports.figures.style import FIGURE_STYLE, INK, MUTED, SYSTEM_COLOURS
from workbench.data.masks import Rle

Pixels = NDArray[np.uint8]


@mpl.rc_context(FIGURE_STYLE)
def pictures(images: Sequence[Pixels], titles: Sequence[str], columns: int = 4, side: float = 1.9) -> Figure:
    """Images `[h, w, 3] uint8` in rows, each under its title, `side` inches wide."""
    figure, panels = _grid(len(images), columns, side, max((t.count("\n") for t in titles), default=0))
    for axes, image, title in zip(panels, images, titles, strict=False):
        picture(axes, image, (), "", title)
    return figure


@mpl.rc_context(FIGURE_STYLE)
def mask_panels(
    image: Pixels,
    masks: Sequence[tuple[Rle, str]],
    colours: Sequence[str] = SYSTEM_COLOURS[:1],
    columns: int = 4,
    side: float = 1.9,
) -> Figure:
    """The image once for each mask with its title; masks take turns with the colours."""
    lines = max((title.count("\n") for _, title in masks), default=0)
    figure, panels = _grid(len(masks), columns, side, lines)
    for place, (axes, (mask, title)) in enumerate(zip(panels, masks, strict=False)):
        colour = colours[place % len(colours)]
        picture(axes, tinted(image, [mask], colour), [mask], colour, title)
    return figure


@mpl.rc_context(FIGURE_STYLE)
def heat_panels(
    image: Pixels, heats: Sequence[tuple[NDArray[np.float32], str]], columns: int = 4, side: float = 1.9
) -> Figure:
    """The image in grey under each heat map `[rows, columns]`, which covers all of it; one scale for all of them."""
    figure, panels = _grid(len(heats), columns, side, max((title.count("\n") for _, title in heats), default=0))
    grey = np.repeat(image.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    most = max((float(heat.max()) for heat, _ in heats), default=1.0)
    height, width = image.shape[:2]
    for axes, (heat, title) in zip(panels, heats, strict=False):
        picture(axes, grey, (), "", title)
        shown = axes.imshow(
            heat, cmap="inferno", alpha=0.65, vmin=0, vmax=most, extent=(-0.5, width - 0.5, height - 0.5, -0.5)
        )
    if heats:
        bar = figure.colorbar(shown, ax=panels[: len(heats)], shrink=0.8, pad=0.02)
        bar.set_label("attention weight")
    return figure


@mpl.rc_context(FIGURE_STYLE)
def word_heat(words: Sequence[str], weights: NDArray[np.float32], rows: Sequence[str], label: str) -> Figure:
    """A table of weights `[rows, words]` in percent, as colours and as numbers."""
    figure = Figure(figsize=(max(3.2, 1.5 + 0.62 * len(words)), 0.9 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    percent = 100 * weights
    top = float(percent.max()) if percent.size else 1.0
    axes.imshow(percent, cmap="inferno", vmin=0, vmax=top, aspect="auto")
    for row, column in np.ndindex(*percent.shape):
        value = percent[row, column]
        colour = "white" if value < 0.6 * top else INK
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", size=7.5, color=colour)
    axes.set_xticks(range(len(words)), list(words), rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_title(label, fontsize=9, color=MUTED)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def _grid(count: int, columns: int, side: float, more_lines: int) -> tuple[Figure, list[Axes]]:
    """A figure with at least `count` panels in rows; those that are not needed stay empty."""
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    height = rows * (side + 0.35 + 0.17 * more_lines)
    figure = Figure(figsize=(columns * side + 0.1, height), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(rows, columns)).flat)
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels
