"""The figures of a run as files, and the run that notebooks start from."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from reports.drawn import drawn, write_figures
from reports.notebook import SYSTEMS, starting_run
from tests.reports import made_run


def test_every_figure_is_a_file_named_by_its_title(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12)
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "what-a-perfect-part-would-buy.png").write_bytes(b"of an earlier version of the run")
    write_figures(run, folder)
    names = {path.stem for path in folder.iterdir()}
    assert names == {title.lower().replace(" ", "-") for title, _, _ in drawn(run.results)}
    assert {"accuracy-against-time", "where-targets-are-lost"} < names
    with Image.open(folder / "where-targets-are-lost.png") as picture:
        assert picture.width > 600


def test_a_notebook_starts_from_the_run_that_is_named_else_the_newest_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for place, (name, systems) in enumerate([("old", ["a", "b"]), ("new", ["a", "b"]), ("single", ["a"])]):
        made = made_run.make_run(tmp_path / name, samples=3, systems=systems)
        shutil.move(made.path, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name / "results.json", (place, place))
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)
    assert starting_run().path.name == "new"
    monkeypatch.setenv("WORKBENCH_RUN", "runs/single")
    assert starting_run().path.name == "single"


@pytest.mark.slow
def test_without_a_run_a_small_one_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)
    run = starting_run(samples=4)
    assert run.systems == list(SYSTEMS)
    assert len(run.samples()) == 4
    assert starting_run().path == run.path
