"""Figures of accuracy and of failures."""

import pytest
from matplotlib.patches import Rectangle

from reports.figures import accuracy as figures
from reports.figures.style import SYSTEM_COLOURS
from tests.reports import made_run
from tests.reports.drawn import copied, points, typed
from workbench.runs.run import Run


def test_breakdown_shows_each_group_that_has_samples(run: Run) -> None:
    precision, overlap = figures.breakdown(run.results, "by_targets").axes
    labels = [label.get_text() for label in precision.get_yticklabels()]
    counts = [sum(sample.target_count == name for sample in run.samples()) for name in ("0", "1", ">=2")]
    assert labels == [f"no target ({counts[0]})", f"1 target ({counts[1]})", f"2 or more ({counts[2]})"]
    groups = run.results.systems[made_run.SINGLE].by_targets
    found = [x for x, _ in points(overlap, SYSTEM_COLOURS[0])]
    assert found == [100 * groups[name].metrics["gIoU"] for name in ("0", "1", ">=2")]
    assert len(points(precision, SYSTEM_COLOURS[0])) == 2, "AP is undefined without targets"


def test_a_breakdown_without_intervals_shows_the_values(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for group in system["by_kind"].values():
            group["intervals"] = dict.fromkeys(group["intervals"])
    axes = figures.breakdown(typed(results), "by_kind").axes[1]
    assert len(points(axes, SYSTEM_COLOURS[0])) == len(results["systems"][made_run.SINGLE]["by_kind"])


def test_causes_are_per_100_samples(run: Run) -> None:
    axes = figures.failure_causes(run.results, {"missed": "missed"}, {"failed": "failed"}).axes[0]
    widths = [bar.get_width() for bar in axes.patches]
    diagnoses = [run.results.systems[name].diagnosis for name in run.systems]
    assert widths == pytest.approx([100 * d[key] / 36 for d in diagnoses for key in ("missed", "failed")])


def test_reasons_that_never_occur_are_left_out(run: Run) -> None:
    axes = figures.missed_targets(run.results, {"never_seen": "never seen", "empty": "empty"}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["never seen"]


def test_the_funnel_shows_shares_of_targets_and_nothing_for_a_run_without_one(run: Run) -> None:
    axes = figures.recall_funnel(run.results, {"surfaced": "surfaced", "precise": "precise"}).axes[0]
    counts = run.results.systems[run.systems[0]].funnel
    assert 0 < counts["precise"] < counts["surfaced"] <= counts["targets"]
    width = next(bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle))
    assert width == pytest.approx(100 * counts["surfaced"] / counts["targets"])
    results = copied(run)
    for system in results["systems"].values():
        del system["funnel"]
    del results["version"]
    assert not figures.recall_funnel(typed(results), {"surfaced": "surfaced"}).axes[0].patches


def test_what_a_system_named_itself_is_drawn_under_its_name(run: Run) -> None:
    results = copied(run)
    agent = results["systems"][made_run.AGENT]
    agent["missed_targets"]["other: nms"] = 7
    agent["call_failures"] = {"cut_off": 1, "other: bad_crop": 2}
    missed = figures.missed_targets(typed(results), {"never_seen": "never seen"}).axes[0]
    assert [label.get_text() for label in missed.get_yticklabels()] == ["never seen", "other: nms"]
    failed = figures.failed_calls(typed(results), {"cut_off": "cut off"}).axes[0]
    assert [label.get_text() for label in failed.get_yticklabels()] == ["cut off", "other: bad_crop"]
