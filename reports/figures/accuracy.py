"""Figures of the accuracy and failures of a comparison: pure functions from results (and the tidy table) to matplotlib
figures.

`results` are those of a run: metrics are in their own units, fractions drawn in percent, times are seconds. A system
has the same colour and marker in every figure; a kind of call has the same colour.
"""

from collections.abc import Mapping
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.shared import legend, nothing
from reports.figures.style import FIGURE_STYLE, GRID, MUTED, PAPER, WIDTH, system_style
from workbench.data.metric_info import FRACTION
from workbench.data.results import Group, Results, SystemResult, defined_metrics, info, leading_metrics, main_metric
from workbench.data.units import factor, labelled, value_unit
from workbench.data.vocabulary import OTHER

Grouping = Literal["by_kind", "by_targets"]


def shown_metrics(results: Results) -> list[str]:
    """The main metric, and the next that leads, where there is one."""
    defined = defined_metrics(results)
    leading = [name for name in leading_metrics(results) if name in defined]
    return list(dict.fromkeys([main_metric(results), *leading]))[:2]


@mpl.rc_context(FIGURE_STYLE)
def breakdown(results: Results, by: Grouping) -> Figure:
    """`shown_metrics` per group of samples, with 95 % intervals where there are any."""
    metrics = shown_metrics(results)
    groups = _groups(results, by)
    names = list(results.systems)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.42 * max(len(groups), 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    offsets = np.linspace(-0.17, 0.17, len(names)) if len(names) > 1 else np.zeros(1)
    for axes, metric in zip(panels, metrics, strict=True):
        about = info(results, metric)
        for offset, (name, style) in zip(offsets, system_style(names).items(), strict=True):
            for row, group in enumerate(groups):
                part, place = _by(results.systems[name], by).get(group), row + float(offset)
                _interval_dot(axes, part, metric, place, style, factor(about.unit))
        _limit(axes, about.unit)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(labelled(metric, about, value_unit(about.unit)))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        for row in range(len(groups) - 1):
            axes.axhline(row + 0.5, color=GRID, lw=0.7)
    panels[0].set_yticks(range(len(groups)), [f"{_group_name(g, by)} ({n})" for g, n in groups.items()])
    panels[0].set_ylim(max(len(groups), 1) - 0.5, -0.5)
    legend(figure, names)
    return figure


@mpl.rc_context(FIGURE_STYLE)
def failure_causes(results: Results, instances: Mapping[str, str], samples: Mapping[str, str]) -> Figure:
    """What went wrong, per 100 samples and system: above a line instances and targets, below it whole samples.

    `instances` and `samples` map keys of `diagnosis` to names, in drawing order.
    """
    rows = {**instances, **samples}
    rates = {
        name: {key: 100 * s.diagnosis.get(key, 0) / max(s.samples, 1) for key in rows}
        for name, s in results.systems.items()
    }
    figure = _grouped_bars(rates, rows, "per 100 samples")
    figure.axes[0].axhline(len(instances) - 0.5, color=MUTED, lw=0.7)
    return figure


@mpl.rc_context(FIGURE_STYLE)
def missed_targets(results: Results, reasons: Mapping[str, str]) -> Figure:
    """What became of missed targets, per 100 samples and system; reasons that never occur are left out.

    `reasons` maps those of the bench to names, in drawing order; those of a system's own follow.
    """
    counts = {name: system.missed_targets for name, system in results.systems.items()}
    return _occurring(results, counts, reasons, "missed targets per 100 samples")


@mpl.rc_context(FIGURE_STYLE)
def failed_calls(results: Results, categories: Mapping[str, str]) -> Figure:
    """Model calls that went wrong, per 100 samples and system; categories that never occur are left out.

    `categories` maps those of the bench to names, in drawing order; those of a system's own follow.
    """
    counts = {name: system.call_failures for name, system in results.systems.items()}
    return _occurring(results, counts, categories, "calls per 100 samples")


@mpl.rc_context(FIGURE_STYLE)
def recall_funnel(results: Results, stages: Mapping[str, str]) -> Figure:
    """The share of targets that passed each stage, in percent, systems side by side."""
    shares = {}
    for name, system in results.systems.items():
        counts = system.funnel
        shares[name] = {key: 100 * counts.get(key, 0) / max(counts.get("targets", 0), 1) for key in stages}
    known = any(system.funnel.get("targets") for system in results.systems.values())
    return _grouped_bars(shares, stages if known else {}, "% of targets")


def _occurring(
    results: Results, counts: Mapping[str, Mapping[str, int]], known: Mapping[str, str], label: str
) -> Figure:
    """How often each name of a family of counts occurs, per 100 samples and system. `counts` are by system."""
    own = sorted({key for own_counts in counts.values() for key in own_counts if key.startswith(f"{OTHER}: ")})
    named = {**known, **{key: key for key in own}}
    rows = {key: text for key, text in named.items() if any(own_counts.get(key) for own_counts in counts.values())}
    samples = {name: max(system.samples, 1) for name, system in results.systems.items()}
    rates = {
        name: {key: 100 * own_counts.get(key, 0) / samples[name] for key in rows} for name, own_counts in counts.items()
    }
    return _grouped_bars(rates, rows, label)


def _grouped_bars(rates: Mapping[str, Mapping[str, float]], rows: Mapping[str, str], label: str) -> Figure:
    """A group of horizontal bars for each of `rows`, one bar for each system."""
    names = list(rates)
    figure = Figure(figsize=(WIDTH, 1.1 + max(len(rows), 2) * (0.16 + 0.17 * len(names))), layout="constrained")
    axes = figure.subplots()
    height = 0.74 / max(len(names), 1)
    for i, (name, (colour, _)) in enumerate(system_style(names).items()):
        for row, key in enumerate(rows):
            rate, y = rates[name][key], row + (i - (len(names) - 1) / 2) * height
            axes.barh(y, rate, height=0.88 * height, color=colour)
            axes.annotate(
                f"{rate:.1f}",
                (rate, y),
                xytext=(3, -0.5),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=MUTED,
            )
    axes.set_yticks(range(len(rows)), list(rows.values()))
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(0, 1.1 * max((rates[name][key] for name in names for key in rows), default=0) or 1)
    axes.set_xlabel(label)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    legend(figure, names)
    return figure if rows else nothing(figure, axes, "none")


def _groups(results: Results, by: Grouping) -> dict[str, int]:
    """Names of the groups that have samples, with how many, in the results' order."""
    groups: dict[str, int] = {}
    for system in results.systems.values():
        for name, group in _by(system, by).items():
            if group.samples:
                groups.setdefault(name, group.samples)
    return groups


def _by(system: SystemResult, by: Grouping) -> Mapping[str, Group]:
    return system.by_kind if by == "by_kind" else system.by_targets


def _group_name(group: str, by: str) -> str:
    return {"0": "no target", "1": "1 target", ">=2": "2 or more"}[group] if by == "by_targets" else group


def _limit(axes: Axes, unit: str) -> None:
    """0 to 100 % for fractions, further down where values are negative; the range of what is drawn for other units."""
    lowest = axes.dataLim.x0
    if unit == FRACTION:
        axes.set_xlim(min(0, 1.05 * lowest) if np.isfinite(lowest) else 0, 100)
    elif np.isfinite(lowest) and lowest >= 0:
        axes.set_xlim(left=max(0, axes.get_xlim()[0]))


def _interval_dot(axes: Axes, group: Group | None, metric: str, y: float, style: tuple[str, str], scale: int) -> None:
    """The value with its interval, both times `scale`."""
    value = group.metrics.get(metric) if group else None
    if group is None or value is None:
        return
    colour, marker = style
    interval = group.intervals.get(metric)
    if interval:
        ends = [scale * bound for bound in interval]
        axes.plot(ends, [y, y], color=colour, lw=1.6, alpha=0.75, solid_capstyle="butt")
    axes.plot([scale * value], [y], marker=marker, ms=5.5, color=colour, mec=PAPER, mew=0.8, ls="none", clip_on=False)
