"""What perfect parts would buy, in the report: the numbers of the results, and nothing where there are none."""

import json

import pytest

from reports.figures.oracles import available, oracle_columns, oracle_gains, oracle_rows
from reports.pages.report import write_report
from tests.reports import made_run
from workbench.data.numbers import points
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.log import metric_values

NOTE = "the benchmark has no phrases that name the targets"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=36)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was asked for three oracles of its first system and one that its benchmark does not allow."""
    path = made_run.make_run(tmp_path_factory.mktemp("asked"), samples=36).path
    manifest = json.loads((path / "manifest.json").read_text())
    system = next(iter(manifest["systems"]))
    notes = {"scores": None, "deduplication": None, "presence": None, "rewriter": NOTE}
    manifest["oracles"] = {
        f"{system}+{oracle}": {"system": system, "oracle": oracle, "identity": None, "note": note}
        for oracle, note in notes.items()
    }
    manifest["options"]["oracles"] = True
    (path / "manifest.json").write_text(json.dumps(manifest))
    return finish(path)


def test_the_figure_has_a_bar_for_each_gain(run: Run) -> None:
    panels = oracle_gains(run.results).axes
    assert [axes.get_xlabel() for axes in panels] == ["mAP (points)", "gIoU (points)", "N_acc (points)"]
    for axes, metric in zip(panels, ("mAP", "gIoU", "N_acc"), strict=True):
        widths = [patch.get_width() for patch in axes.patches]  # type: ignore[attr-defined]
        assert widths == [pytest.approx(100 * row.gains[metric].difference) for row in available(run.results)]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [
        "perfect scores",
        "perfect deduplication",
        "perfect presence",
    ]


def test_the_table_has_gains_and_how_many_samples_changed(run: Run) -> None:
    rows = oracle_rows(run.results)
    assert {len(row.cells) for row in rows} == {len(oracle_columns(run.results))}
    found = available(run.results)[0]
    assert rows[0].cells[0].text == points(found.gains["mAP"].difference)
    assert rows[0].cells[-1].text == str(found.changed) and found.changed > 0


def test_the_page_shows_them_with_the_command_and_what_is_not_available(run: Run) -> None:
    page = write_report(run, run.path / "page.html").read_text()
    assert page.count("What a perfect part would buy") >= 2  # table and figure
    assert f"perfect rewriter: {NOTE}." in page
    assert "--oracles" in page


def test_a_run_without_oracles_shows_none(plain: Run) -> None:
    page = write_report(plain, plain.path / "page.html").read_text()
    assert "What a perfect part would buy" not in page and "--oracles" not in page


def test_gains_are_metrics_of_the_system_in_mlflow(run: Run) -> None:
    logged = metric_values(run)
    found = available(run.results)[0]
    numbers = logged[found.system]
    assert numbers["oracles.scores.mAP"] == found.gains["mAP"].difference
    assert numbers["oracles.scores.mAP.low"] == found.gains["mAP"].interval[0]
    assert not any(key.startswith("oracles.rewriter") for key in numbers)
    assert len({tuple(values) for values in logged.values()}) == 1
