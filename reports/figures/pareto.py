"""Accuracy against latency: the systems of a comparison and their Pareto front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from reports.figures.latency import time_axis
from reports.figures.shared import nothing
from reports.figures.style import FIGURE_STYLE, GRID, MUTED, PAPER, WIDTH, system_style
from workbench.data.metric_info import FRACTION
from workbench.data.results import Results, info, main_metric
from workbench.data.units import factor, labelled, value_unit


@dataclass(frozen=True)
class Point:
    """A system: median seconds and the main metric as it is shown (a fraction in percent), each with `(low, high)` of
    its interval, where it has none twice the value."""

    name: str
    seconds: float
    value: float
    across: tuple[float, float]
    upward: tuple[float, float]


def points(results: Results) -> list[Point]:
    """The systems that have both a median latency and a value of the main metric."""
    metric = main_metric(results)
    scale = factor(info(results, metric).unit)
    placed = []
    for name, system in results.systems.items():
        value, seconds = system.metrics.get(metric), system.latency.p50
        if value is not None and seconds:
            low, high = system.latency.intervals.get("p50") or (seconds, seconds)
            bottom, top = system.intervals.get(metric) or (value, value)
            placed.append(Point(name, seconds, scale * value, (low, high), (scale * bottom, scale * top)))
    return placed


def pareto_front(placed: Sequence[Point], higher_is_better: bool = True) -> list[Point]:
    """The points that no other dominates, fastest first: another is at least as fast and as good, and better in one of
    the two. Points that are equal in both do not dominate each other."""
    sign = 1 if higher_is_better else -1

    def dominates(a: Point, b: Point) -> bool:
        as_good = sign * a.value >= sign * b.value
        return a.seconds <= b.seconds and as_good and (a.seconds, a.value) != (b.seconds, b.value)

    front = [one for one in placed if not any(dominates(other, one) for other in placed)]
    return sorted(front, key=lambda one: one.seconds)


@mpl.rc_context(FIGURE_STYLE)
def accuracy_against_latency(results: Results) -> Figure:
    """The main metric against the median latency, 95 % intervals both ways, and the Pareto front: a system below it,
    hollow, is dominated by one that is both faster and better. Better is always further up: where less is better, the
    axis runs downwards."""
    metric = main_metric(results)
    about = info(results, metric)
    placed, style = points(results), system_style(results.systems)
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(labelled(metric, about, value_unit(about.unit)))
    axes.set_xlabel("median latency of a sample")
    if not placed:
        return nothing(figure, axes, "no system has both a latency and a value")
    front = pareto_front(placed, about.higher_is_better)
    for one in placed:
        colour, marker = style[one.name]
        bar: dict[str, Any] = {"color": colour, "lw": 1.6, "alpha": 0.75, "solid_capstyle": "butt"}
        axes.plot(one.across, [one.value] * 2, **bar)
        axes.plot([one.seconds] * 2, one.upward, **bar)
        face, edge = (colour, PAPER) if one in front else (PAPER, colour)
        axes.plot([one.seconds], [one.value], marker=marker, ms=9, color=colour, mfc=face, mec=edge, mew=1.4, ls="none")
    left, right = min(one.across[0] for one in placed), max(one.across[1] for one in placed)
    time_axis(axes, axes.xaxis, left / 1.35, right * 1.35, log=True)
    low, high = _range(placed, about.unit)
    axes.set_ylim((low, high) if about.higher_is_better else (high, low))
    steps = _steps(axes, front) if len(placed) > 1 else []
    if steps:
        _draw_front(axes, steps)
    _name_points(figure, axes, placed, steps, {name: colour for name, (colour, _) in style.items()})
    return figure


def _range(placed: Sequence[Point], unit: str) -> tuple[float, float]:
    """Ends of the metric's axis, with room for the names; not much beyond what a value can be."""
    low, high = min(one.upward[0] for one in placed), max(one.upward[1] for one in placed)
    if unit == FRACTION:
        margin = max(0.15 * (high - low), 4)
        return max(low - margin, min(-0.5, 1.05 * low)), min(high + margin, 100.5)
    margin = 0.15 * (high - low) or 0.15 * abs(high) or 1.0
    return (max(low - margin, -0.02 * (high + margin)) if low >= 0 else low - margin), high + margin


def _steps(axes: Axes, front: Sequence[Point]) -> list[tuple[float, float]]:
    """The corners of the staircase through the undominated points."""
    corners = [(front[0].seconds, axes.get_ylim()[0])]
    ends = [*(one.seconds for one in front[1:]), axes.get_xlim()[1]]
    for one, end in zip(front, ends, strict=True):
        corners += [(one.seconds, one.value), (end, one.value)]
    return corners


def _draw_front(axes: Axes, steps: Sequence[tuple[float, float]]) -> None:
    """The staircase with the region below it, which its points dominate."""
    xs, ys = zip(*steps, strict=True)
    axes.plot(xs, ys, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1)
    axes.fill_between(xs, ys, axes.get_ylim()[0], color=GRID, alpha=0.4, lw=0, zorder=0)


def _name_points(
    figure: Figure,
    axes: Axes,
    placed: Sequence[Point],
    steps: Sequence[tuple[float, float]],
    colours: Mapping[str, str],
) -> None:
    """Write each name beside its point, where it covers the fewest other names, points, bars and steps of the front."""
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()  # only now the place of the axes is known
    frame, scale = axes.get_window_extent(renderer), figure.dpi / 72
    taken = [box for one in placed for box in _boxes(axes, one, scale)]
    taken += [_line(axes, *ends, 3 * scale) for ends in pairwise(steps)]
    for one in sorted(placed, key=lambda one: -one.value):
        ways: list[tuple[float, int, Annotation, Bbox]] = []
        for (across, upward), far in product(((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1)), (1, 2, 3)):
            label = axes.annotate(
                one.name,
                (one.seconds, one.value),
                xytext=(8 * across, 8 * upward * far),
                textcoords="offset points",
                ha=("right", "center", "left")[across + 1],
                va="bottom" if upward > 0 else "top",
                color=colours[one.name],
                weight="bold",
            )
            label.set_in_layout(False)
            box = label.get_window_extent(renderer)
            outside = box.width * box.height - _common(box, frame)
            # a thin line through a name disturbs as much as a broad mark
            covered = sum(_common(box, other) + 60 * scale**2 for other in taken if box.overlaps(other))
            ways.append((100 * outside + covered + 4 * far * scale**2, len(ways), label, box))
        _, chosen, _, box = min(ways, key=lambda way: way[:2])
        for place, (_, _, label, _) in enumerate(ways):
            if place != chosen:
                label.remove()
        taken.append(box)


def _boxes(axes: Axes, one: Point, scale: float) -> list[Bbox]:
    """What a point and its two bars cover, in display units."""
    x, y = axes.transData.transform((one.seconds, one.value))
    left, right = (axes.transData.transform((value, one.value))[0] for value in one.across)
    low, high = sorted(axes.transData.transform((one.seconds, value))[1] for value in one.upward)
    marker, bar = 5.5 * scale, 1.5 * scale
    return [
        Bbox([[x - marker, y - marker], [x + marker, y + marker]]),
        Bbox([[left, y - bar], [right, y + bar]]),
        Bbox([[x - bar, low], [x + bar, high]]),
    ]


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float], around: float) -> Bbox:
    """What a level or upright line covers with so much room around it, in display units."""
    corners = axes.transData.transform([start, end])
    return Bbox([corners.min(axis=0) - around, corners.max(axis=0) + around])


def _common(a: Bbox, b: Bbox) -> float:
    overlap = Bbox.intersection(a, b)
    return float(overlap.width * overlap.height) if overlap else 0.0
