"""A comparison that is killed at random moments, and continued, ends with what an undisturbed one ends with.

`WORKBENCH_KILLS=500 pytest tests/workbench/comparison/test_kill.py` kills more often.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.runs.files import read_records
from workbench.scoring.finish import finish

KILLS = int(os.environ.get("WORKBENCH_KILLS", "60"))
N_SAMPLES = 12
SYSTEMS = ("toy-a", "toy-b")


def compare(root: Path, out: Path, delay: float) -> None:
    systems = {name: lambda: threshold(delay=delay) for name in SYSTEMS}
    run(systems, lambda: Rectangles(root / "data", N_SAMPLES), out)
    finish(out)


def killed(root: Path, out: Path, seconds: float) -> bool:
    """Whether a comparison in a process of its own, killed after so many seconds, did not come to its end.

    The process is a copy of this one, so that all the time before the kill is spent on the comparison.
    """
    child = os.fork()
    if child == 0:
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            sys.stderr = os.fdopen(2, "w")
            compare(root, out, 0.01)
        except BaseException:
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + seconds
    while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a continued comparison failed"
    return os.WIFSIGNALED(status)


def without_times(record: Mapping[str, Any]) -> dict[str, Any]:
    calls = [{**call, "start": None, "duration": None} for call in record["calls"]]
    return {**record, "calls": calls, "latency": None, "seconds": None}


def stored(out: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: read_records(out / "toy" / name / "predictions.jsonl") for name in SYSTEMS}


def accuracy(out: Path) -> Any:
    systems = json.loads((out / "results.json").read_text())["systems"]
    return {
        name: (systems[name]["metrics"], systems[name]["intervals"], systems[name]["diagnosis"]) for name in SYSTEMS
    }


@pytest.mark.slow
def test_a_comparison_killed_at_random_moments_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    compare(tmp_path, tmp_path / "whole", 0.0)
    begun = time.monotonic()
    assert not killed(tmp_path, tmp_path / "timed", 120), "it ends by itself"
    longest = 1.5 * (time.monotonic() - begun)
    whole = {name: [*map(without_times, records)] for name, records in stored(tmp_path / "whole").items()}
    draw = random.Random(3)
    kills = place = 0
    interrupted_at: set[tuple[int, ...]] = set()
    while kills < KILLS:
        out = tmp_path / f"run{place}"
        place += 1
        before: dict[str, list[dict[str, Any]]] = {name: [] for name in SYSTEMS}
        while killed(tmp_path, out, longest * draw.random() ** 2):
            kills += 1
            after = stored(out)
            assert all(after[name][: len(before[name])] == before[name] for name in SYSTEMS), "nothing is lost"
            interrupted_at.add(tuple(map(len, after.values())))
            before = after
        assert {name: [*map(without_times, records)] for name, records in stored(out).items()} == whole
        assert accuracy(out) == accuracy(tmp_path / "whole")
    assert len(interrupted_at) > min(KILLS, 60) // 12, "the kills came at different moments"
    print(f"{kills} kills, {place} comparisons, {len(interrupted_at)} different moments")
