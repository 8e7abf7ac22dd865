"""A metric of a third party, in pixels and of which less is better, in every report of a run."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reports.figures import pareto
from reports.figures.accuracy import breakdown
from reports.figures.oracles import oracle_columns, oracle_gains, oracle_rows
from reports.figures.trends import metric_trend
from reports.pages.index import main_metrics, write_index
from reports.pages.markdown import markdown
from reports.pages.report import write_report
from reports.text import tables
from tests.conftest import installing
from tests.reports import made_run
from tests.reports.page import Page
from workbench.cli.text import file_scores_table, gains_table, scores_table
from workbench.comparison.comparison import Comparison
from workbench.data.numbers import change, shown
from workbench.data.results import Results, main_metric, read_results
from workbench.regression import attempt
from workbench.regression.gate import Rules, gate
from workbench.regression.history import PASSED, REGRESSION, sentence, worse
from workbench.regression.schedule import Schedule
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.scoring.verdict import verdict
from workbench.tracking.log import metric_values

MODULE = '''
import numpy as np
from workbench import MetricInfo, describe, masks, weighted_mean


def area(found):
    return sum(masks.decode(one).sum() for one in found)


@describe({
    "spill": MetricInfo("Difference of the areas.", unit="pixels", higher_is_better=False, leads=True),
    "objects": MetricInfo("Instances of an answer.", unit=""),
    "found": MetricInfo("Share of the samples with the right area."),
})
def spills(overlaps):
    """How far the area of the answer is from that of the targets."""
    far = np.array(
        [abs(area([i.mask for i in o.prediction.instances]) - area(o.sample.targets)) for o in overlaps], dtype=float
    )
    count = np.array([len(o.prediction.instances) for o in overlaps], dtype=float)
    one = np.ones(len(far), dtype=np.int64)
    return lambda weights: {
        "found": weighted_mean(far == 0, one, weights),
        "objects": weighted_mean(count, one, weights),
        "spill": weighted_mean(far, one, weights),
    }
'''
METRIC = "spill"


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The metric set of a third party, which scores every run that is made here."""
    with pytest.MonkeyPatch.context() as patch, installing(tmp_path_factory.mktemp("acme") / "site", patch) as install:
        install("acme", {"metrics": {"acme/spills": "acme_spills:spills"}}, {"acme_spills": MODULE})
        patch.setattr(made_run.MadeBenchmark, "protocol", "acme/spills")
        yield


@pytest.fixture(scope="module")
def run(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two systems with an oracle."""
    path = made_run.make_run(tmp_path_factory.mktemp("made"), samples=18).path
    manifest = json.loads((path / "manifest.json").read_text())
    name = made_run.SINGLE
    planned = {"system": name, "oracle": "deduplication", "identity": None, "note": None}
    manifest["oracles"] = {f"{name}+deduplication": planned}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return finish(path)


def values(results: Results, metric: str = METRIC) -> dict[str, float]:
    return {name: system.metrics[metric] or 0.0 for name, system in results.systems.items()}


def best_and_worst(results: Results) -> tuple[str, str]:
    order = sorted(values(results), key=lambda name: values(results)[name])
    return order[0], order[-1]


def test_the_verdict_is_for_the_least_and_in_pixels(run: Run) -> None:
    best, worst = best_and_worst(run.results)
    found = values(run.results)
    assert main_metric(run.results) == METRIC
    said = verdict(run.results)
    numbers = f"{shown(found[best], 'pixels')} against {shown(found[worst], 'pixels')}"
    assert f"{numbers} pixels (spill, less is better)" in said
    assert best in said.partition(":")[0] and "accurate" not in said and "points" not in said


def test_tables_show_it_as_it_is_with_unit_and_direction_and_the_least_stands_out(run: Run) -> None:
    rows = {row.name: row for row in tables.headline(run.results)}
    best, _ = best_and_worst(run.results)
    assert [row.unit for row in (rows["spill"], rows["objects"], rows["found"])] == ["pixels, less is better", "", "%"]
    found = values(run.results)
    assert [cell.text for cell in rows["spill"].cells] == [shown(found[name], "pixels") for name in run.systems]
    assert [name for name, cell in zip(run.systems, rows["spill"].cells, strict=True) if cell.strong] == [best]
    differing = {row.name: row for row in tables.differences(run.results)}
    assert [differing[name].unit for name in ("spill", "objects", "found")] == ["pixels, less is better", "", "points"]
    (pair,) = run.results.differences
    expected = change(pair.metrics["spill"].difference or 0.0, "pixels")
    assert differing["spill"].cells[0].text == tables.matrix(run.results, METRIC)[0].cells[1].text == expected


def test_no_line_of_report_or_markdown_shows_it_in_percent_or_points(run: Run) -> None:
    page = Page(write_report(run, run.path / "page.html").read_text())
    text = " ".join(page.text.split())
    assert "Difference of the areas. In pixels, less is better." in text
    assert "spill pixels, less is better" in text
    for line in (text, " ".join(markdown(run).split())):
        assert not re.search(r"spill\W{0,3}(\(?%|,? ?points)|points of spill", line)
    assert "| spill pixels, less is better |" in markdown(run)


def test_more_than_two_systems_are_compared_in_pixels(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=9, systems=(made_run.SINGLE, made_run.AGENT, "third"))
    caption = "Differences of spill (pixels, less is better)"
    assert caption in " ".join(Page(write_report(run, run.path / "page.html").read_text()).text.split())
    assert caption in markdown(run)


def test_the_front_holds_the_fastest_and_the_least(run: Run) -> None:
    results = run.results.to_json()
    one, two = run.systems
    for name, seconds, spilled in ((one, 0.1, 20.0), (two, 0.2, 10.0)):
        results["systems"][name]["latency"]["p50"] = seconds
        results["systems"][name]["latency"]["intervals"] = {}
        results["systems"][name]["metrics"]["spill"] = spilled
        results["systems"][name]["intervals"]["spill"] = None
    results["systems"]["dominated"] = json.loads(json.dumps(results["systems"][two]))
    results["systems"]["dominated"]["metrics"]["spill"] = 15.0
    results["systems"]["dominated"]["latency"]["p50"] = 0.3
    drawn = read_results(results, "results.json")
    found = pareto.points(drawn)
    assert [point.value for point in found] == [20.0, 10.0, 15.0]
    assert [point.name for point in pareto.pareto_front(found, higher_is_better=False)] == [one, two]
    axes = pareto.accuracy_against_latency(drawn).axes[0]
    assert axes.get_ylabel() == "spill (pixels, less is better)"
    bottom, top = axes.get_ylim()
    assert bottom > 20.0 > 10.0 > top >= -1.0, "up is better"
    (front,) = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    heights = list(front.get_ydata())
    assert heights == [bottom, 20.0, 20.0, 10.0, 10.0]


def test_groups_and_oracles_are_drawn_in_pixels(run: Run) -> None:
    panel = breakdown(run.results, "by_targets").axes[0]
    assert panel.get_xlabel() == "spill (pixels, less is better)"
    groups = run.results.systems[made_run.SINGLE].by_targets
    drawn = {x for line in panel.get_lines() if line.get_marker() not in ("", "None") for x in line.get_xdata()}
    assert {group.metrics["spill"] for group in groups.values()} <= drawn
    low, high = panel.get_xlim()
    assert low >= 0 and high >= max(drawn)
    axes = oracle_gains(run.results).axes[0]
    assert axes.get_xlabel() == "spill (pixels, less is better)"
    (row,) = run.results.oracles
    assert row.gains is not None
    gained = row.gains["spill"].difference
    assert [patch.get_width() for patch in axes.patches] == [gained]  # type: ignore[attr-defined]
    assert oracle_rows(run.results)[0].cells[0].text == change(gained or 0.0, "pixels")
    assert oracle_columns(run.results)[0] == "spill, pixels, less is better"


def test_the_terminal_names_unit_and_direction(run: Run) -> None:
    scores = scores_table(run.results)
    assert "spill pixels" in scores and scores.endswith("less is better: spill")
    assert "spill pixels (95 %, p)" in gains_table(run.results)
    infos = run.results.metrics
    one = {"protocol": "acme/spills", "samples": 3, "metrics": {"spill": 2.5}, "by_targets": {}, "by_kind": {}}
    assert "spill (pixels, less is better)" in file_scores_table(one, infos)


def test_frames_and_mlflow_name_the_unit(run: Run) -> None:
    measured = run.metrics().query("metric == 'spill'")
    assert set(measured.unit) == {"pixels"}
    differences = run.differences().set_index(["family", "name"])
    assert differences.unit["metric", "spill"] == "pixels"
    assert set(differences.unit["rate"]) == {"fraction"} and set(differences.unit["latency"]) == {"s"}
    logged = metric_values(run)
    assert {name: numbers["spill"] for name, numbers in logged.items()} == values(run.results)


def schedule(folder: Path) -> Schedule:
    zone = ZoneInfo("UTC")
    return Schedule("nightly", folder, Comparison((made_run.SINGLE,), "drawn"), "0 3 * * *", zone, "first", None, None)


def record(run: Run, day: int, **changes: Any) -> dict[str, Any]:
    """What a schedule keeps of a run, read back from its file."""
    kept = {"name": f"2026-10-0{day}T01-00-00Z", "state": PASSED, "reason": None, "baseline": None, "gate": None}
    found: dict[str, Any] = json.loads(
        json.dumps({**attempt._nothing(), **kept, "seconds": 3.0, "attempts": 1, **attempt._numbers(run), **changes})
    )
    return found


def test_a_schedule_keeps_what_the_metrics_are_and_shows_them_in_their_units(run: Run, tmp_path: Path) -> None:
    first, last = record(run, 1), record(run, 2)
    assert last["metrics"]["spill"] == asdict(run.results.metrics["spill"])
    assert main_metrics([first, last])[0] == METRIC
    axes = metric_trend([first, last], METRIC, ZoneInfo("UTC")).axes[0]
    assert axes.get_ylabel() == "spill (pixels, less is better)"
    expected = values(run.results)[made_run.SINGLE]
    assert list(axes.get_lines()[0].get_ydata()) == [expected, expected]
    text = " ".join(Page(write_index(schedule(tmp_path), [first, last], tmp_path).read_text()).text.split())
    assert "spill in pixels, less is better, and the median latency" in text
    assert shown(expected, "pixels") in text


def test_what_got_worse_is_said_in_pixels_and_records_without_units_are_read(run: Run, tmp_path: Path) -> None:
    found = gate(run, run, Rules(metrics={"spill": 0.5}))
    assert not found.failed
    rise = replace(found.checks[0], change=4.25, interval=(2.0, 6.0), failed=True, p_holm=0.001)
    text = replace(found, checks=[rise]).to_text()
    assert "spill changed by +4.25 pixels (95 % interval +2 to +6; 0.5 allowed)" in text
    check = json.loads(json.dumps(asdict(rise)))
    assert worse(check) == f"{rise.system}: spill +4.25 pixels"
    judged = {"failed": [check], "checks": 1, "changed": 0, "notes": []}
    last = record(run, 2, state=REGRESSION, baseline="2026-10-01T01-00-00Z", gate=judged)
    assert sentence(last).endswith("spill +4.25 pixels")
    text = Page(write_index(schedule(tmp_path), [record(run, 1), last], tmp_path).read_text()).text
    assert f"{rise.system} spill +4.25 pixels (+2 to +6)" in " ".join(text.split())
    del check["unit"]  # as workbench 0.1.0 wrote it
    assert worse({**check, "change": -0.041}) == f"{rise.system}: spill -4.1 points"
