"""A run that is killed at random moments, and continued, ends with what an undisturbed run ends with."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import Install
from workbench.runs.files import read_records

N_SAMPLES = 60
RUN = """
import sys
from pathlib import Path
from workbench.plugins import registry
from workbench.comparison.runner import run

out, data, delay = sys.argv[1:]
benchmark = registry.prepare("benchmarks", "toy", {"folder": data, "n_samples": 60})
systems = {name: registry.prepare("systems", name, {"delay": float(delay)}) for name in ("toy-a", "toy-b")}
run(systems, benchmark, Path(out))
"""


def _without_times(record: Mapping[str, Any]) -> dict[str, Any]:
    calls = [{**call, "start": None, "duration": None} for call in record["calls"]]
    return {**record, "calls": calls, "latency": None, "seconds": None}


def _stored(out: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: read_records(out / "toy" / name / "predictions.jsonl") for name in ("toy-a", "toy-b")}


def test_a_run_killed_at_random_moments_ends_like_an_undisturbed_one(install: Install, tmp_path: Path) -> None:
    toys = "tests.workbench.toys"
    points = {"toy-a": f"{toys}:threshold", "toy-b": f"{toys}:threshold"}
    site = install("toys", {"systems": points, "benchmarks": {"toy": f"{toys}:rectangles"}})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parents[3])])}

    def start(out: str, delay: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", RUN, str(tmp_path / out), str(tmp_path / "data"), str(delay)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    assert start("whole", 0.0).wait(300) == 0
    draw = random.Random(3)
    killed_after = []
    for _ in range(6):
        before = sum(map(len, _stored(tmp_path / "killed").values()))
        process = start("killed", 0.01)
        deadline = time.monotonic() + 300
        # at least one new prediction, then a random moment more
        while sum(map(len, _stored(tmp_path / "killed").values())) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        killed_after.append(sum(map(len, _stored(tmp_path / "killed").values())))
    assert start("killed", 0.0).wait(300) == 0

    assert killed_after == sorted(killed_after)
    assert 0 < killed_after[0] < 2 * N_SAMPLES
    whole, killed = _stored(tmp_path / "whole"), _stored(tmp_path / "killed")
    for name in whole:
        assert [r["sample_id"] for r in killed[name]] == [f"s{n}" for n in range(N_SAMPLES)]
        assert [*map(_without_times, killed[name])] == [*map(_without_times, whole[name])]
