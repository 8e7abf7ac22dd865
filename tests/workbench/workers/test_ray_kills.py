"""A comparison whose workers, machines and driver are killed at random moments ends with what an undisturbed one ends
with.

`WORKBENCH_KILLS=200 pytest tests/workbench/workers/test_ray_kills.py` kills more often.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from tests.forking import forked
from tests.killing import kills
from tests.workbench.workers.clusters import Nodes
from tests.workbench.workers.compared import answers, ask, results
from tests.workbench.workers.sleepers import Streamer, Whole
from workbench.comparison import board
from workbench.data.progress import RunProgress
from workbench.runs.files import read_json
from workbench.scoring.finish import finish
from workbench.workers.wanted import Workers

KILLS = kills(20)
SAMPLES = 120
SYSTEMS = {"a": partial(Whole, 0.01, 2), "b": partial(Streamer, 0.01)}
SETTLED = 16
"""Answers after which no sample is open any more that was open when something was killed."""
VICTIMS = ("worker", "worker", "worker", "driver", "node")


class Driver:
    """A comparison in a process of its own."""

    def __init__(self, folder: Path, out: Path, nodes: Nodes, count: int, output: IO[str]) -> None:
        self._output, self._ended = output, False
        self.out = out

        def work() -> None:
            board.EVERY = 0.05  # so that what it says of its workers is true
            ask(folder, out, SYSTEMS, Workers(count, nodes.address), samples=SAMPLES)

        self.process = forked(work, output.fileno())

    def answered(self) -> int:
        """Answers on disk, of both systems."""
        paths = [self.out / "toy" / name / "predictions.jsonl" for name in SYSTEMS]
        return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())

    def ended(self) -> bool:
        """Whether the comparison came to its end; fails where it ended by an error."""
        if self._ended:
            return True
        found, status = os.waitpid(self.process, os.WNOHANG)
        if not found:
            return False
        self._ended = True
        self._output.seek(0)
        assert os.waitstatus_to_exitcode(status) == 0, self._output.read()[-3000:]
        return True

    def until(self, answers: int) -> bool:
        """Wait for so many answers; whether they came before the end."""
        end = time.monotonic() + 120
        while self.answered() < answers:
            if self.ended():
                return False
            assert time.monotonic() < end, "it does not go on"
            time.sleep(0.005)
        return True

    def workers(self) -> list[int]:
        """The processes of the workers that are at work."""
        path = self.out / "progress.json"
        if not path.exists():
            return []
        progress = RunProgress.from_json(read_json(path), "progress")
        working = [one for system in progress.systems for one in system.workers if one.state == "works"]
        return [int(one.name.split()[-1]) for one in working]


@pytest.mark.slow
def test_killed_workers_machines_and_drivers_change_nothing(tmp_path: Path, nodes: Nodes) -> None:
    import ray  # noqa: F401 - once, for all drivers

    ask(tmp_path, tmp_path / "whole", SYSTEMS, samples=SAMPLES)
    finish(tmp_path / "whole")
    draw = random.Random(5)
    killed: list[str] = []
    nodes.add(1)
    place = 0
    with tempfile.TemporaryFile("w+") as output:
        while len(killed) < KILLS:
            out = tmp_path / f"run{place}"
            place += 1
            start = partial(Driver, tmp_path, out, nodes, output=output)
            driver = start(draw.randint(1, 3))
            seen = 0
            while driver.until(seen + draw.randint(1, SETTLED)) and len(killed) < KILLS:
                victim = draw.choice(VICTIMS)
                if victim == "worker":
                    try:
                        os.kill(draw.choice(driver.workers()), signal.SIGKILL)
                    except (IndexError, ProcessLookupError):  # none is at work, or it has just ended
                        continue
                elif victim == "node":
                    nodes.lose()
                    nodes.add(1)
                else:
                    os.kill(driver.process, signal.SIGKILL)
                    os.waitpid(driver.process, 0)
                    driver = start(draw.randint(1, 3))
                killed.append(victim)
                seen = driver.answered() + SETTLED
            driver.until(2 * SAMPLES + 1)
            for name in SYSTEMS:
                assert answers(out, name) == answers(tmp_path / "whole", name)
            finish(out)
            assert results(out) == results(tmp_path / "whole")
    nodes.lose()
    assert set(killed) == set(VICTIMS)
    print(f"{place} comparisons, killed: {', '.join(f'{killed.count(v)} times the {v}' for v in sorted(set(killed)))}")


COMPARE = """
import sys
from functools import partial
from pathlib import Path
from tests.workbench.workers.compared import ask
from tests.workbench.workers.sleepers import Sleeper
from workbench.workers.wanted import Workers

folder = Path(sys.argv[1])
ask(folder, folder / "out", {"a": partial(Sleeper, 0.05)}, Workers(2), samples=2000)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_comparison_leaves_no_process_behind(tmp_path: Path, how: signal.Signals) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", COMPARE, str(tmp_path)], cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, text=True
    )
    stored = tmp_path / "out/toy/a/predictions.jsonl"
    end = time.monotonic() + 120
    while not stored.exists() or not stored.read_bytes():
        assert driver.poll() is None and time.monotonic() < end, driver.stderr and driver.stderr.read()
        time.sleep(0.02)
    session = [one for one in _processes() if re.search(r"session_[\d_-]+_" + str(driver.pid), one)]
    assert session, "Ray is there while it works"
    name = re.search(r"session_[\d_-]+", session[0])
    assert name
    driver.send_signal(how)
    driver.wait(60)
    while any(name[0] in one or f"ppid={driver.pid} " in one for one in _processes()):
        assert time.monotonic() < end + 60, _processes()
        time.sleep(0.1)
    assert all(line.endswith(b"\n") for line in stored.read_bytes().splitlines(keepends=True))


def _processes() -> list[str]:
    """Of each process its parent, the command, and the Ray session in its environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (folder / "environ").read_bytes().decode(errors="replace")
            status = (folder / "status").read_text()
        except OSError:
            continue
        if "State:\tZ" in status:
            continue
        parent = re.search(r"PPid:\t(\d+)", status)
        session = " ".join(re.findall(r"session_[\d_-]+", environment))
        found.append(f"ppid={parent[1] if parent else 0} {command} {session}")
    return found
