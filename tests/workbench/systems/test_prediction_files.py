"""Thousands of broken predictions files: each is refused with file and sample, or scores exactly what it says."""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.workbench.metrics.scenes import HEIGHT, WIDTH, sample, strip
from workbench.cli.main import main
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import values
from workbench.systems.prediction_files import MAX_LINE, read_predictions

SAMPLES = [sample(str(i), [(20 * k, 20 * k + 15) for k in range(i % 3)]) for i in range(6)]
NOT_NUMBERS: list[Any] = [None, True, "0.5", [], [0.5], {}, "NaN"]
NOT_TEXT: list[Any] = [None, True, 7, 0.5, [], {}, ["0"]]
NOT_LISTS: list[Any] = [None, True, 7, "[]", {}, {"0": 1}]
NOT_OBJECTS: list[Any] = [None, True, 7, "{}", [], [1, 2]]
HUGE = 10**400
Random = random.Random


def valid(chance: Random) -> list[dict[str, Any]]:
    """Answers to all samples, in any order; that to sample 0 is empty."""
    records: list[dict[str, Any]] = []
    for index in range(len(SAMPLES)):
        starts = [chance.randrange(0, WIDTH - 30) for _ in range(index and chance.randint(1, 3))]
        instances: list[dict[str, Any]] = [{"mask": strip((s, s + 20)), "score": chance.random()} for s in starts]
        for instance in instances:
            if chance.random() < 0.3:
                instance["box"] = [1.5, 0, 10, 2]
            if chance.random() < 0.3:
                instance["mask"] = uncompressed(instance["mask"])
        records.append({"sample_id": str(index), "instances": instances})
        if chance.random() < 0.3:
            records[-1]["rejected"] = not instances
    chance.shuffle(records)
    return records


def uncompressed(rle: masks.Rle) -> dict[str, Any]:
    pixels = masks.decode(rle).T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pixels])))
    counts = np.diff(np.concatenate([[0], edges, [len(pixels)]]))
    return {"size": rle["size"], "counts": counts.tolist()}


def encode(records: list[Any]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


Edit = Callable[[Random, dict[str, Any]], None]
"""Breaks a record that has an instance."""


def into(*path: str | int) -> Callable[[dict[str, Any]], tuple[Any, str | int]]:
    """The container and the key of a place in a record."""

    def find(record: dict[str, Any]) -> tuple[Any, str | int]:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        return place, path[-1]

    return find


FIRST: tuple[str | int, ...] = ("instances", 0)
WRONG: list[tuple[tuple[str | int, ...], list[Any]]] = [
    (("instances",), NOT_LISTS),
    (("rejected",), [7, "false", [], {}, 0, 1, 0.0]),
    (FIRST, NOT_OBJECTS),
    (
        (*FIRST, "score"),
        [*NOT_NUMBERS, -0.1, 1.1, 1e300, -1e300, HUGE, -HUGE, float("nan"), float("inf"), -float("inf")],
    ),
    ((*FIRST, "mask"), [*NOT_OBJECTS, {"size": [HEIGHT, WIDTH]}, {"counts": "0"}, [[0, 0, 5, 0, 5, 2]]]),
    (
        (*FIRST, "mask", "size"),
        [
            *NOT_LISTS,
            [],
            [HEIGHT],
            [WIDTH, HEIGHT],
            [-HEIGHT, -WIDTH],
            [HEIGHT, 0],
            [HEIGHT, WIDTH, 1],
            [HEIGHT, str(WIDTH)],
            [float(HEIGHT), WIDTH],
            [HUGE, HUGE],
            [10**9, 10**9],
            [True, WIDTH],
            [HEIGHT, None],
        ],
    ),
    (
        (*FIRST, "mask", "counts"),
        [
            *NOT_NUMBERS[:2],
            {},
            "",
            [],
            "\x00",
            "é",
            "\ud800",
            "0" * 100_000,
            "PPPP",
            "~~~~",
            [HEIGHT * WIDTH + 1],
            [-1, HEIGHT * WIDTH + 1],
            [1.0] * HEIGHT * WIDTH,
            [HUGE],
            [True] * HEIGHT * WIDTH,
            ["200"],
            [[200]],
            [None],
        ],
    ),
    (
        (*FIRST, "box"),
        [
            True,
            7,
            "box",
            {},
            [],
            [1, 2, 3],
            [1, 2, 3, 4, 5],
            [1, 2, -3, 4],
            [1, 2, 3, -4],
            ["1", 2, 3, 4],
            [1, 2, None, 4],
            [1, 2, HUGE, 4],
            [1e300, 0, 1, 1],
            [float("nan"), 0, 1, 1],
            [0, 0, float("inf"), 1],
        ],
    ),
]


def wrong_value(chance: Random, record: dict[str, Any]) -> None:
    path, wrong = chance.choice(WRONG)
    place, key = into(*path)(record)
    place[key] = chance.choice(wrong)


def without_a_key(chance: Random, record: dict[str, Any]) -> None:
    path = chance.choice([("instances",), (*FIRST, "mask"), (*FIRST, "score"), (*FIRST, "mask", "size")])
    place, key = into(*path)(record)
    del place[key]


def with_a_strange_key(chance: Random, record: dict[str, Any]) -> None:
    place, _ = into(*chance.choice([("instances",), (*FIRST, "mask"), (*FIRST, "mask", "size")]))(record)
    place[chance.choice(["", "Mask", "scores", "rejcted", "bbox", "\ud800", "x" * 5000])] = 1


def mask_cut_short(chance: Random, record: dict[str, Any]) -> None:
    mask = record["instances"][0]["mask"]
    mask["counts"] = mask["counts"][: chance.randrange(len(mask["counts"]))]


def mask_grown(chance: Random, record: dict[str, Any]) -> None:
    mask = record["instances"][0]["mask"]
    mask["counts"] = mask["counts"] + (["5"] if isinstance(mask["counts"], list) else "5")


EDITS: list[Edit] = [
    wrong_value,
    wrong_value,
    wrong_value,
    without_a_key,
    with_a_strange_key,
    mask_cut_short,
    mask_grown,
]


def broken_records(count: int, seed: int) -> Iterator[tuple[bytes, str]]:
    """Files with one broken record, and the sample it is about."""
    chance = Random(seed)
    for _ in range(count):
        records = valid(chance)
        victim = chance.choice([record for record in records if record["instances"]])
        chance.choice(EDITS)(chance, victim)
        yield encode(records), victim["sample_id"]


def broken_lists(count: int, seed: int) -> Iterator[bytes]:
    """Files whose records are fine, but too many, too few or of other samples, or that are no records."""
    chance = Random(seed)
    for _ in range(count):
        records: list[Any] = valid(chance)
        index = chance.randrange(len(records))
        match chance.randrange(5):
            case 0:
                del records[index]
            case 1:
                records.insert(chance.randrange(len(records)), records[index])
            case 2:
                records[index] = {
                    **records[index],
                    "sample_id": chance.choice([*NOT_TEXT, "", "6", "-1", "00", "1 ", "x"]),
                }
            case 3:
                records[index] = chance.choice([*NOT_OBJECTS, HUGE, float("nan"), "x" * 100_000])
            case 4:
                records[index] = [records[index]]
        yield encode(records)


def broken_bytes(count: int, seed: int) -> Iterator[bytes]:
    """Files that are cut, that are no UTF-8, that nest deeply, that have a key twice or end in the middle of a text."""
    chance = Random(seed)
    for _ in range(count):
        content = encode(valid(chance))
        at = chance.randrange(len(content) - 1)
        match chance.randrange(6):
            case 0 | 1:
                yield content[:at]
            case 2:
                yield content[:at] + chance.choice([b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\x80"]) + content[at:]
            case 3:
                lines = content.splitlines(keepends=True)
                lines[at % len(lines)] = chance.choice(
                    [b"[" * 100_000, b'{"a":' * 100_000, b"{", b'"', b"\x00", b"nul"]
                )
                yield b"\n".join(lines)
            case 4:
                yield content.replace(b'"sample_id"', b'"instances": [], "sample_id"', 1)
            case 5:
                yield chance.choice(
                    [content.decode().encode("utf-16"), 2 * b"\xef\xbb\xbf" + content, b"", b"\n", b"[{}]"]
                )


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        read_predictions(path, SAMPLES)
    message = str(raised.value)
    assert path.name in message
    as_results = path.read_bytes().lstrip().startswith(b"[")  # one list is read as COCO's results
    assert (
        "line " in message or "sample " in message or (as_results and ("a JSON list" in message or "entry" in message))
    )
    assert len(message) < 1000
    return message


def test_a_broken_record_is_refused_with_its_sample(tmp_path: Path) -> None:
    for content, victim in broken_records(1500, seed=1):
        assert f"sample '{victim}': " in refusal(tmp_path / "predictions.jsonl", content)


def test_missing_double_unknown_and_foreign_records_are_refused(tmp_path: Path) -> None:
    for content in broken_lists(500, seed=2):
        refusal(tmp_path / "predictions.jsonl", content)


def test_broken_files_are_refused(tmp_path: Path) -> None:
    for content in broken_bytes(600, seed=3):
        refusal(tmp_path / "predictions.jsonl", content)


def test_a_file_with_any_bytes_changed_is_refused_or_scores_what_it_says(tmp_path: Path) -> None:
    chance, path, read = Random(4), tmp_path / "predictions.jsonl", 0
    for _ in range(1000):
        content = bytearray(encode(valid(chance)))
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(content))
            content[at] = chance.choice([chance.randrange(256), chance.choice(b'0123456789.,:"[]{}')])
        path.write_bytes(content)
        try:
            answers = read_predictions(path, SAMPLES)
        except ConfigurationError as error:
            assert path.name in str(error)
            continue
        read += 1
        found = overlaps(SAMPLES, answers)
        metrics = values(inst2seg(found), len(found))
        assert (metrics["gIoU"], metrics["cIoU"]) == pytest.approx(by_hand(bytes(content)))
    assert read > 20


def by_hand(content: bytes) -> tuple[float, float]:
    """gIoU and cIoU, from pixels."""
    answers = {record["sample_id"]: record["instances"] for record in map(json.loads, content.splitlines()) if record}
    ious, common, either = [], 0, 0
    for asked in SAMPLES:
        predicted = pixels([instance["mask"]["counts"] for instance in answers[asked.sample_id]])
        wanted = pixels([mask["counts"] for mask in asked.targets])
        intersection, union = int((predicted & wanted).sum()), int((predicted | wanted).sum())
        ious.append(intersection / union if union else 1.0)
        common, either = common + intersection, either + union
    return float(np.mean(ious)), common / either


def pixels(counts: list[Any]) -> NDArray[np.bool_]:
    """The union of masks, in column order."""
    found = np.zeros(HEIGHT * WIDTH, dtype=bool)
    for one in counts:
        runs = one if isinstance(one, list) else runs_of(one)
        found |= np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return found


def runs_of(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value, shift = value | (bits & 31) << shift, shift + 5
        if not bits & 32:
            value -= (bits & 16 and 1) << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def test_the_command_shows_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, predictions = tmp_path / "annotations.json", tmp_path / "predictions.jsonl"
    asked = [{"text": "cups", "mask": list(s.targets)} for s in SAMPLES]
    annotations.write_text(json.dumps([{"image": "a.jpg", "height": HEIGHT, "width": WIDTH, "annotation": asked}]))
    contents = [content for content, _ in broken_records(20, seed=5)]
    for content in [*contents, *broken_lists(20, seed=6), *broken_bytes(20, seed=7)]:
        predictions.write_bytes(content)
        options = ["--annotations", str(annotations), "--predictions", str(predictions)]
        assert main(["score", "--protocol", "inst2seg", *options]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("workbench: ")
        assert "Traceback" not in shown.err


@pytest.mark.parametrize("write", [int, float, str])
def test_sample_ids_may_be_whole_numbers(tmp_path: Path, write: Callable[[str], Any]) -> None:
    records = valid(Random(8))
    for record in records:
        record["sample_id"] = write(record["sample_id"])
    (tmp_path / "p.jsonl").write_bytes(encode(records))
    answers = read_predictions(tmp_path / "p.jsonl", SAMPLES)
    assert [answer.sample_id for answer in answers] == [asked.sample_id for asked in SAMPLES]


@pytest.mark.parametrize("odd", ["1.5", "true", "1e300", "-0.5", "null"])
def test_other_numbers_are_no_sample_ids(tmp_path: Path, odd: str) -> None:
    message = refusal(tmp_path / "p.jsonl", b'{"sample_id": %s, "instances": []}\n' % odd.encode())
    assert "expected `sample_id` to be a text" in message


def test_an_answer_under_two_spellings_of_one_id_is_refused(tmp_path: Path) -> None:
    content = b'{"sample_id": 1, "instances": []}\n{"sample_id": "1", "instances": []}\n'
    assert "answered before, in line 1" in refusal(tmp_path / "p.jsonl", content)


def test_a_doubled_key_among_very_many_is_found_at_once(tmp_path: Path) -> None:
    keys = ", ".join(f'"k{i}": 0' for i in range(200_000))
    content = f'{{"sample_id": "3", "instances": [], {keys}, "k199999": 1}}\n'
    assert "sample '3': expected one JSON object, in UTF-8: the key 'k199999' is there twice" in refusal(
        tmp_path / "p.jsonl", content.encode()
    )


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    content = b'{"sample_id": "2", "instances": [' + b" " * MAX_LINE
    assert "line 1: sample '2': expected one answer in at most" in refusal(tmp_path / "p.jsonl", content)


def test_more_instances_than_can_be_compared_are_refused(tmp_path: Path) -> None:
    crowded = [sample("0", [(0, 5)] * 70_000)]
    (tmp_path / "p.jsonl").write_text(json.dumps({"sample_id": 0, "instances": [None] * 1000}))
    with pytest.raises(ConfigurationError, match="sample '0': 1000 predicted masks and 70000 annotated ones"):
        read_predictions(tmp_path / "p.jsonl", crowded)


def test_a_pipe_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.jsonl")
    for path, kind in ((tmp_path / "p.jsonl", "pipe"), (Path("/dev/zero"), "device")):
        with pytest.raises(ConfigurationError, match=f"cannot be read: it is a {kind}"):
            read_predictions(path, SAMPLES)


@pytest.mark.parametrize("count", [256, 1000])
def test_any_number_of_instances_and_targets_is_scored(tmp_path: Path, count: int) -> None:
    asked = [sample("0", [(k % 100, k % 100 + 15) for k in range(count)])]
    instances = [{"mask": mask, "score": 0.5} for mask in asked[0].targets]
    (tmp_path / "p.jsonl").write_bytes(encode([{"sample_id": 0, "instances": instances}]))
    found = overlaps(asked, read_predictions(tmp_path / "p.jsonl", asked))
    metrics = values(inst2seg(found), 1)
    assert (metrics["mAP"], metrics["gIoU"]) == (1.0, 1.0)
