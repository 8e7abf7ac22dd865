"""The figures of a run as files."""

from pathlib import Path

from PIL import Image

from reports.figures.catalogue import drawn, write_figures
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
