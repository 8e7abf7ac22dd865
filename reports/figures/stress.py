"""Figures of stress axes: a metric against the level, for each system."""

import math
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.shared import legend
from reports.figures.style import FIGURE_STYLE, MUTED, PAPER, WIDTH, system_style
from reports.text.stress import unit_of
from workbench.data.metric_info import FRACTION
from workbench.data.stress import StressResults, label
from workbench.data.units import factor, labelled, value_unit

HEIGHT = 2.3


@mpl.rc_context(FIGURE_STYLE)
def against_level(stress: StressResults, metrics: Sequence[str], with_legend: bool = True) -> Figure:
    """Each metric against the level, a panel each, with 95 % intervals as bands (bars where levels have no order). A
    dashed line is where the curves of the first two systems cross, if the interval of that place is closed at one side
    at least."""
    figure = Figure(figsize=(WIDTH, HEIGHT + (0.3 if with_legend else 0)), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        _panel(axes, stress, metric)
    figure.supxlabel(unit_of(stress.axis), fontsize=9)
    if with_legend:
        legend(figure, list(stress.curves))
    return figure


def _panel(axes: Axes, stress: StressResults, metric: str) -> None:
    axis, about = stress.axis, stress.metrics[metric]
    scale = factor(about.unit)
    count = len(stress.curves)
    for place, (system, (colour, marker)) in enumerate(system_style(stress.curves).items()):
        curve = stress.curves[system][metric]
        apart = 0.0 if axis.ordered else 0.16 * (place - (count - 1) / 2)
        x = [float(level) for level in axis.levels] if axis.ordered else [i + apart for i in range(len(axis.levels))]
        y = [math.nan if value is None else scale * value for value in curve.values]
        bounds = [(math.nan, math.nan) if one is None else (scale * one[0], scale * one[1]) for one in curve.intervals]
        low, high = ([one[side] for one in bounds] for side in (0, 1))
        if axis.ordered:
            axes.fill_between(x, low, high, color=colour, alpha=0.14, lw=0)
        else:
            axes.vlines(x, low, high, color=colour, lw=1.2, alpha=0.6)
        axes.plot(
            x, y, color=colour, lw=1.5 if axis.ordered else 0, marker=marker, ms=4.5, mec=PAPER, mew=0.6, clip_on=False
        )
    for pair in [one for one in stress.pairs if one.metric == metric][:1]:
        for crossing in pair.crossings[:1]:
            if crossing.interval not in (None, (None, None)):
                axes.axvline(crossing.at, color=MUTED, lw=0.9, ls=(0, (4, 3)))
    axes.set_title(labelled(metric, about, value_unit(about.unit)), fontsize=9, loc="left")
    if axis.ordered:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=all(float(level).is_integer() for level in axis.levels)))
    else:
        names = [label(level) for level in axis.levels]
        axes.set_xticks(range(len(names)), names, rotation=30 if len("".join(names)) > 16 else 0, ha="center")
        axes.set_xlim(-0.5, len(names) - 0.5)
    if about.unit == FRACTION:
        axes.set_ylim(0, 100)
    else:
        axes.set_ylim(bottom=0)
