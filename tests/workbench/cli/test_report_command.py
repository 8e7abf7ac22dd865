"""`workbench report` writes the page of one run or of several, from folders or from MLflow, with or without images."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.reports import made_run
from tests.reports.page import Page
from workbench.cli.main import main
from workbench.runs.run import Run
from workbench.tracking.log import track


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two runs of the same samples, whose images are gone."""
    folder = tmp_path_factory.mktemp("report-command")
    made = [
        made_run.make_run(folder / name, samples=33, name=name, seed=seed)
        for name, seed in (("before", 0), ("after", 3))
    ]
    for run in made:
        shutil.rmtree(run.manifest.benchmark.image_root)
    return made


def test_systems_of_several_runs_stand_side_by_side(runs: list[Run], tmp_path: Path) -> None:
    out = tmp_path / "both.html"
    assert main(["report", *(str(run.path) for run in runs), "--out", str(out)]) == 0
    page = Page(out.read_text())
    setup = json.loads(dict(page.scripts)["setup"])
    assert setup["systems"] == [
        f"{system} ({run.name})" for run in runs for system in (made_run.SINGLE, made_run.AGENT)
    ]
    assert "the system of the row minus that of the column" in page.text
    assert "Run 2: after" in page.text and "To make these runs again" in page.text


def test_without_images_everything_but_the_pictures_is_there(runs: list[Run], tmp_path: Path) -> None:
    out = tmp_path / "one.html"
    assert main(["report", str(runs[0].path), "--out", str(out)]) == 0
    page = Page(out.read_text())
    assert len(page.content["samples"]) == 33
    assert set(json.loads(dict(page.scripts)["pictures"])) == {""}
    assert "11 of 11 pictures left out" in " ".join(page.text.split())


def test_p_values_and_failure_rates_are_shown(runs: list[Run], tmp_path: Path) -> None:
    assert main(["report", str(runs[0].path), "--out", str(tmp_path / "one.html")]) == 0
    page = (tmp_path / "one.html").read_text()
    text = Page(page).text
    (pair,) = runs[0].results.differences
    rate = pair.rates["missed"]
    row = re.search(r'<th scope="row">missed</th>(.*?)</tr>', page, re.DOTALL)
    assert row is not None
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", row[1])
    assert cells[2::2] == [str(rate.only_a), str(rate.only_b)], "counts have cells of their own"
    assert f"{100 * rate.interval[0]:+.1f}".replace("-", "\N{MINUS SIGN}") in text
    assert f", p {pair.metrics['gIoU'].p_holm:.2g}" in text


def test_a_run_id_reports_into_the_working_directory(
    runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    where = track(runs[0], f"sqlite:///{tmp_path / 'store.db'}")
    assert main(["report", where["run_id"], "--tracking-uri", where["tracking_uri"]]) == 0
    assert made_run.AGENT in Page((tmp_path / "report.html").read_text()).text


def test_runs_of_other_samples_are_refused(runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = made_run.make_run(tmp_path, samples=12)
    assert main(["report", str(runs[0].path), str(other.path), "--out", str(tmp_path / "x.html")]) == 2
    assert "not about the same samples by the same protocol" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()
