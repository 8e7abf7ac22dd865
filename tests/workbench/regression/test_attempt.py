"""One comparison of a schedule: its record, its baseline, and what is given up."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import Install
from workbench.comparison.comparison import Comparison
from workbench.regression.attempt import DONE, run_once
from workbench.regression.history import FAILED, NAME, PASSED, history
from workbench.regression.schedule import PREVIOUS, Schedule


@pytest.fixture
def schedule(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    toys = "tests.workbench.toys"
    install("toys", {"systems": {"toy-a": f"{toys}:threshold"}, "benchmarks": {"toy": f"{toys}:rectangles"}})
    monkeypatch.chdir(tmp_path)
    comparison = Comparison(("toy-a",), "toy", limit=12, tracking_uri="none")
    return Schedule("nightly", tmp_path / "runs", comparison, "0 3 * * *", ZoneInfo("UTC"), PREVIOUS, None, None)


def test_the_first_comparison_has_no_baseline_and_the_next_is_judged_against_it(schedule: Schedule) -> None:
    assert run_once(schedule) == DONE
    assert run_once(schedule) == DONE
    first, second = history(schedule)
    assert (first["state"], first["baseline"], first["attempts"]) == (PASSED, None, 1)
    assert (second["state"], second["baseline"]) == (PASSED, first["name"])
    assert first["systems"]["toy-a"]["metrics"]["gIoU"] == second["systems"]["toy-a"]["metrics"]["gIoU"]


def test_an_interrupted_comparison_of_other_settings_is_given_up_and_recorded(schedule: Schedule) -> None:
    folder = schedule.folder / datetime(2026, 1, 2, 3, tzinfo=UTC).strftime(NAME)
    folder.mkdir(parents=True)
    (folder / "attempts.jsonl").write_text(json.dumps({"comparison": {"limit": 3}, "commit": None}) + "\n")
    assert run_once(schedule) == DONE
    lost, done = history(schedule)
    assert (lost["name"], lost["state"], done["state"]) == (folder.name, FAILED, PASSED)
    assert lost["reason"]
