"""The figures and tables show the values of the results."""

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from reports import figures, tables
from reports.glossary import FUNNEL, INSTANCES, METRICS, MISSED, NAMES, SAMPLES, definitions
from reports.style import CALL_COLOURS, CALL_NAMES, SYSTEM_COLOURS, system_style
from reports.svg import inline_svg
from tests.reports import made_run
from workbench.failures import taxonomy
from workbench.failures.funnel import STAGES
from workbench.metrics.latency import CALL_KINDS
from workbench.predictions import OUTCOMES
from workbench.runs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=36)


def copied(run: Run) -> Any:
    return json.loads(json.dumps(run.results))


def points(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """Marker positions in one colour, in drawing order."""
    lines = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_accuracy_against_latency_places_each_system(run: Run) -> None:
    axes = figures.accuracy_against_latency(run.results, run.table()).axes[0]
    for name, (colour, _) in system_style(run.systems).items():
        system = run.results["systems"][name]
        assert points(axes, colour) == [(pytest.approx(system["latency"]["p50"]), 100 * system["metrics"]["mAP"])]
    assert axes.get_xscale() == "log"


def test_a_protocol_without_map_and_giou_is_shown_by_its_first_metric(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for part in (system, *system["by_targets"].values()):
            part["metrics"] = {"cgF1": None, "pmF1": 0.25}
    assert figures.main_metric(results) == "pmF1"
    (axes,) = figures.breakdown(results, "by_targets").axes
    assert axes.get_xlabel() == "pmF1 (%)"
    assert {x for x, _ in points(axes, SYSTEM_COLOURS[0])} == {25.0}


def test_without_latency_the_figure_says_so(run: Run) -> None:
    axes = figures.accuracy_against_latency(run.results, run.table().assign(latency=np.nan)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no system has both a latency and a value"]


def test_breakdown_shows_each_group_that_has_samples(run: Run) -> None:
    precision, overlap = figures.breakdown(run.results, "by_targets").axes
    labels = [label.get_text() for label in precision.get_yticklabels()]
    counts = [sum(sample.target_count == name for sample in run.samples()) for name in ("0", "1", ">=2")]
    assert labels == [f"no target ({counts[0]})", f"1 target ({counts[1]})", f"2 or more ({counts[2]})"]
    groups = run.results["systems"][made_run.SINGLE]["by_targets"]
    found = [x for x, _ in points(overlap, SYSTEM_COLOURS[0])]
    assert found == [100 * groups[name]["metrics"]["gIoU"] for name in ("0", "1", ">=2")]
    assert len(points(precision, SYSTEM_COLOURS[0])) == 2, "AP is undefined without targets"


def test_a_breakdown_without_intervals_shows_the_values(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for group in system["by_kind"].values():
            group["intervals"] = dict.fromkeys(group["intervals"])
    axes = figures.breakdown(results, "by_kind").axes[1]
    assert len(points(axes, SYSTEM_COLOURS[0])) == len(results["systems"][made_run.SINGLE]["by_kind"])


def test_the_parts_of_the_time_sum_to_the_mean_latency(run: Run) -> None:
    absolute, share = figures.time_by_call(run.results).axes
    for row, name in enumerate(run.systems):
        ends = [bar.get_x() + bar.get_width() for bar in absolute.patches if round(bar.get_y() + 0.28) == row]
        assert max(ends) == pytest.approx(run.results["systems"][name]["latency"]["mean"])
    assert max(bar.get_x() + bar.get_width() for bar in share.patches) == pytest.approx(100)


def test_causes_are_per_100_samples(run: Run) -> None:
    axes = figures.failure_causes(run.results, {"missed": "missed"}, {"failed": "failed"}).axes[0]
    widths = [bar.get_width() for bar in axes.patches]
    diagnoses = [run.results["systems"][name]["diagnosis"] for name in run.systems]
    assert widths == pytest.approx([100 * d[key] / 36 for d in diagnoses for key in ("missed", "failed")])


def test_reasons_that_never_occur_are_left_out(run: Run) -> None:
    axes = figures.missed_targets(run.results, {"never_seen": "never seen", "empty": "empty"}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["never seen"]


def test_the_funnel_shows_shares_of_targets_and_nothing_for_a_run_without_one(run: Run) -> None:
    axes = figures.recall_funnel(run.results, {"surfaced": "surfaced", "precise": "precise"}).axes[0]
    counts = run.results["systems"][run.systems[0]]["funnel"]
    assert 0 < counts["precise"] < counts["surfaced"] <= counts["targets"]
    width = next(bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle))
    assert width == pytest.approx(100 * counts["surfaced"] / counts["targets"])
    results = copied(run)
    for system in results["systems"].values():
        del system["funnel"]
    assert not figures.recall_funnel(results, {"surfaced": "surfaced"}).axes[0].patches


def test_svg_uses_the_page_and_names_nothing_outside(run: Run) -> None:
    svg = inline_svg(figures.time_by_call(run.results), 'what "it" shows')
    assert svg.startswith('<svg role="img" aria-label="what &#34;it&#34; shows" viewBox=')
    assert "var(--call-llm)" in svg and "var(--sans)" in svg
    assert "http" not in svg and "DejaVu" not in svg
    assert not any(colour in svg for colour in CALL_COLOURS.values())


def test_every_category_has_a_name_and_a_definition() -> None:
    lines = {name for section in definitions().values() for name in section}
    known = {*taxonomy.INSTANCE_CATEGORIES, *taxonomy.SAMPLE_CATEGORIES, *taxonomy.MISSED_REASONS, *OUTCOMES}
    assert known <= set(NAMES)
    assert {NAMES[key] for key in known - {"matched", "exact_set"}} <= lines
    assert set(INSTANCES) | {"matched"} == {*taxonomy.INSTANCE_CATEGORIES, "missed"}
    assert set(SAMPLES) | {"exact_set"} == set(taxonomy.SAMPLE_CATEGORIES)
    assert set(MISSED) == set(taxonomy.MISSED_REASONS)
    assert tuple(FUNNEL) == STAGES
    assert set(CALL_KINDS) | {"other"} == set(CALL_NAMES) == set(CALL_COLOURS)


def test_every_metric_of_a_run_is_defined(run: Run) -> None:
    assert set(run.results["systems"][made_run.AGENT]["metrics"]) <= set(METRICS)


def test_what_reads_the_same_is_equally_good(run: Run) -> None:
    results = copied(run)
    for name, seconds in ((made_run.SINGLE, 0.0561), (made_run.AGENT, 0.0564)):
        results["systems"][name]["latency"]["p50"] = seconds
    rows = {row.name: row for row in tables.headline(results)}
    assert [cell.strong for cell in rows["latency p50"].cells] == [False, False]
    assert [cell.strong for cell in rows["latency p90"].cells] == [True, False]
    assert tables.differences(results)[-1].cells[0].text == "same"


def test_the_tables_as_data_frames(run: Run) -> None:
    frame = tables.frame(tables.headline(run.results), run.systems)
    assert list(frame.columns) == run.systems
    low, _ = run.results["systems"][made_run.AGENT]["intervals"]["mAP"]
    assert f"{100 * low:.1f}" in frame.loc["mAP %", made_run.AGENT]
    assert frame.loc["failed samples", made_run.AGENT].endswith("of 36")
