"""The measurement of large runs: each part works on a run folder as a comparison leaves it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from speed import scale_scores
from speed.scale_scores import DO, SYSTEMS, Scenes, answer, run_folder, sample, table
from workbench.data.traces import packed
from workbench.tracking.load import load_run


@pytest.fixture(autouse=True)
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Drawing all of them takes seconds."""
    monkeypatch.setattr(scale_scores, "SHAPES", 20)
    for drawn in (scale_scores.shapes, scale_scores.places):
        drawn.cache_clear()
    yield
    for drawn in (scale_scores.shapes, scale_scores.places):
        drawn.cache_clear()


def test_store_and_scores_of_a_small_run(tmp_path: Path) -> None:
    sizes = DO["store"](tmp_path, 12)["bytes a sample"]
    assert set(sizes) == {*SYSTEMS, "samples"}
    DO["continue"](tmp_path, 12)
    DO["scores"](tmp_path, 12)
    run = load_run(run_folder(tmp_path))
    assert list(run.results.systems) == list(SYSTEMS)
    assert all(0.2 < system.metrics["gIoU"] < 0.95 for system in run.results.systems.values())


def test_the_agent_says_80_kilobytes_a_sample(tmp_path: Path) -> None:
    for number in range(3):
        record = answer("agent", number, sample(number, tmp_path)).to_json()
        assert 60_000 < len(str(record)) < 100_000
        assert len(str(packed(record))) < len(str(record)) / 5
    assert next(Scenes(tmp_path, 1).samples()) == sample(0, tmp_path)


def test_the_table_names_every_part() -> None:
    part = {"seconds": 1.0, "processor seconds": 2.0, "peak in MB": 1500}
    shown = table({"samples": 100_000, "parts": {"store": {**part, "bytes a sample": {"agent": 9000}}, "scores": part}})
    assert "| scores | 1 | 2 | 1,500 |" in shown and "agent: 9,000 bytes" in shown


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux only")
def test_memory_is_that_of_a_process_and_what_it_started() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    held = "block = bytearray(b'x') * 60_000_000; print(len(block), flush=True); import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, held], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"60000000\n"
        found = scale_scores.memory_of(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
    assert 60_000 < found * 1.024 < 200_000
    assert scale_scores.memory_of(process.pid) == 0
