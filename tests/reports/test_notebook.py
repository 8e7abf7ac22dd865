"""The run that notebooks start from."""

import os
import shutil
from pathlib import Path

import pytest

from reports.notebook import SYSTEMS, both_sides, starting_run
from tests.reports import made_run


def test_a_notebook_starts_from_the_run_that_is_named_else_the_newest_with_both_sides_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    sides = ["single-pass", "agent"]
    for place, (name, systems) in enumerate(
        [("old", sides), ("new", sides), ("floors", ["a", "b"]), ("one", ["agent"])]
    ):
        made = made_run.make_run(tmp_path / name, samples=3, systems=systems)
        shutil.move(made.path, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name / "results.json", (place, place))
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)
    assert starting_run().path.name == "new"
    said = capsys.readouterr().out
    assert said == (
        f"Opening {tmp_path / 'runs' / 'new'}, of single-pass and agent on 3 samples: the newest of 4 runs below runs/ "
        "that has a single pass and an agent; 2 newer runs passed over, without a single pass or without an agent.\n"
    )
    monkeypatch.setenv("WORKBENCH_RUN", "runs/one")
    assert starting_run().path.name == "one"
    assert capsys.readouterr().out.endswith("of agent on 3 samples: WORKBENCH_RUN names it.\n")


def test_a_damaged_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)
    made_run.make_run(tmp_path / "runs", samples=3, name="good")
    damaged = tmp_path / "runs" / "damaged"
    shutil.copytree(tmp_path / "runs" / "good", damaged)
    (damaged / "results.json").write_text("{")
    with pytest.warns(UserWarning, match=r"damaged is passed over: .*results.json"):
        assert starting_run().path.name == "good"


@pytest.mark.slow
def test_without_a_run_a_small_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)
    run = starting_run(samples=4)
    assert "Of 0 runs below runs/, none has a single pass and an agent; set WORKBENCH_RUN" in capsys.readouterr().out
    assert run.systems == list(SYSTEMS)
    assert len(run.samples()) == 4
    assert both_sides(run) and starting_run().path == run.path
