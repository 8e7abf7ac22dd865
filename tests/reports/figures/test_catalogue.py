"""The figures of a run as files."""

from pathlib import Path

import pytest
from PIL import Image

from reports.figures import catalogue
from reports.figures.catalogue import drawn, write_figures
from reports.pages.report import write_report
from tests.reports import made_run


def test_every_figure_is_a_file_named_by_its_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run.make_run(tmp_path, samples=12)
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "what-a-perfect-part-would-buy.png").write_bytes(b"of an earlier version of the run")
    drawings = []
    monkeypatch.setattr(catalogue, "drawn", lambda results: drawings.append(results) or drawn(results))
    page = write_report(run, tmp_path / "report.html").read_text()
    write_figures(run, folder)
    assert len(drawings) == 1, "page and files share what was drawn"
    assert page.count("<svg role") == len(list(folder.iterdir()))
    names = {path.stem for path in folder.iterdir()}
    assert names == {title.lower().replace(" ", "-") for title, _, _ in drawn(run.results)}
    assert {"accuracy-against-time", "where-targets-are-lost"} < names
    with Image.open(folder / "where-targets-are-lost.png") as picture:
        assert picture.width > 600
