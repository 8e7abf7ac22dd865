"""Figures of the cost of answers: pure functions from results to matplotlib figures, as in `reports.figures.accuracy`.

`docs/latency.md` defines what they show.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from reports.figures.shared import legend, nothing
from reports.figures.style import CALL_COLOURS, CALL_NAMES, FIGURE_STYLE, PAPER, UNRECORDED, WIDTH, system_style
from workbench.data import numbers as words
from workbench.data.results import Latency, Results, SystemResult, Timing
from workbench.data.vocabulary import CALL_KINDS, OTHER

Grouping = Literal["by_targets", "by_rounds"]

TARGET_NAMES = {"0": "none", "3-5": "3 to 5", "6+": "6 or more"}


@mpl.rc_context(FIGURE_STYLE)
def latency_by_targets(results: Results) -> Figure:
    """Median latency, with its 95 % interval, by how many instances an instruction asks for."""
    groups = _groups(results, "by_targets")
    figure = _medians(results, "by_targets", list(groups))
    (axes,) = figure.axes
    axes.set_xticks(range(len(groups)), [f"{TARGET_NAMES.get(name, name)}\n({n})" for name, n in groups.items()])
    axes.set_xlabel("targets of the instruction (samples)")
    return figure


@mpl.rc_context(FIGURE_STYLE)
def latency_by_rounds(results: Results) -> Figure:
    """Median latency, with its 95 % interval, by how many times a sample asked its language model."""
    groups = sorted(_groups(results, "by_rounds"), key=int)
    figure = _medians(results, "by_rounds", groups)
    (axes,) = figure.axes
    axes.set_xticks(range(len(groups)), groups)
    axes.set_xlabel("rounds of the sample")
    return figure


@mpl.rc_context(FIGURE_STYLE)
def latency_against(rows: Sequence[Mapping[str, Any]], what: str, label: str) -> Figure:
    """Median latency and its 95 % interval against a number, as the scripts in `speed/` measure it.

    rows: `{what: number, "p50": seconds, "interval": [low, high] or None}`.
    """
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axes = figure.subplots()
    colour, marker = system_style([""])[""]
    xs, ys = [row[what] for row in rows], [row["p50"] for row in rows]
    axes.plot(xs, ys, color=colour, marker=marker, ms=6, mec=PAPER, lw=1.2)
    for row in rows:
        if row["interval"]:
            axes.plot([row[what]] * 2, row["interval"], color=colour, lw=2.4, alpha=0.6, solid_capstyle="butt")
    time_axis(axes, axes.yaxis, 0, 1.15 * max([*ys, *(row["interval"][1] for row in rows if row["interval"])]))
    axes.set_xlim(0, 1.05 * max(xs))
    axes.set_xticks(xs)
    axes.set_xlabel(label)
    axes.set_ylabel("median latency")
    return figure


@mpl.rc_context(FIGURE_STYLE)
def time_by_call(results: Results) -> Figure:
    """The time of a sample by kind of call: mean seconds, and the same as shares of each system's time."""
    names = list(results.systems)
    spent = {name: _seconds_by_call(results.systems[name].latency) for name in names}
    kinds = [kind for kind in CALL_COLOURS if any(s.get(kind, 0) > 0 for s in spent.values())]
    figure = Figure(figsize=(WIDTH, 1.5 + 0.52 * len(names)), layout="constrained")
    absolute, share = figure.subplots(1, 2, sharey=True)
    for row, name in enumerate(names):
        total = sum(spent[name].values())
        if not total:
            continue
        _stack(absolute, row, {kind: spent[name].get(kind, 0.0) for kind in kinds})
        _stack(share, row, {kind: 100 * spent[name].get(kind, 0.0) / total for kind in kinds})
        absolute.annotate(
            words.seconds(total), (total, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    longest = max((sum(s.values()) for s in spent.values()), default=0.0)
    absolute.set_xlim(0, 1.28 * longest or 1)
    absolute.xaxis.set_major_locator(MaxNLocator(4))
    absolute.set_yticks(range(len(names)), names)
    absolute.set_ylim(len(names) - 0.45, -0.55)
    absolute.set_xlabel("seconds per sample (mean)")
    share.set_xlim(0, 100)
    share.set_xlabel("share of the system's time (%)")
    for axes in (absolute, share):
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    if not kinds:
        return nothing(figure, share, "no timed calls")
    handles = [mpl.patches.Patch(color=CALL_COLOURS[kind], label=CALL_NAMES[kind]) for kind in kinds]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=min(len(kinds), 4), handlelength=0.9, columnspacing=1.2
    )
    return figure


def _groups(results: Results, by: Grouping) -> dict[str, int]:
    """Names of the groups that any system has timed samples in, with how many at most, by their numbers."""
    sizes: dict[str, int] = {}
    for system in results.systems.values():
        for name, group in _by(system, by).items():
            sizes[name] = max(sizes.get(name, 0), group.samples)
    return dict(sorted(sizes.items()))


def _by(system: SystemResult, by: Grouping) -> Mapping[str, Timing]:
    return system.latency.by_targets if by == "by_targets" else system.latency.by_rounds


def _medians(results: Results, by: Grouping, groups: Sequence[str]) -> Figure:
    """A line for each system through its medians; those without an interval are hollow."""
    names = list(results.systems)
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel("median latency")
    axes.grid(axis="x", visible=False)
    reached = []
    for place, (name, (colour, marker)) in enumerate(system_style(names).items()):
        own = _by(results.systems[name], by)
        shown = [(x, own[group]) for x, group in enumerate(groups) if group in own]
        xs = [x + 0.06 * (place - (len(names) - 1) / 2) for x, _ in shown]
        axes.plot(xs, [group.p50 or 0.0 for _, group in shown], color=colour, lw=1.0, alpha=0.6)
        for x, (_, group) in zip(xs, shown, strict=True):
            interval, middle = group.intervals.get("p50"), group.p50 or 0.0
            reached += [middle, *(interval or ())]
            axes.plot([x] * 2, interval or [middle] * 2, color=colour, lw=1.8, solid_capstyle="butt")
            face, edge = (colour, PAPER) if interval else (PAPER, colour)
            axes.plot([x], [middle], marker=marker, ms=6, mfc=face, mec=edge, color=colour, ls="none")
    legend(figure, names)
    if not reached:
        return nothing(figure, axes, "no timed samples")
    axes.set_xlim(-0.5, len(groups) - 0.5)
    if max(reached) > 5 * min(reached):
        time_axis(axes, axes.yaxis, min(reached) / 1.3, max(reached) * 1.3, log=True)
    else:
        time_axis(axes, axes.yaxis, 0, 1.1 * max(reached))
    return figure


def time_axis(axes: Axes, axis: Axis, low: float, high: float, *, log: bool = False) -> None:
    """An axis of seconds from `low` to `high`, ticks with units; a logarithmic one has three ticks at least."""
    side = "x" if axis is axes.xaxis else "y"
    axes.set(**{f"{side}scale": "log" if log else "linear", f"{side}lim": (low, high)})
    if log:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)):
            ticks = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
            if len(ticks) >= 3:
                break
    else:
        ticks = [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter([words.seconds(t).replace(".0 ", " ") if t else "0" for t in ticks]))
    axis.set_minor_locator(NullLocator())


def _stack(axes: Axes, row: int, parts: Mapping[str, float]) -> None:
    """One horizontal bar of parts by call kind."""
    left = 0.0
    for kind, width in parts.items():
        axes.barh(row, width, left=left, height=0.56, color=CALL_COLOURS[kind], ec=PAPER, lw=0.6)
        left += width


def _seconds_by_call(latency: Latency) -> dict[str, float]:
    """Mean seconds of the clock a sample by call kind. Kinds that a system named itself are summed as `OTHER`; the rest
    of the latency, outside of calls, is `UNRECORDED`.
    """
    spent: dict[str, float] = {}
    for name, call in latency.by_call.items():
        kind = name if name in CALL_KINDS else OTHER
        seconds = call.seconds_per_sample if call.wall_per_sample is None else call.wall_per_sample
        spent[kind] = spent.get(kind, 0.0) + (seconds or 0.0)
    if latency.mean is not None:
        spent[UNRECORDED] = max(latency.mean - sum(spent.values()), 0.0)
    return spent
