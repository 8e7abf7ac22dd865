"""RefCOCO-M, on small files in the layout that is published."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, KNIFE, LEFT, RIGHT, WIDTH, asked
from tests.workbench.benchmarks.parquet_cases import M_ROWS, ONE, names, write
from workbench.benchmarks import refcoco_m
from workbench.benchmarks.from_files import reader_of
from workbench.cli.main import main


def test_refcoco_m_from_several_files(tmp_path: Path) -> None:
    for i, row in enumerate(M_ROWS):
        write(tmp_path / "data" / f"validation-0000{i}-of-00002.parquet", [row])
    benchmark = refcoco_m.refcoco_m(str(tmp_path / "data"), str(tmp_path / "images"))
    samples = list(benchmark.samples())
    assert asked(samples) == [
        ("0", "left cup", (LEFT,)),
        ("1", "The red cup.", (LEFT,)),
        ("2", "bowl", (RIGHT,)),
        ("3", "the knife", (KNIFE,)),
    ]
    assert [sample.image_id for sample in samples] == ["COCO_1.jpg"] * 3 + ["COCO_2.jpg"]
    assert [(other.label, other.mask) for other in samples[0].others] == [("bowl", RIGHT)]
    assert samples[2].facts == {"image_id": 7, "file_name": "COCO_1.jpg", "id": "1"}
    assert [sample.load_image().shape for sample in samples] == [(HEIGHT, WIDTH, 3)] * 4
    assert samples[0].image_path.read_bytes() == ONE
    assert len(names(tmp_path / "images")) == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert list(refcoco_m.refcoco_m(str(tmp_path / "data"), str(tmp_path / "images")).samples()) == samples
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()} == before
    without = refcoco_m.refcoco_m(str(tmp_path / "data"), None)
    assert without.identity() == benchmark.identity()
    assert asked(list(without.samples())) == asked(samples)


def test_files_are_checked_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, images = write(tmp_path / "m.parquet", M_ROWS), tmp_path / "images"
    assert reader_of("refcoco/lavt", path) == reader_of("refcoco/ciou", tmp_path) == "refcoco-m"
    assert main(["check", "refcoco-m", "--annotations", str(path), "--images", str(images)]) == 0
    assert "refcoco-m: 4 samples, 4 usable; 2 images; nothing is missing" in capsys.readouterr().out
    given = [{"sample_id": i, "instances": [{"mask": LEFT, "score": 1}]} for i in range(4)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in given))
    command = ["score", "--protocol", "refcoco/lavt", "--annotations", str(path)]
    assert main([*command, "--predictions", str(tmp_path / "a.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["mIoU"] == 0.5


def item(**changes: Any) -> dict[str, Any]:
    return {**M_ROWS[0]["samples"][0], **changes}


BAD_M = [
    *(("samples", value, 1) for value in (None, [None], [item(sentences=None)], [item(sentences=[""])])),
    *(("samples", [item(mask=value)], 2) for value in (None, {"size": [12], "counts": "x"}, {"size": [12, 16]})),
    *(("samples", [item(mask={"size": [12, 16], "counts": value})], 2) for value in (None, "", "@@", "0", "\u00e9")),
    ("samples", [item(sentences=["a", None, " "])], 3),
    *(("image", {"bytes": None, "path": value}, 3) for value in (None, "../x.jpg", "")),
]


@pytest.mark.parametrize("case", range(len(BAD_M)))
def test_a_bad_row_of_refcoco_m_is_the_problem_of_its_samples(tmp_path: Path, case: int) -> None:
    name, value, count = BAD_M[case]
    path = write(tmp_path / "m.parquet", [{**M_ROWS[0], name: value}, M_ROWS[1]])
    samples = list(refcoco_m.read(path, tmp_path / "images"))
    assert [sample.sample_id for sample in samples] == [str(i) for i in range(count + 1)]
    bad = [sample for sample in samples[:-1] if sample.problem]
    assert len(bad) == (2 if count == 3 and name == "samples" else count)
    assert all(str(s.problem).startswith(f"m.parquet: sample {s.sample_id}: row 0: ") for s in bad)
    assert samples[-1].problem is None
