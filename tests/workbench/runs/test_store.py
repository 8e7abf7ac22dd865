"""The store keeps every prediction exactly once, through kills, and refuses to mix what does not belong together."""

from pathlib import Path

import pytest

from tests.workbench.runs.filled import IDENTITY, fill, prediction
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction
from workbench.runs.files import read_json, read_records
from workbench.runs.store import Store


def test_predictions_come_back_equal_and_in_order(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    records = read_records(tmp_path / "predictions.jsonl")
    assert [Prediction.from_json(record) for record in records] == [prediction(n) for n in range(3)]
    assert records[0]["seconds"] == 0.5


def test_a_reopened_store_knows_what_is_done_and_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, range(2))
    with Store(tmp_path, IDENTITY) as store:
        assert list(store.done) == ["s0", "s1"]
        store.append(prediction(2), "image", "words", 0.5)
        with pytest.raises(ValueError, match="s0 is already in"):
            store.append(prediction(0), "image", "words", 0.5)
    assert [r["sample_id"] for r in read_records(tmp_path / "predictions.jsonl")] == ["s0", "s1", "s2"]


def test_a_broken_line_that_is_not_the_last_is_an_error_that_names_it(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    path = tmp_path / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20] + b"\n" + lines[2])
    with pytest.raises(ConfigurationError, match=r"predictions.jsonl: line 2 is damaged"), Store(tmp_path, IDENTITY):
        pass


def test_another_identity_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    fill(tmp_path, range(1))
    other = {"system": {"checkpoint": "decade", "threshold": 0.5, "rounds": 3}, "benchmark": {"version": 1}}
    message = (
        "system.checkpoint was 'c0ffee' and is now 'decade'; system.rounds was 'absent' and is now 3.*another --out"
    )
    with pytest.raises(ConfigurationError, match=message), Store(tmp_path, other):
        pass
    assert read_json(tmp_path / "identity.json") == IDENTITY


def test_predictions_without_an_identity_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, range(1))
    (tmp_path / "identity.json").unlink()
    with pytest.raises(ConfigurationError, match="made under other conditions"), Store(tmp_path, IDENTITY):
        pass


@pytest.mark.parametrize(
    ("image", "instruction", "what"),
    [("new", "words", "the image file changed"), ("image", "new", "the instruction changed")],
)
def test_a_changed_image_or_instruction_is_refused(tmp_path: Path, image: str, instruction: str, what: str) -> None:
    fill(tmp_path, range(1))
    with Store(tmp_path, IDENTITY) as store:
        store.check("s0", "image", "words")
        with pytest.raises(ConfigurationError, match=f"sample s0: {what}"):
            store.check("s0", image, instruction)


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    held = pytest.raises(ConfigurationError, match=r"is being written by process \d+ on")
    with Store(tmp_path, IDENTITY), held, Store(tmp_path, IDENTITY):
        pass
    with Store(tmp_path, IDENTITY):  # given back
        pass
