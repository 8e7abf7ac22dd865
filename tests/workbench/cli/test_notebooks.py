"""`workbench notebooks` copies the notebooks, and overwrites none that somebody changed."""

import tomllib
from pathlib import Path

import pytest

from workbench.cli import notebooks
from workbench.cli.main import main

OURS = Path(__file__).parents[3] / "notebooks"


def test_the_notebooks_are_copied_and_those_that_are_there_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        assert main(["notebooks", str(folder)]) == 0
    copied = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert copied == {path.name: path.read_bytes() for path in OURS.glob("*.ipynb")}
    said = capsys.readouterr().out
    assert str(folder / "compare_two_systems.ipynb") in said and f"jupyter lab {folder}" in said


def test_a_changed_notebook_is_not_overwritten_and_nothing_is_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latency_and_cost.ipynb").write_text("mine")
    assert main(["notebooks", str(tmp_path)]) == 2
    assert "has latency_and_cost.ipynb with other contents" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_the_wheel_puts_them_where_they_are_looked_for() -> None:
    project = tomllib.loads((OURS.parent / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["data-files"] == {str(notebooks.SHARED): ["notebooks/*.ipynb"]}


def test_an_installation_has_them_where_it_shares_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "__file__", str(tmp_path / "workbench" / "cli" / "notebooks.py"))
    monkeypatch.setattr(notebooks, "files", lambda _: None)
    with pytest.raises(notebooks.ConfigurationError, match="the notebooks are in none of"):
        notebooks.shipped()
    shared = tmp_path / notebooks.SHARED
    shared.mkdir(parents=True)
    (shared / "one.ipynb").write_text("{}")
    assert notebooks.shipped() == [shared / "one.ipynb"]
