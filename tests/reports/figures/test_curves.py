"""Figures and notes of what stored answers say about other settings."""

import numpy as np
import pytest
from matplotlib.lines import Line2D

from reports.figures import curves as figures
from reports.figures.catalogue import drawn
from reports.figures.style import SYSTEM_COLOURS
from tests.reports import made_run
from tests.reports.drawn import copied, points, typed
from workbench.runs.run import Run


def test_the_threshold_figure_marks_the_run_as_it_was(run: Run) -> None:
    figure = figures.against_threshold(run.results)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["mAP (%)", "N_acc (%)", "T_acc (%)", "exact sets (%)"]
    single = run.results.systems[made_run.SINGLE]
    assert single.curves is not None
    ((threshold, value),) = points(figure.axes[0], SYSTEM_COLOURS[0])
    assert threshold == single.curves.threshold.operating
    assert value == pytest.approx(100 * single.metrics["mAP"])
    assert not any(map(Line2D.is_dashed, figure.axes[0].get_lines()))
    results = copied(run)
    agent = results["systems"][made_run.AGENT]["curves"]
    agent["unselected"] = agent["threshold"]
    lines = figures.against_threshold(typed(results)).axes[0].get_lines()
    assert [line.get_color() for line in lines if line.is_dashed()] == [SYSTEM_COLOURS[1]]


def test_a_bin_of_few_instances_is_hollow(run: Run) -> None:
    axes = figures.reliability(run.results).axes[0]
    marks = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
    bins = [b for name in run.systems for b in run.results.systems[name].curves.reliability.bins]
    hollow = [mark.get_markerfacecolor() != mark.get_color() for mark in marks]
    assert hollow == [b.instances < 10 for b in bins]


def test_risk_ends_at_the_share_that_was_answered(run: Run) -> None:
    axes = figures.risk_against_coverage(run.results).axes[0]
    ((coverage, risk),) = points(axes, SYSTEM_COLOURS[0])
    answers = [o for o in run.overlaps(made_run.SINGLE) if o.n_instances]
    assert coverage == pytest.approx(100 * len(answers) / 36)
    assert 0 < risk < 100


def test_suppression_has_a_panel_for_duplicates_and_what_they_cost(run: Run) -> None:
    figure = figures.against_suppression(run.results)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "duplicates (per 100)", "mAP (%)", "exact sets (%)"
    ]  # fmt: skip
    assert points(figure.axes[1], SYSTEM_COLOURS[1])[-1][0] == 1


def test_a_run_without_curves_has_no_such_figures(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        del system["curves"]
    old = typed(results)
    assert not figures.available(old)
    titles = [title for title, _, _ in drawn(old)]
    assert "Other score thresholds" not in titles


def test_what_is_undefined_leaves_a_gap(run: Run) -> None:
    results = copied(run)
    values = results["systems"][made_run.SINGLE]["curves"]["threshold"]["values"]
    values["N_acc"] = [None] * len(values["N_acc"])
    axes = figures.against_threshold(typed(results)).axes[1]
    lines = [np.asarray(line.get_ydata(), float) for line in axes.get_lines() if len(line.get_xdata()) > 1]
    assert any(np.isnan(line).all() for line in lines)
