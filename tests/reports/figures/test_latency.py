"""Figures of latency: by targets, by rounds, and by parts."""

from pathlib import Path

import pytest
from matplotlib.colors import to_hex

from reports.figures import latency
from reports.figures.style import CALL_COLOURS, CALL_NAMES, system_style
from reports.pages import report
from tests.reports import made_run
from tests.reports.drawn import copied, points, typed
from workbench.data.vocabulary import (
    CALL_KINDS,
)
from workbench.runs.run import Run


def test_latency_by_targets_shows_medians_with_their_intervals(run: Run) -> None:
    results = copied(run)
    groups = results["systems"][made_run.AGENT]["latency"]["by_targets"]
    groups["1"]["intervals"]["p50"] = [0.3, 0.9]
    axes = latency.latency_by_targets(typed(results)).axes[0]
    colour = system_style(run.systems)[made_run.AGENT][0]
    assert [y for _, y in points(axes, colour)] == [group["p50"] for group in groups.values()]
    bars = [list(line.get_ydata()) for line in axes.get_lines() if to_hex(line.get_color()) == colour]
    assert [0.3, 0.9] in bars
    assert axes.get_xticklabels()[1].get_text() == f"1\n({groups['1']['samples']})"


def test_latency_by_rounds_has_a_place_for_each_number(run: Run) -> None:
    axes = latency.latency_by_rounds(run.results).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", "4"]
    agent = system_style(run.systems)[made_run.AGENT][0]
    assert [round(x) for x, _ in points(axes, agent)] == [1, 2, 3]


def test_a_number_is_drawn_against_latency_from_zero() -> None:
    rows = [
        {"slots": 1, "p50": 0.047, "interval": [0.046, 0.048]},
        {"slots": 40, "p50": 0.053, "interval": None},
    ]
    axes = latency.latency_against(rows, "slots", "slots")
    (drawn,) = axes.axes
    assert (drawn.get_xlim()[0], drawn.get_ylim()[0]) == (0, 0)
    assert list(drawn.get_lines()[0].get_ydata()) == [0.047, 0.053]
    assert len(drawn.get_lines()) == 2


def test_the_parts_of_the_time_sum_to_the_mean_latency(run: Run) -> None:
    absolute, share = latency.time_by_call(run.results).axes
    for row, name in enumerate(run.systems):
        ends = [bar.get_x() + bar.get_width() for bar in absolute.patches if round(bar.get_y() + 0.28) == row]
        assert max(ends) == pytest.approx(run.results.systems[name].latency.mean)
    assert max(bar.get_x() + bar.get_width() for bar in share.patches) == pytest.approx(100)


def test_every_kind_of_call_has_a_colour_in_figures_and_on_the_page() -> None:
    assert {*CALL_KINDS, "other", "unrecorded"} == set(CALL_NAMES) == set(CALL_COLOURS)
    css = (Path(report.__file__).parent / "template" / "report.css").read_text()
    assert all(f"--call-{kind}:" in css for kind in CALL_COLOURS)


def test_calls_that_a_system_named_itself_share_a_colour_apart_from_what_no_call_recorded(run: Run) -> None:
    results = copied(run)
    found = results["systems"][made_run.AGENT]["latency"]["by_call"]
    found["other: rerank"] = found["other: track"] = found["segment"]
    (legend,) = latency.time_by_call(typed(results)).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[-2:] == ["other calls", "outside the calls"]
