"""The figures and tables show the values of the results."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from reports.figures import accuracy as figures
from reports.figures import latency, pareto
from reports.figures.style import CALL_COLOURS, CALL_NAMES, SYSTEM_COLOURS, system_style
from reports.figures.svg import inline_svg
from reports.pages import report
from reports.text import tables
from reports.text.glossary import NAMES, definitions
from tests.reports import made_run
from workbench.data.results import Results, main_metric, read_results
from workbench.data.vocabulary import (
    CALL_KINDS,
    FUNNEL_STAGES,
    INSTANCE_CATEGORIES,
    MISSED_REASONS,
    MISTAKES,
    OUTCOMES,
    SAMPLE_CATEGORIES,
)
from workbench.metrics.latency import latency as measured
from workbench.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=36)


def copied(run: Run) -> Any:
    """The results as JSON that can be changed; `typed` makes results of it again."""
    return json.loads(json.dumps(run.results.to_json()))


def typed(results: Any) -> Results:
    return read_results(results, "results.json")


def points(axes: Axes, colour: str) -> list[tuple[float, float]]:
    """Marker positions in one colour, in drawing order."""
    lines = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_accuracy_against_latency_places_each_system(run: Run) -> None:
    axes = pareto.accuracy_against_latency(run.results).axes[0]
    for name, (colour, _) in system_style(run.systems).items():
        system = run.results.systems[name]
        assert points(axes, colour) == [(pytest.approx(system.latency.p50), 100 * system.metrics["mAP"])]
        bars = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour and len(line.get_xdata()) == 2]
        assert tuple(bars[0].get_xdata()) == system.latency.intervals["p50"]
        assert list(bars[1].get_ydata()) == [100 * bound for bound in system.intervals["mAP"]]
    assert axes.get_xscale() == "log"


def test_a_protocol_without_map_and_giou_is_shown_by_its_first_metric(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for part in (system, *system["by_targets"].values()):
            part["metrics"] = {"cgF1": None, "pmF1": 0.25}
    del results["version"], results["metrics"]  # a run of 0.1.0
    assert main_metric(typed(results)) == "pmF1"
    (axes,) = figures.breakdown(typed(results), "by_targets").axes
    assert axes.get_xlabel() == "pmF1 (%)"
    assert {x for x, _ in points(axes, SYSTEM_COLOURS[0])} == {25.0}


def test_without_latency_the_figures_say_so(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        system["latency"] = json.loads(json.dumps(measured([])))
    (text,) = pareto.accuracy_against_latency(typed(results)).axes[0].texts
    assert text.get_text() == "no system has both a latency and a value"
    for draw in (latency.latency_by_targets, latency.latency_by_rounds):
        assert [text.get_text() for text in draw(typed(results)).axes[0].texts] == ["no timed samples"]


def test_a_run_of_an_earlier_version_is_drawn_without_intervals_of_latency(run: Run) -> None:
    results = copied(run)
    for system in results["systems"].values():
        for key in ("intervals", "by_targets", "by_kind", "by_image", "by_rounds", "rounds", "p95"):
            del system["latency"][key]
        del system["per_correct_instance"]
    for pair in results["differences"]:
        del pair["latency"]
    del results["version"]
    assert len(pareto.accuracy_against_latency(typed(results)).axes[0].texts) == 2
    assert not latency.latency_by_targets(typed(results)).axes[0].get_lines()[0].get_xdata().size
    rows = {(row.name, row.unit) for row in tables.headline(typed(results))}
    assert ("latency p99", "") in rows and not rows & {("latency p95", ""), ("time", "per correct instance")}
    assert tables.differences(typed(results))[-1].cells[0].detail == "faster"


def point(name: str, seconds: float, value: float) -> pareto.Point:
    return pareto.Point(name, seconds, value, (seconds, seconds), (value, value))


def test_the_front_holds_what_no_other_system_dominates() -> None:
    found = [
        point(*one) for one in (("a", 3, 50), ("b", 1, 30), ("c", 2, 30), ("d", 2, 40), ("e", 4, 50), ("f", 1, 30))
    ]
    assert [one.name for one in pareto.pareto_front(found)] == ["b", "f", "d", "a"]
    assert pareto.pareto_front([]) == []


def many(run: Run, seed: int, count: int) -> Any:
    """Results of so many systems with other latencies and values."""
    rng = np.random.default_rng(seed)
    results = copied(run)
    made = json.dumps(results["systems"][made_run.AGENT])
    results["systems"] = {f"system-number-{n}": json.loads(made) for n in range(count)}
    for system in results["systems"].values():
        middle, value = float(np.exp(rng.normal())), float(rng.uniform(0.2, 0.6))
        system["latency"] |= {"p50": middle, "intervals": {"p50": [0.95 * middle, 1.05 * middle]}}
        system["metrics"]["mAP"], system["intervals"]["mAP"] = value, [value - 0.04, value + 0.04]
    return results


@pytest.mark.parametrize("count", [2, 5, 8])
def test_names_beside_points_do_not_overlap_and_stay_inside(run: Run, count: int) -> None:
    for seed in range(3):
        results = many(run, seed, count)
        figure = pareto.accuracy_against_latency(typed(results))
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = [text.get_window_extent() for text in axes.texts]
        assert sorted(text.get_text() for text in axes.texts) == sorted(results["systems"])
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
        frame = figure.bbox
        assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_dominated_systems_are_hollow_and_eight_look_different(run: Run) -> None:
    results = many(run, 0, 8)
    front = {one.name for one in pareto.pareto_front(pareto.points(typed(results)))}
    axes = pareto.accuracy_against_latency(typed(results)).axes[0]
    style = system_style(results["systems"])
    assert len(set(style.values())) == len({colour for colour, _ in style.values()}) == 8
    markers = {to_hex(line.get_color()): line for line in axes.get_lines() if len(line.get_xdata()) == 1}
    for name, (colour, _) in style.items():
        assert (to_hex(markers[colour].get_markerfacecolor()) == colour) == (name in front)


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


def test_the_parts_of_the_time_sum_to_the_mean_latency(run: Run) -> None:
    absolute, share = latency.time_by_call(run.results).axes
    for row, name in enumerate(run.systems):
        ends = [bar.get_x() + bar.get_width() for bar in absolute.patches if round(bar.get_y() + 0.28) == row]
        assert max(ends) == pytest.approx(run.results.systems[name].latency.mean)
    assert max(bar.get_x() + bar.get_width() for bar in share.patches) == pytest.approx(100)


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


def test_svg_uses_the_page_and_names_nothing_outside(run: Run) -> None:
    svg = inline_svg(latency.time_by_call(run.results), 'what "it" shows')
    assert svg.startswith('<svg role="img" aria-label="what &#34;it&#34; shows" viewBox=')
    assert "var(--call-llm)" in svg and "var(--sans)" in svg
    assert "http" not in svg and "DejaVu" not in svg
    assert not any(colour in svg for colour in CALL_COLOURS.values())


def test_every_category_has_a_name_and_a_definition(run: Run) -> None:
    lines = {name for section in definitions(run.results).values() for name in section}
    tables = (INSTANCE_CATEGORIES, SAMPLE_CATEGORIES, MISSED_REASONS, FUNNEL_STAGES, OUTCOMES, MISTAKES)
    known = {name for table in tables for name in table}
    assert known <= set(NAMES)
    assert {NAMES[name] for name in known - {"matched", "exact_set"}} <= lines
    assert {kind.title for kind in CALL_KINDS.values()} <= lines


def test_every_kind_of_call_has_a_colour_in_figures_and_on_the_page() -> None:
    assert {*CALL_KINDS, "other", "unrecorded"} == set(CALL_NAMES) == set(CALL_COLOURS)
    css = (Path(report.__file__).parent / "template" / "report.css").read_text()
    assert all(f"--call-{kind}:" in css for kind in CALL_COLOURS)


def test_every_metric_of_a_run_is_defined(run: Run) -> None:
    assert set(run.results.systems[made_run.AGENT].metrics) == set(definitions(run.results)["Metrics"])


def test_metrics_of_a_run_of_0_1_0_are_defined_as_they_were_then(run: Run) -> None:
    results = copied(run)
    del results["version"], results["metrics"]
    assert definitions(typed(results))["Metrics"]["AP75"].endswith("found at IoU 0.75.")


def test_what_reads_the_same_is_equally_good(run: Run) -> None:
    results = copied(run)
    for name, seconds in ((made_run.SINGLE, 0.0561), (made_run.AGENT, 0.0564)):
        results["systems"][name]["latency"]["p50"] = seconds
    results["differences"][0]["latency"] = {}
    rows = {row.name: row for row in tables.headline(typed(results))}
    assert [cell.strong for cell in rows["latency p50"].cells] == [False, False]
    assert [cell.strong for cell in rows["latency p90"].cells] == [True, False]
    assert tables.differences(typed(results))[-1].cells[0].text == "same"


def test_how_much_faster_is_said_with_its_interval(run: Run) -> None:
    results = copied(run)
    (pair,) = results["differences"]
    for ratio, interval, expected in (
        (0.25, [0.2, 0.5], ("4.0\u00d7", "faster (2.0 to 5.0)", True)),
        (3.0, [0.8, 4.0], ("3.0\u00d7", "slower (0.8 to 4.0)", False)),
        (1.01, [0.9, 1.2], ("same", "(0.9 to 1.2)", False)),
        (0.25, None, ("4.0\u00d7", "faster", False)),
    ):
        pair["latency"]["p50"] |= {"ratio": ratio, "ratio_interval": interval}
        cell = tables.differences(typed(results))[-1].cells[0]
        assert (cell.text, cell.detail, cell.strong) == expected


def test_costs_of_a_correct_instance_stand_in_the_table(run: Run) -> None:
    rows = {(row.name, row.unit): row for row in tables.headline(run.results)}
    found = run.results.systems[made_run.AGENT].per_correct_instance
    cell = rows["calls", "per correct instance"].cells[1]
    assert cell.text == f"{found.calls:.1f}"
    assert cell.detail == "\u2013".join(f"{bound:.1f}" for bound in found.intervals["calls"])


def test_the_tables_as_data_frames(run: Run) -> None:
    frame = tables.frame(tables.headline(run.results), run.systems)
    assert list(frame.columns) == run.systems
    low, _ = run.results.systems[made_run.AGENT].intervals["mAP"]
    assert f" ({100 * low:.1f}" in frame.loc["mAP %", made_run.AGENT]
    assert frame.loc["failed samples", made_run.AGENT].endswith("of 36")


def test_what_a_system_named_itself_is_drawn_under_its_name(run: Run) -> None:
    results = copied(run)
    agent = results["systems"][made_run.AGENT]
    agent["missed_targets"]["other: nms"] = 7
    agent["call_failures"] = {"cut_off": 1, "other: bad_crop": 2}
    missed = figures.missed_targets(typed(results), {"never_seen": "never seen"}).axes[0]
    assert [label.get_text() for label in missed.get_yticklabels()] == ["never seen", "other: nms"]
    failed = figures.failed_calls(typed(results), {"cut_off": "cut off"}).axes[0]
    assert [label.get_text() for label in failed.get_yticklabels()] == ["cut off", "other: bad_crop"]


def test_calls_that_a_system_named_itself_share_a_colour_apart_from_what_no_call_recorded(run: Run) -> None:
    results = copied(run)
    found = results["systems"][made_run.AGENT]["latency"]["by_call"]
    found["other: rerank"] = found["other: track"] = found["segment"]
    (legend,) = latency.time_by_call(typed(results)).legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names[-2:] == ["other calls", "outside the calls"]
