"""What reading the large benchmarks takes: files of the published layout, read piece by piece."""

import tracemalloc
from pathlib import Path

import pytest

from speed.reading import OPTIONS, WAYS, read
from workbench.benchmarks import json_stream, reading


@pytest.mark.parametrize(("name", "count"), [("saco", 62), ("omnilabel", 168), ("coco", 400), ("d3", 4642)])
def test_the_files_have_the_published_layout(name: str, count: int, tmp_path: Path) -> None:
    write, file, make = WAYS[name]
    write(tmp_path, 0.001)
    benchmark = make(str(tmp_path / file), None, **OPTIONS.get(name, {}))
    assert sum(sample.problem is None for sample in benchmark.samples()) == count


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, file, make = WAYS["saco"]
    write(tmp_path, 0.003)
    samples = make(str(tmp_path / file), None).samples
    monkeypatch.setattr(json_stream, "PIECE", 2**12)
    monkeypatch.setattr(json_stream, "SHORT", 2**10)

    def taken(pieces: int) -> int:
        monkeypatch.setattr(reading, "LONG", pieces)
        tracemalloc.start()
        for _ in samples():
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    taken(2**30)  # what is imported and cached meanwhile
    assert taken(0) < 0.4 * taken(2**30)


def test_a_row_says_what_was_read() -> None:
    row = read("omnilabel", 0.001)
    assert (row["benchmark"], row["samples"]) == ("omnilabel", 168)
    assert row["memory"] >= 0 and row["seconds"] >= row["first"] >= 0
