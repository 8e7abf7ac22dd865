"""The tally: shares of a step, and each skipped picture named once."""

from pathlib import Path

import pytest

from workbench.foundations.training.data.tally import SHOWN, Report, Tally


def test_shares_are_those_of_the_step(tmp_path: Path) -> None:
    tally = Tally(tmp_path, ["a", "b"])
    tally.add(Report(["a", "a", "b"], 7))
    tally.add(Report(["a"], 1))
    assert tally.step() == {"share a": 0.75, "share b": 0.25}
    tally.add(Report(["b"], 1))
    assert tally.step() == {"share a": 0.0, "share b": 1.0}
    assert Tally(tmp_path, ["a"]).step() == {}


def test_a_skipped_picture_is_counted_each_time_and_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally(tmp_path / "data", ["a"])
    tally.add(Report(["a"], 1, [f"a: {n}" for n in range(9)]))
    assert tally.step() == {"skipped": 9.0}
    assert capsys.readouterr().err.count("data: skipped") == SHOWN
    resumed = Tally(tmp_path / "data", ["a"])
    resumed.add(Report(["a"], 1, ["a: 0", "a: 9"]))
    assert resumed.step() == {"skipped": 2.0}
    assert (tmp_path / "data" / "skipped.txt").read_text().splitlines() == [f"a: {n}" for n in range(10)]
