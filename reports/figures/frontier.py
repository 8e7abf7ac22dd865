"""Variants of a system against the first of them: what they lose in accuracy, and what they save."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.style import FIGURE_STYLE, MUTED, WIDTH, system_style
from workbench.data.results import Results, info, main_metric
from workbench.data.units import difference_unit, factor, labelled
from workbench.scoring.frontier import COSTS, Variant, costs, variants

PANELS = 3
"""Of `COSTS`, beside that of accuracy: the first that are known."""


@mpl.rc_context(FIGURE_STYLE)
def variants_against_first(results: Results) -> Figure:
    """The difference of the main metric with its 95 % interval, and what else it costs as a multiple of the first, a
    row for each variant and a panel for each number."""
    found = variants(results)
    kept = costs(found)[:PANELS]
    down = 1 if len(kept) < 2 else 2
    figure = Figure(figsize=(WIDTH, 0.5 + down * (0.75 + 0.24 * len(found))), layout="constrained")
    panels = figure.subplots(down, 2, sharey=True, squeeze=False).flatten()
    _accuracy(panels[0], results, found)
    for axes, what in zip(panels[1:], kept, strict=False):
        _cost(axes, results, found, what)
    for axes in panels[1 + len(kept) :]:
        axes.set_visible(False)
    for axes in panels:
        axes.set_yticks(range(len(found)), [one.name for one in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    return figure


def _accuracy(axes: Axes, results: Results, found: list[Variant]) -> None:
    metric = main_metric(results)
    about, style = info(results, metric), system_style(results.systems)
    scale = factor(about.unit)
    axes.axvline(0, color=MUTED, lw=0.7)
    for place, one in enumerate(found):
        colour, marker = style[one.name]
        difference = one.difference
        if difference is None or difference.difference is None:
            if not place:
                axes.plot([0], [0], marker=marker, color=colour, ms=6, ls="none")
            continue
        axes.plot([scale * difference.difference], [place], marker=marker, color=colour, ms=6, ls="none")
        if difference.interval:
            axes.plot([scale * end for end in difference.interval], [place] * 2, color=colour, lw=1.6)
    axes.set_xlabel(labelled(f"{metric} minus {found[0].name}", about, difference_unit(about.unit)))


def _cost(axes: Axes, results: Results, found: list[Variant], what: str) -> None:
    style = system_style(results.systems)
    ratios = [one.times(what, found[0]) for one in found]
    for place, (one, ratio) in enumerate(zip(found, ratios, strict=True)):
        if ratio is not None:
            axes.barh(place, ratio, height=0.6, color=style[one.name][0])
            axes.annotate(f"{ratio:.2f}", (ratio, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.axvline(1, color=MUTED, lw=0.7)
    axes.set_xlim(0, 1.25 * max([1.0, *(ratio for ratio in ratios if ratio is not None)]))
    axes.set_xlabel(f"{COSTS[what]}, times")
