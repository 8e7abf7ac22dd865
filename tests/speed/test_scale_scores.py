"""The measurement of large runs: each part works on a run folder as a comparison leaves it."""

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
    part = {"seconds": 1.0, "processor seconds": 2.0, "peak in MB": 1500, "largest child in MB": 0}
    shown = table({"samples": 100_000, "parts": {"store": {**part, "bytes a sample": {"agent": 9000}}, "scores": part}})
    assert "| scores | 1 | 2 | 1,500 |" in shown and "agent: 9,000 bytes" in shown
