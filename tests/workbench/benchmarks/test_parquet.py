"""Any Parquet files with columns for picture, instruction and masks."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.workbench.benchmarks.layouts import LEFT, RIGHT, asked
from tests.workbench.benchmarks.parquet_cases import ONE, bits, names, write
from workbench.benchmarks import parquet
from workbench.cli.main import main
from workbench.data import masks
from workbench.data.samples import Sample


def own(path: Path, images: Path | None = None, **options: Any) -> list[Sample]:
    return list(parquet.parquet(str(path), None if images is None else str(images), **options).samples())


@pytest.mark.parametrize(
    ("value", "kind", "targets"),
    [
        (bits(LEFT), pa.list_(pa.list_(pa.bool_())), (LEFT,)),
        (masks.decode(LEFT).astype(int).tolist(), pa.large_list(pa.list_(pa.uint8())), (LEFT,)),
        ([bits(LEFT), bits(RIGHT)], pa.list_(pa.list_(pa.list_(pa.bool_()))), (LEFT, RIGHT)),
        (dict(LEFT), None, (LEFT,)),
        ([dict(LEFT), dict(RIGHT)], None, (LEFT, RIGHT)),
        ({**LEFT, "counts": LEFT["counts"].encode()}, None, (LEFT,)),
        (json.dumps(LEFT), None, (LEFT,)),
        (json.dumps([LEFT, RIGHT]), None, (LEFT, RIGHT)),
        ([json.dumps(LEFT)], None, (LEFT,)),
        ([], pa.list_(pa.string()), ()),
        ("[]", None, ()),
        (None, pa.list_(pa.list_(pa.bool_())), ()),
        (None, None, ()),
    ],
)
def test_masks_in_every_form(tmp_path: Path, value: Any, kind: Any, targets: Any) -> None:
    rows = [{"picture": ONE, "question": " which? ", "answer": value, "group": "a"}]
    path = write(tmp_path / "own.parquet", rows, **({"answer": kind} if kind else {}))
    columns = {"image": "picture", "instruction": "question", "masks": "answer", "kind": "group"}
    samples = own(path, tmp_path / "images", **columns)
    assert asked(samples) == [("0", "which?", targets)]
    assert samples[0].kind == "a"


def test_files_are_checked_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"image": ONE, "question": "cups?", "answer": [dict(LEFT), dict(RIGHT)]}]
    path = write(tmp_path / "data" / "own.parquet", rows)
    columns = ["--set", "parquet.instruction=question", "--set", "parquet.masks=answer"]
    place = ["--annotations", str(path.parent)]
    assert main(["check", "parquet", *place, "--images", str(tmp_path / "images"), *columns]) == 0
    assert "parquet: 1 samples, 1 usable; 1 images; nothing is missing" in capsys.readouterr().out
    answer = {"sample_id": 0, "instances": [{"mask": mask, "score": 1} for mask in (LEFT, RIGHT)]}
    (tmp_path / "a.jsonl").write_text(json.dumps(answer))
    command = ["score", "--protocol", "inst2seg", "--benchmark", "parquet", *place, *columns, "--json"]
    assert main([*command, "--predictions", str(tmp_path / "a.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["mAP"] == 1.0


def test_pictures_may_lie_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(ONE)
    rows = [{"image": name, "text": "cup", "mask": None} for name in ("a.jpg", "../a.jpg", "b.jpg")]
    samples = own(write(tmp_path / "own.parquet", rows, mask=pa.string()), tmp_path / "images")
    assert [sample.problem is None for sample in samples] == [True, False, False]
    assert "own.parquet: sample 1: row 1: image: '../a.jpg' does not lie in the image folder" in str(samples[1].problem)
    assert names(tmp_path / "images") == ["a.jpg"]
    samples = own(write(tmp_path / "own.parquet", rows, mask=pa.string()))
    assert "row 0: the annotation has no image size: give the image folder" in str(samples[0].problem)
