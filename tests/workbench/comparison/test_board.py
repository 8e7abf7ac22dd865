"""What a comparison writes to `progress.json`."""

import time
from pathlib import Path

from workbench.comparison.board import Board
from workbench.comparison.budget import Budget
from workbench.runs.files import read_json


def test_a_driver_that_waits_for_an_answer_still_shows_that_it_lives(tmp_path: Path) -> None:
    with Board(tmp_path, heartbeat=0.05) as board:
        first = read_json(tmp_path / "progress.json")["updated"]
        deadline = time.monotonic() + 30
        while read_json(tmp_path / "progress.json")["updated"] == first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert read_json(tmp_path / "progress.json")["updated"] > first
        board.asks({"agent": (2, 0, 9)}, Budget(None, None, {}, {}))
        time.sleep(0.2)
        shown = read_json(tmp_path / "progress.json")
        assert (shown["state"], shown["systems"][0]["done"]) == ("runs", 2)
    assert read_json(tmp_path / "progress.json")["state"] == "stopped"
