"""Files of a run survive a cut at any byte, a full disk and what JSON does not have."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workbench.runs.filled import IDENTITY, fill, prediction
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Instance, Prediction
from workbench.runs.files import check_writable, read_json, read_records, write_json
from workbench.runs.store import Store


def test_a_last_record_cut_at_any_byte_is_dropped_and_written_again(tmp_path: Path) -> None:
    fill(tmp_path, range(3))
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert [r["sample_id"] for r in read_records(path)] == ["s0", "s1"]
        with Store(tmp_path, IDENTITY) as store:
            assert list(store.done) == ["s0", "s1"], end
            store.append(prediction(2), "image", "words", 0.5)
        assert path.read_bytes() == whole


def test_what_is_not_json_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    with Store(tmp_path, IDENTITY) as store:
        for score in (float("nan"), object()):
            broken = Prediction("s0", (Instance({"size": [4, 4], "counts": "04L0"}, score),))  # type: ignore[arg-type]
            with pytest.raises((TypeError, ValueError)):
                store.append(broken, None, "words", 0.5)
        store.append(prediction(0), None, "words", 0.5)
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 1


def test_numbers_that_json_does_not_have_become_null(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [float("nan"), 1.0], "y": float("inf")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [None, 1.0], "y": None}


def test_a_folder_below_a_file_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"output folder .*file/run cannot be written: Not a directory"):
        check_writable(tmp_path / "file" / "run")


def test_a_line_that_does_not_fit_on_the_disk_leaves_no_half_of_it(tmp_path: Path) -> None:
    fill(tmp_path, range(2))
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


def test_a_folder_in_the_place_of_a_json_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(ConfigurationError, match=r"manifest\.json cannot be read: Is a directory"):
        read_json(tmp_path / "manifest.json")
