"""Whatever byte of a stored run changes: loading and scoring give the right numbers or an error that names the file.

`WORKBENCH_MUTATIONS=5000 pytest tests/workbench/runs/test_mutations.py` tries more.
"""

import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.results import Results
from workbench.scoring.finish import finish
from workbench.tracking.load import load_run

MUTATIONS = int(os.environ.get("WORKBENCH_MUTATIONS", "240"))
JOURNALS = ("samples.jsonl", "a/predictions.jsonl", "a/sessions.jsonl")


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Kill the whole process where the block hangs: a loop in C cannot be interrupted otherwise."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def numbers(results: Results) -> dict[str, Any]:
    result = results.systems["a"].to_json()
    return {key: value for key, value in result.items() if key not in ("store", "report")}


def mutated(content: bytes, draw: random.Random) -> bytes:
    """One change: a flipped bit, another byte, a byte more or less, a line more or less, an end cut off, or zeros."""
    place = draw.randrange(len(content))
    lines = content.splitlines(keepends=True)
    line = draw.randrange(len(lines))
    return draw.choice(
        [
            content[:place] + bytes([content[place] ^ (1 << draw.randrange(8))]) + content[place + 1 :],
            content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :],
            content[:place] + content[place + 1 :],
            content[:place] + bytes([content[place]]) + content[place:],
            b"".join([*lines[:line], lines[line], *lines[line:]]),
            b"".join(lines[:line] + lines[line + 1 :]),
            content[:place],
            content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :],
        ]
    )


def test_a_changed_byte_gives_the_right_numbers_or_a_named_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 8), whole)
    expected = numbers(finish(whole).results)
    without_start = dict.fromkeys(("cold_start", "load", "warm_up", "machine"))
    draw = random.Random(5)
    refused = 0
    for number in range(MUTATIONS):
        folder = tmp_path / "run"
        shutil.copytree(whole, folder)
        (folder / "results.json").unlink()
        path = folder / "toy" / JOURNALS[number % len(JOURNALS)]
        before = path.read_bytes()
        path.write_bytes(mutated(before, draw))
        with within(60):
            try:
                found = numbers(finish(folder).results)
            except ConfigurationError as error:
                assert str(folder) in str(error) or path.name in str(error)
                refused += 1
            else:
                lost = path.name == "sessions.jsonl" and found["cold_start"] is None
                assert found == (expected | without_start if lost else expected), path.read_bytes()
        shutil.rmtree(folder)
    assert refused > MUTATIONS // 2
    print(f"{MUTATIONS} mutations: {refused} refused by name, {MUTATIONS - refused} with the right numbers")


def test_a_changed_byte_of_the_results_is_noticed(tmp_path: Path) -> None:
    run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 4), tmp_path / "run")
    expected = finish(tmp_path / "run").results
    path = tmp_path / "run" / "results.json"
    whole = path.read_bytes()
    draw = random.Random(6)
    refused = 0
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(whole, draw))
        try:
            found = load_run(tmp_path / "run").results
        except ConfigurationError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert found == expected, path.read_bytes()
    assert refused > MUTATIONS // 2
    assert b'"gIoU": 1.0' in whole
    path.write_bytes(whole.replace(b'"gIoU": 1.0', b'"gIoU": 0.0', 1))
    with pytest.raises(ConfigurationError, match=r"results.json is damaged: its checksum .* Delete it, and"):
        load_run(tmp_path / "run")
    path.unlink()
    assert finish(tmp_path / "run").results == expected


@pytest.mark.parametrize("name", ["manifest.json", "identity.json", "samples.parquet"])
def test_a_run_whose_other_files_are_garbage_is_refused_by_name(tmp_path: Path, name: str) -> None:
    run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 4), tmp_path / "run")
    finished = finish(tmp_path / "run")
    (path,) = finished.path.rglob(name)
    path.write_bytes(b"\x00garbage")
    with pytest.raises(ConfigurationError, match=name):
        finished.table()
        run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 4), tmp_path / "run")
