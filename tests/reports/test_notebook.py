"""The run that notebooks start from."""

import os
import shutil
from pathlib import Path

import pytest

from reports.notebook import SYSTEMS, starting_run
from tests.reports import made_run


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
