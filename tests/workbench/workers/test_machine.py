"""What a system used of the machine is measured, and what kept it waiting."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workbench.comparison.watched import Watched, answered
from workbench.runs.files import read_records
from workbench.workers import machine
from workbench.workers.machine import Clock, machine_state, memory_kills

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long a thread waits")


def test_computing_uses_processor_time_and_sleeping_does_not() -> None:
    clock = Clock()
    time.sleep(0.2)
    slept = clock.read()
    clock = Clock()
    while clock.read().processor < 0.2:
        pass
    computed = clock.read()
    assert slept.seconds >= 0.2 > 4 * slept.processor
    assert computed.seconds > 0.9 * computed.processor >= 0.18


def test_what_the_kernel_has_ended_for_lack_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = tmp_path / "vmstat"
    monkeypatch.setattr(machine, "_VMSTAT", counts)
    assert memory_kills() is None
    counts.write_text("nr_free_pages 12\noom_kill 3\nnuma_hit 7\n")
    assert memory_kills() == 3


@LINUX
def test_processes_on_one_core_wait_for_each_other() -> None:
    """Two processes that compute on the same core: each has it half of the time."""
    code = """
import json, os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from workbench.workers.machine import Clock
clock = Clock()
while clock.read().processor < 0.5:
    pass
print(json.dumps(vars(clock.read())))
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    spent = [json.loads(one.communicate()[0]) for one in both]
    slower = max(spent, key=lambda one: one["waited"])
    assert slower["waited"] >= 0.5 * (slower["seconds"] - slower["processor"]) > 0
    assert all(one["waited"] <= one["seconds"] for one in spent)


@LINUX
def test_threads_of_one_process_that_wait_for_each_other_are_no_busy_machine() -> None:
    """Three threads that compute on one core wait most of the time, for nobody but themselves."""
    code = """
import json, os, zlib
from concurrent.futures import ThreadPoolExecutor
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from workbench.workers import machine
own = lambda: (__import__("time").process_time(), 0.0)
machine._processors = own  # a machine on which nothing else runs
clock = machine.Clock()
block = bytes(10_000_000)
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: zlib.crc32(block * 3), range(30)))
spent = clock.read()
waits = machine._waits()
print(json.dumps([spent.waited, max(waits.values()), spent.seconds]))
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    waited, longest, seconds = json.loads(done.stdout)
    assert waited < 0.05 * seconds < longest


def test_where_the_system_tells_nothing_waiting_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TASKS", "_STAT", "_CPUINFO"):
        monkeypatch.setattr(machine, name, tmp_path / "nowhere")
    spent = Clock().read()
    assert spent.waited is None and spent.seconds >= 0
    assert machine_state()["mhz"] is None


def test_answers_and_calls_keep_their_processor_time_and_sessions_the_state_of_the_machine(tmp_path: Path) -> None:
    predictions = answered(tmp_path, Watched())
    for one in predictions:
        assert one.processor is not None and one.latency is not None
        assert all(call.processor is not None and call.processor <= one.processor for call in one.calls)
    (session,) = read_records(tmp_path / "run/toy/watched/sessions.jsonl")
    assert session["machine"].keys() == {"load", "threads", "mhz"}


def test_answers_of_a_batch_have_no_processor_time_of_their_own(tmp_path: Path) -> None:
    assert {(one.processor, one.waited) for one in answered(tmp_path, Watched(), mode="throughput")} == {(None, None)}
