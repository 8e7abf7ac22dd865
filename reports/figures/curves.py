"""Figures of what stored answers say about other settings: pure functions from results to matplotlib figures."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.shared import legend
from reports.figures.style import FIGURE_STYLE, MUTED, PAPER, WIDTH, system_style
from reports.text.curves import FEW
from workbench.data.curves import DUPLICATES, Curves, ThresholdCurve
from workbench.data.metric_info import FRACTION
from workbench.data.results import Results, info, leading_metrics, main_metric
from workbench.data.units import factor, labelled, value_unit
from workbench.data.vocabulary import EXACT_SETS

PANELS = 4
NARROWEST = 20
"""Range of a metric's axis, at least, where it shows more than that it changes little."""


def available(results: Results) -> bool:
    """Whether a run has curves."""
    return any(system.curves for system in results.systems.values())


def threshold_metrics(results: Results) -> list[str]:
    """Those that are drawn against the threshold: the main metric, the leading ones that say when a system answers, and
    exact sets."""
    leading = [name for name in leading_metrics(results) if name != main_metric(results)]
    return [main_metric(results), *leading[-(PANELS - 2) :], EXACT_SETS]


@mpl.rc_context(FIGURE_STYLE)
def against_threshold(results: Results) -> Figure:
    """Metrics against the score threshold, a panel each, with the operating point of each system. A dashed line is the
    answer with what the system could have selected and did not."""
    metrics = threshold_metrics(results)
    figure, panels = _panels(2, -(-len(metrics) // 2))
    for axes, metric in zip(panels, metrics, strict=False):
        for one, (colour, marker) in _drawn(results):
            if one.unselected:
                _line(axes, one.unselected, metric, results, {"color": colour, "lw": 1.1, "ls": (0, (3, 2))})
            _line(axes, one.threshold, metric, results, {"color": colour, "lw": 1.6})
            place = one.threshold.thresholds.index(one.threshold.operating)
            value = one.threshold.values.get(metric, [None] * (place + 1))[place]
            if value is not None:
                point = [one.threshold.operating], [_scale(results, metric) * value]
                axes.plot(*point, marker=marker, ms=7, color=colour, mec=PAPER, mew=1.0, ls="none", clip_on=False)
        _entitle(axes, results, metric)
        axes.set_xlim(0, 1)
        if info(results, metric).unit == FRACTION:
            axes.set_ylim(0, 100)
    for axes in panels[len(metrics) :]:
        axes.set_visible(False)
    figure.supxlabel("score threshold", fontsize=9)
    return _with_legend(figure, results)


@mpl.rc_context(FIGURE_STYLE)
def reliability(results: Results) -> Figure:
    """The share of right instances against their mean score, in tenths of the score; on the diagonal a score says how
    often it is right. A mark is hollow where it stands for fewer than 10 instances."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 100], color=MUTED, lw=0.9, ls=(0, (4, 3)))
    for one, (colour, marker) in _drawn(results):
        bins = one.reliability.bins
        axes.plot([b.score for b in bins], [100 * b.right for b in bins], color=colour, lw=1.1, alpha=0.45)
        for b in bins:
            face, edge = (colour, PAPER) if b.instances >= FEW else (PAPER, colour)
            point = [b.score], [100 * b.right]
            axes.plot(*point, marker=marker, ms=6, color=colour, mfc=face, mec=edge, mew=1.0, ls="none", clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 100)
    axes.set_xlabel("mean score of the instances")
    axes.set_ylabel("% of them right at IoU 0.5")
    return _with_legend(figure, results)


@mpl.rc_context(FIGURE_STYLE)
def risk_against_coverage(results: Results) -> Figure:
    """The share of wrong answers against the share of samples that are answered, for every bound on the confidence; the
    mark is the run as it was."""
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    axes = figure.subplots()
    for one, (colour, marker) in _drawn(results):
        coverage = [100 * share for share in one.risk.coverage]
        risk = [100 * share for share in one.risk.risk]
        axes.plot(coverage, risk, color=colour, lw=1.6, drawstyle="steps-post")
        axes.plot(coverage[-1:], risk[-1:], marker=marker, ms=7, color=colour, mec=PAPER, mew=1.0, ls="none")
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("% of samples answered with an instance")
    axes.set_ylabel("% of those not exactly right")
    return _with_legend(figure, results)


@mpl.rc_context(FIGURE_STYLE)
def against_suppression(results: Results) -> Figure:
    """Duplicates, the main metric and exact sets against the IoU above which one of two instances is dropped."""
    metrics = [DUPLICATES, main_metric(results), EXACT_SETS]
    figure, panels = _panels(3, 1)
    for axes, metric in zip(panels, metrics, strict=True):
        for one, (colour, marker) in _drawn(results):
            values = one.suppression.values.get(metric)
            if values is None:
                continue
            shown = [_scaled(results, metric, value) for value in values]
            axes.plot(one.suppression.limits, shown, color=colour, lw=1.6)
            axes.plot([1], shown[-1:], marker=marker, ms=6, color=colour, mec=PAPER, mew=1.0, ls="none", clip_on=False)
        _entitle(axes, results, metric)
        axes.set_xlim(0, 1.04)
        low, high = axes.get_ylim()
        fraction = info(results, metric).unit == FRACTION
        room = max(0.0, NARROWEST - (high - low)) / 2 if fraction else 0.0
        axes.set_ylim((0, max(high, 1)) if metric == DUPLICATES else (max(0, low - room), high + room))
    figure.supxlabel("mask IoU above which one of two instances is dropped", fontsize=9)
    return _with_legend(figure, results)


def _panels(columns: int, rows: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(WIDTH, 0.7 + 1.9 * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)


def _drawn(results: Results) -> list[tuple[Curves, tuple[str, str]]]:
    """The curves of each system that has some, with its colour and marker."""
    style = system_style(results.systems)
    return [(system.curves, style[name]) for name, system in results.systems.items() if system.curves]


def _line(axes: Axes, curve: ThresholdCurve, metric: str, results: Results, style: Mapping[str, object]) -> None:
    values = curve.values.get(metric)
    if values is not None:
        shown = [_scaled(results, metric, value) for value in values]
        axes.plot(curve.thresholds, shown, **style)  # type: ignore[arg-type]


def _scale(results: Results, metric: str) -> int:
    return 1 if metric == DUPLICATES else factor(info(results, metric).unit)


def _scaled(results: Results, metric: str, value: float | None) -> float:
    """As it is drawn; nan leaves a gap in a line."""
    return float("nan") if value is None else _scale(results, metric) * value


def _entitle(axes: Axes, results: Results, metric: str) -> None:
    about = info(results, metric)
    known = "duplicates (per 100)" if metric == DUPLICATES else labelled(metric, about, value_unit(about.unit))
    axes.set_title(known, fontsize=9, loc="left")


def _with_legend(figure: Figure, results: Results) -> Figure:
    legend(figure, list(results.systems))
    return figure
