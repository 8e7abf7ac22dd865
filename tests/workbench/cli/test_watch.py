"""What `workbench watch` shows of a comparison."""

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.comparison.watched import Watched, toy
from workbench.cli.main import main
from workbench.cli.watch import state_of, text
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.prices import Price, Prices
from workbench.data.progress import RunProgress, SystemProgress, WorkerProgress
from workbench.data.samples import Sample
from workbench.runs.files import read_json, write_json


def progress(**changes: Any) -> RunProgress:
    at = 1_000_000.0
    busy = WorkerProgress(
        name="host 7", state="works", since=at - 75, samples=["s3", "s4"], answered=20, node="host", device="H200"
    )
    idle = WorkerProgress(
        name="host 8", state="waits for a place", since=at - 2, samples=[], answered=0, node="", device=""
    )
    system = SystemProgress(
        name="agent",
        total=1000,
        done=20,
        failed=1,
        rate=0.5,
        left=1960.0,
        cost=1.25,
        cost_left=61.25,
        currency="EUR",
        workers=[busy, idle],
    )
    given: dict[str, Any] = {
        "state": "runs",
        "process": os.getpid(),
        "node": platform.node(),
        "started": "2026-01-01T00:00:00+00:00",
        "updated": at,
        "systems": [system, SystemProgress(name="floor", total=1000, done=0, failed=0)],
    }
    return RunProgress(**{**given, **changes})


def test_each_worker_has_a_line_with_what_it_does_and_each_system_what_is_left() -> None:
    assert text(progress(), 1_000_000.0).splitlines() == [
        "agent: 20/1,000 samples, 0.5/s, 32:40 left, 1 failed, 1.25 EUR spent, about 61.25 to come",
        "    host 7 (H200): works since 1:15: s3 and 1 more; 20 answered",
        "    host 8: waits for a place since 0:02; 0 answered",
        "floor: 0/1,000 samples, 0 failed",
    ]


def test_a_driver_that_is_gone_is_said() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    gone = progress(process=child)
    assert state_of(gone) == "gone"
    assert "is gone; it wrote this 0:30 ago: the same command goes on" in text(gone, 1_000_030.0)
    assert state_of(progress(node="elsewhere", updated=time.time())) == "runs"
    assert state_of(progress(node="elsewhere", updated=time.time() - 600)) == "gone"
    assert state_of(progress(state="starts", node="elsewhere", updated=time.time() - 600)) == "gone"


def test_other_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "progress.json", progress().to_json())
    assert main(["watch", str(tmp_path), "--once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["systems"][0]["workers"][0]["samples"] == ["s3", "s4"]
    assert told["state"] == "runs"


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(tmp_path)]) == 2
    assert "has no progress.json" in capsys.readouterr().err
    assert main(["watch", str(tmp_path / "nowhere")]) == 2
    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_a_file_with_a_time_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "progress.json", progress(state="starts").to_json() | {"started": "yesterday"})
    assert main(["watch", str(tmp_path), "--once"]) == 2
    assert "progress.json: started: " in capsys.readouterr().err


def test_one_that_starts_says_so_and_what_an_earlier_one_said_is_kept_where_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def refused() -> Watched:
        assert main(["watch", str(tmp_path / "run"), "--once"]) == 0
        seen.append(capsys.readouterr().out)
        raise ConfigurationError("its checkpoint is missing")

    def compare(system: Callable[[], Watched]) -> str:
        run({"watched": system}, lambda: toy(tmp_path, 2), tmp_path / "run")
        return read_json(tmp_path / "run/progress.json")["state"]

    with pytest.raises(ConfigurationError, match="its checkpoint is missing"):
        compare(refused)
    assert "it starts, since 0:0" in seen[0] and "each system is made once" in seen[0]
    assert main(["watch", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out == "stopped before anything was asked\n"
    assert compare(Watched) == "answered"
    with pytest.raises(ConfigurationError, match="its checkpoint is missing"):
        compare(refused)
    assert "it starts" in seen[1]
    assert read_json(tmp_path / "run/progress.json")["state"] == "answered"


def test_it_follows_a_comparison_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun, watched = threading.Event(), threading.Event()

    def first_waits(sample: Sample) -> None:
        if sample.sample_id == "s1":
            begun.set()
            watched.wait(30)

    system = Watched(first_waits)
    prices = Prices(currency="EUR", default=Price(second=1.0))

    def compare() -> None:
        run({"watched": lambda: system}, lambda: toy(tmp_path, 3), tmp_path / "run", prices=prices)

    thread = threading.Thread(target=compare)
    thread.start()
    assert begun.wait(30)
    assert main(["watch", str(tmp_path / "run"), "--once"]) == 0
    watched.set()
    assert main(["watch", str(tmp_path / "run")]) == 0
    thread.join()
    shown = capsys.readouterr().out
    assert "watched: 0/3 samples" in shown or "watched: 1/3 samples" in shown
    assert str(os.getpid()) in shown
    assert "watched: 3/3 samples" in shown and "EUR spent" in shown
    assert shown.rstrip().endswith("all samples are answered")
