"""The store keeps every prediction exactly once, through kills, and refuses to mix what does not belong together."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Instance, Prediction
from workbench.runs.files import check_writable, read_json, read_records, write_json
from workbench.runs.store import Store

IDENTITY = {"system": {"checkpoint": "c0ffee", "threshold": 0.5}, "benchmark": {"version": 1}}


def _prediction(number: int) -> Prediction:
    return Prediction(f"s{number}", (Instance({"size": [4, 4], "counts": "04L0"}, 0.5),), latency=0.25)


def _fill(folder: Path, numbers: range) -> None:
    with Store(folder, IDENTITY) as store:
        for number in numbers:
            store.append(_prediction(number), "image", "words", 0.5)


def test_predictions_come_back_equal_and_in_order(tmp_path: Path) -> None:
    _fill(tmp_path, range(3))
    records = read_records(tmp_path / "predictions.jsonl")
    assert [Prediction.from_json(record) for record in records] == [_prediction(n) for n in range(3)]
    assert records[0]["seconds"] == 0.5


def test_a_reopened_store_knows_what_is_done_and_goes_on(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    with Store(tmp_path, IDENTITY) as store:
        assert list(store.done) == ["s0", "s1"]
        store.append(_prediction(2), "image", "words", 0.5)
        with pytest.raises(ValueError, match="s0 is already in"):
            store.append(_prediction(0), "image", "words", 0.5)
    assert [r["sample_id"] for r in read_records(tmp_path / "predictions.jsonl")] == ["s0", "s1", "s2"]


def test_a_last_record_cut_at_any_byte_is_dropped_and_written_again(tmp_path: Path) -> None:
    _fill(tmp_path, range(3))
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert [r["sample_id"] for r in read_records(path)] == ["s0", "s1"]
        with Store(tmp_path, IDENTITY) as store:
            assert list(store.done) == ["s0", "s1"], end
            store.append(_prediction(2), "image", "words", 0.5)
        assert path.read_bytes() == whole


def test_a_broken_line_that_is_not_the_last_is_an_error_that_names_it(tmp_path: Path) -> None:
    _fill(tmp_path, range(3))
    path = tmp_path / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20] + b"\n" + lines[2])
    with pytest.raises(ConfigurationError, match=r"predictions.jsonl: line 2 is damaged"), Store(tmp_path, IDENTITY):
        pass


def test_another_identity_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    _fill(tmp_path, range(1))
    other = {"system": {"checkpoint": "decade", "threshold": 0.5, "rounds": 3}, "benchmark": {"version": 1}}
    message = (
        "system.checkpoint was 'c0ffee' and is now 'decade'; system.rounds was 'absent' and is now 3.*another --out"
    )
    with pytest.raises(ConfigurationError, match=message), Store(tmp_path, other):
        pass
    assert read_json(tmp_path / "identity.json") == IDENTITY


def test_predictions_without_an_identity_are_refused(tmp_path: Path) -> None:
    _fill(tmp_path, range(1))
    (tmp_path / "identity.json").unlink()
    with pytest.raises(ConfigurationError, match="made under other conditions"), Store(tmp_path, IDENTITY):
        pass


@pytest.mark.parametrize(
    ("image", "instruction", "what"),
    [("new", "words", "the image file changed"), ("image", "new", "the instruction changed")],
)
def test_a_changed_image_or_instruction_is_refused(tmp_path: Path, image: str, instruction: str, what: str) -> None:
    _fill(tmp_path, range(1))
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


def test_what_is_not_json_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    with Store(tmp_path, IDENTITY) as store:
        for score in (float("nan"), object()):
            broken = Prediction("s0", (Instance({"size": [4, 4], "counts": "04L0"}, score),))  # type: ignore[arg-type]
            with pytest.raises((TypeError, ValueError)):
                store.append(broken, None, "words", 0.5)
        store.append(_prediction(0), None, "words", 0.5)
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 1


def test_numbers_that_json_does_not_have_become_null(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [float("nan"), 1.0], "y": float("inf")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [None, 1.0], "y": None}


def test_a_folder_below_a_file_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"output folder .*file/run cannot be written: Not a directory"):
        check_writable(tmp_path / "file" / "run")


def test_a_line_that_does_not_fit_on_the_disk_leaves_no_half_of_it(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from workbench.runs.files import Journal\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) + 10}, -1))\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "try:\n"
        "    journal.append({'sample_id': 's2', 'message': 'x' * 100})\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
        "journal.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errno.EFBIG)
    assert path.read_bytes() == whole
