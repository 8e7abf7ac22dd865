"""A damaged run folder is named by file, line and sample; nothing hangs on it, and nothing is scored wrongly."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.runs.files import FETCHED, read_records
from workbench.scoring.finish import finish

Record = dict[str, Any]


@pytest.fixture
def predicted(tmp_path: Path) -> Path:
    """A run folder with six predictions of one system, not scored yet."""
    run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 6), tmp_path / "run")
    return tmp_path / "run"


def unsealed(path: Path, change: Callable[[list[Record]], object]) -> None:
    """Change the records of a journal and write it as an earlier version did, without checksums."""
    records = read_records(path)
    change(records)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def first(change: Callable[[Record], object]) -> Callable[[list[Record]], object]:
    return lambda records: change(records[0])


def counts(text: str) -> Callable[[list[Record]], object]:
    return first(lambda record: record["instances"][0]["mask"].update(counts=text))


def test_a_journal_without_checksums_still_loads(predicted: Path) -> None:
    before = finish(predicted).results.systems["a"].metrics
    for path in predicted.rglob("*.jsonl"):
        unsealed(path, lambda records: None)
    assert finish(predicted).results.systems["a"].metrics == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (counts("08h0"), r"line 1 is damaged: sample 's0': the RLE counts of a mask do not describe its 768 pixels"),
        (counts("aa49f34M5K2N3M1O1008IO1"), "the RLE counts of a mask do not describe"),
        (counts("P" * 5000), "the RLE counts of a mask do not describe"),
        (counts("é"), "the RLE counts of a mask do not describe"),
        (first(lambda r: r["instances"][0]["mask"].update(size=[1 << 27, 1])), r"expected a mask of size \[24, 32\]"),
        (first(lambda r: r["instances"][0].update(score=float("inf"))), "Infinity is no number"),
        (first(lambda r: r["instances"][0].update(score="1")), "score: expected a number, got '1'"),
        (first(lambda r: r["instances"][0].update(score=1.5)), "score: expected a number of at least 0 and at most 1"),
        (first(lambda r: r.update(latency=-1.0)), "latency: expected a number of at least 0"),
        (first(lambda r: r.update(outcome="oj")), "outcome: expected one of ok, .* got 'oj'"),
        (first(lambda r: r.pop("instances")), "instances: expected a list, but the field is missing"),
        (first(lambda r: r.update(instances=3)), "line 1 is damaged: sample 's0'"),
        (first(lambda r: r.update(calls=[{"kind": "llm"}])), "line 1 is damaged: sample 's0'"),
        (lambda records: records.append({**records[1], "instances": []}), "line 7 .*it repeats the sample of line 2"),
        (lambda records: records.insert(2, [1]), r"line 3 is damaged: expected a JSON object, got \[1\]"),
    ],
)
def test_a_damaged_prediction_is_named_at_once(
    predicted: Path, change: Callable[[list[Record]], object], message: str
) -> None:
    path = predicted / "toy" / "a" / "predictions.jsonl"
    unsealed(path, change)
    begun = time.perf_counter()
    with pytest.raises(ConfigurationError, match=message) as raised:
        finish(predicted)
    assert time.perf_counter() - begun < 5
    assert str(path) in str(raised.value)
    assert "lines are good. Delete it (sed -i" in str(raised.value)


def test_a_deleted_line_is_asked_again_and_nothing_else(predicted: Path, tmp_path: Path) -> None:
    whole = finish(predicted).results.systems["a"].metrics
    path = predicted / "toy" / "a" / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"seconds":0.', b'"seconds":1.'), *lines[4:]]))
    systems = {"a": lambda: threshold(90)}
    with pytest.raises(ConfigurationError, match=r"line 4 is damaged: its checksum does not fit. 5 of 6 lines"):
        run(systems, lambda: Rectangles(tmp_path / "data", 6), predicted)
    path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    run(systems, lambda: Rectangles(tmp_path / "data", 6), predicted)
    assert [r["sample_id"] for r in read_records(path)] == ["s0", "s1", "s2", "s4", "s5", "s3"]
    assert finish(predicted).results.systems["a"].metrics == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (first(lambda r: r["targets"][0].update(counts="0")), "sample 's0': the RLE counts of a mask"),
        (first(lambda r: r.update(width=0)), "width: expected pixels, got 0"),
        (first(lambda r: r.update(instruction=None)), "instruction: expected text, got None"),
        (first(lambda r: r.update(surprise=1)), "line 1 is damaged: sample 's0'"),
        (lambda records: records.__setitem__(-1, records[0]), "line 7 .*it repeats the sample of line 1"),
    ],
)
def test_a_damaged_sample_is_named_and_written_anew(
    predicted: Path, tmp_path: Path, change: Callable[[list[Record]], object], message: str
) -> None:
    unsealed(predicted / "toy" / "samples.jsonl", change)
    with pytest.raises(ConfigurationError, match=message) as raised:
        finish(predicted)
    assert "it writes this file anew and keeps the predictions" in str(raised.value)
    run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 6), predicted)
    assert finish(predicted).results.systems["a"].metrics["gIoU"] == 1.0


def test_samples_that_went_missing_are_noticed(predicted: Path) -> None:
    path = predicted / "toy" / "samples.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for left in (lines[:-1], lines[:3], lines[1:], [*lines[:2], lines[2][:30]], [lines[-1]]):
        path.write_bytes(b"".join(left))
        with pytest.raises(ConfigurationError, match=r"samples.jsonl: line \d is damaged: (expected|it is cut off)"):
            finish(predicted)


@pytest.mark.parametrize("lost", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_lost_sessions_cost_the_cold_start_only(
    predicted: Path, lost: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    lost(predicted / "toy" / "a" / "sessions.jsonl")
    result = finish(predicted).results.systems["a"]
    assert result.cold_start is result.load is None
    assert result.metrics["gIoU"] == 1.0
    assert "sessions.jsonl is missing or empty: cold start and throughput are not known" in capsys.readouterr().err


def test_damaged_sessions_are_named(predicted: Path) -> None:
    unsealed(predicted / "toy" / "a" / "sessions.jsonl", first(lambda r: r.update(load="long")))
    with pytest.raises(ConfigurationError, match=r"sessions.jsonl: line 1 .* load: .*Move it away \(mv "):
        finish(predicted)


def test_several_damaged_lines_are_named_together(predicted: Path) -> None:
    path = predicted / "toy" / "a" / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([b"{\n", lines[1], b"\n", b"null\n", *lines[4:]]))
    with pytest.raises(ConfigurationError, match=r"line 1 .*line 3 .*line 4 .* 3 of 6 lines .*sed -i '1d;3d;4d'"):
        finish(predicted)


def test_a_line_without_a_checksum_after_one_that_has_it_is_refused(predicted: Path) -> None:
    path = predicted / "toy" / "a" / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][: lines[2].rindex(b',"crc"')] + b"}\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(ConfigurationError, match="line 3 is damaged: it has no checksum, but a line before it has one"):
        finish(predicted)


def test_a_damaged_copy_of_a_fetched_run_is_deleted_as_a_whole(predicted: Path) -> None:
    (predicted / FETCHED).write_text("{}")
    unsealed(predicted / "toy" / "a" / "predictions.jsonl", counts("0"))
    with pytest.raises(ConfigurationError, match=rf"copy from MLflow: delete {predicted}, and it is downloaded again"):
        finish(predicted)


def test_a_store_whose_identity_is_no_object_is_refused(predicted: Path, tmp_path: Path) -> None:
    (predicted / "toy" / "a" / "identity.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"identity.json is damaged: expected a JSON object, got \[\]"):
        run({"a": lambda: threshold(90)}, lambda: Rectangles(tmp_path / "data", 6), predicted)
