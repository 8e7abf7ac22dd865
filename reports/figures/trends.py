"""The figures of a schedule's index page: how each system's numbers changed over time.

`records` are lines of a schedule's history, oldest first. A line is broken where the benchmark or its samples changed.
A failed comparison has a cross on the time axis; one that was worse than its baseline has a vertical line.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.latency import time_axis
from reports.figures.style import BAD, FIGURE_STYLE, MUTED, PAPER, WIDTH, system_style
from workbench.data.metric_info import FRACTION
from workbench.data.units import factor, labelled, value_unit
from workbench.regression.history import FAILED, REGRESSION, metric_info, started

Record = Mapping[str, Any]
Value = Callable[[Mapping[str, Any]], tuple[float | None, float | None, float | None]]
"""Of one system in one record: a value and the bounds of its band, None where unknown."""


def systems(records: Sequence[Record]) -> list[str]:
    """Every system that has numbers, in the order of the last comparison, then older ones."""
    return list(dict.fromkeys(name for record in reversed(records) for name in record["systems"]))


@mpl.rc_context(FIGURE_STYLE)
def metric_trend(records: Sequence[Record], metric: str, zone: tzinfo) -> Figure:
    """One metric in its unit, a fraction in percent, its 95 % interval as a band."""
    about = metric_info(records, metric)
    scale = factor(about.unit)

    def value(system: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
        low, high = system["intervals"].get(metric) or (None, None)
        return _times(scale, system["metrics"].get(metric)), _times(scale, low), _times(scale, high)

    figure, axes = _figure(3.0)
    _lines(axes, records, value, zone)
    axes.set_ylabel(labelled(metric, about, value_unit(about.unit)))
    if about.unit == FRACTION:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, min(-1, axes.dataLim.y0)), min(high, 101))
    return _finished(figure, records)


@mpl.rc_context(FIGURE_STYLE)
def exact_trend(records: Sequence[Record], zone: tzinfo) -> Figure:
    """The share of samples answered with exactly the right set."""
    figure, axes = _figure(3.0)
    _lines(axes, records, _rate("exact_set"), zone)
    axes.set_ylabel("exactly right (%)")
    axes.set_ylim(0)
    return _finished(figure, records)


@mpl.rc_context(FIGURE_STYLE)
def latency_trend(records: Sequence[Record], zone: tzinfo) -> Figure:
    """Median latency, the band reaching to the 90th percentile; logarithmic."""
    figure, axes = _figure(3.0)
    _lines(axes, records, lambda s: (s["latency"]["p50"], s["latency"]["p50"], s["latency"]["p90"]), zone)
    axes.set_ylabel("latency (log scale)")
    seconds = [v for r in records for s in r["systems"].values() for v in s["latency"].values() if v]
    if seconds:
        time_axis(axes, axes.yaxis, min(seconds) / 1.3, max(seconds) * 1.3, log=True)
    return _finished(figure, records)


@mpl.rc_context(FIGURE_STYLE)
def failure_trends(records: Sequence[Record], rates: Mapping[str, str], zone: tzinfo) -> Figure:
    """The share of samples in each failure category, a panel each. `rates` maps keys to names."""
    rows = -(-len(rates) // 2)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.5 * rows), layout="constrained")
    panels = figure.subplots(rows, 2, sharex=True, squeeze=False).flat
    for axes, (key, name) in zip(panels, rates.items(), strict=False):
        _lines(axes, records, _rate(key), zone)
        axes.set_title(name, fontsize=9, loc="left")
        axes.set_ylim(0, max(axes.get_ylim()[1], 4))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for axes in list(panels)[len(rates) :]:
        axes.set_visible(False)
    figure.supylabel("% of samples", fontsize=9)
    return _finished(figure, records)


def _rate(key: str) -> Value:
    return lambda system: (_times(100, system["rates"][key]), None, None)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _lines(axes: Axes, records: Sequence[Record], value: Value, zone: tzinfo) -> None:
    few = len(records) <= 60
    for name, (colour, marker) in system_style(systems(records)).items():
        times, rows, asked = [], [], None
        for record in records:
            if name not in record["systems"]:
                continue
            when = started(record["name"])
            if asked not in (None, record["asked"]):
                times.append(when)
                rows.append((None, None, None))
            asked = record["asked"]
            times.append(when)
            rows.append(value(record["systems"][name]))
        middle, low, high = np.array(rows, dtype=float).reshape(-1, 3).T
        axes.fill_between(_dates(times), low, high, color=colour, alpha=0.16, lw=0)
        axes.plot(_dates(times), middle, color=colour, lw=1.5, marker=marker if few else "", ms=4, mec=PAPER, mew=0.6)
    for record in records:
        (day,) = _dates([started(record["name"])])
        if record["state"] == REGRESSION:
            axes.axvline(day, color=BAD, lw=1.2, ls=(0, (2, 2)), zorder=1)
        if record["state"] == FAILED:
            bottom = axes.get_xaxis_transform()
            axes.plot([day], [0.03], marker="x", color=MUTED, ms=5, mew=1.4, ls="none", transform=bottom, clip_on=False)
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone, show_offset=False))  # type: ignore[no-untyped-call]


def _finished(figure: Figure, records: Sequence[Record]) -> Figure:
    handles = [
        mpl.lines.Line2D([], [], marker=marker, color=colour, ms=5, lw=1.5, label=name)
        for name, (colour, marker) in system_style(systems(records)).items()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=1.6, columnspacing=1.4)
    return figure


def _dates(times: Sequence[datetime]) -> list[float]:
    return [float(date2num(time)) for time in times]  # type: ignore[no-untyped-call]


def _times(scale: int, value: float | None) -> float | None:
    return None if value is None else scale * value
