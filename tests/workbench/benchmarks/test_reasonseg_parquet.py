"""ReasonSeg in Parquet files, on small files in the mirrors' layout."""

import json
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, KNIFE, LEFT, WIDTH, asked
from tests.workbench.benchmarks.parquet_cases import REASON_ROWS, bits, write
from workbench.benchmarks import reasonseg
from workbench.cli.main import main
from workbench.data import masks


def test_reasonseg_of_a_mirror(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "test-00000-of-00001.parquet", REASON_ROWS)
    benchmark = reasonseg.reasonseg(str(path), str(tmp_path / "images"))
    samples = list(benchmark.samples())
    assert asked(samples) == [("0", "What cuts?", (KNIFE,)), ("1", "cup", (LEFT,))]
    assert {(sample.ignore, sample.kind) for sample in samples} == {(None, None)}
    assert samples[1].facts == {"image_id": "b", "ann_id": "1"}
    assert benchmark.identity()["split"] is None, "mirrors call every split `test`"
    assert ["the pixels to ignore" in remark.text for remark in benchmark.remarks()] == [True]
    command = ["check", "reasonseg", "--annotations", str(path), "--images", str(tmp_path / "images")]
    assert main(command) == 1
    assert "the pixels to ignore and the kinds" in capsys.readouterr().out
    given = [{"sample_id": i, "instances": [{"mask": KNIFE, "score": 1}]} for i in range(2)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in given))
    command = ["score", "--protocol", "reasonseg/lisa", "--annotations", str(path), "--json"]
    assert main([*command, "--predictions", str(tmp_path / "a.jsonl")]) == 0
    said = json.loads(capsys.readouterr().out)
    overlap = masks.iou_matrix([KNIFE], [LEFT])[0, 0]
    assert said["metrics"]["gIoU"] == pytest.approx((1 + overlap) / 2, abs=1e-4)
    assert "the pixels to ignore" in said["remarks"][0]


@pytest.mark.parametrize(("count", "split"), [(200, "val"), (779, "test"), (5, None)])
def test_the_split_of_a_mirror_is_known_by_its_size(tmp_path: Path, count: int, split: str | None) -> None:
    rows = [{"image": b"", "text": "", "mask": [[True]]}] * count
    path = write(tmp_path / "test-00000-of-00001.parquet", rows)
    assert reasonseg.reasonseg(str(path), None).identity()["split"] == split


RAGGED = [[True] * WIDTH] * (HEIGHT - 1) + [[True]]
BAD_REASON = [
    *(("mask", value) for value in (None, [], [[]], RAGGED, bits(KNIFE)[:-1], [[None] * WIDTH] * HEIGHT, [None])),
    *(("text", value) for value in (None, "", "  ", "\n")),
    *(("image", {"bytes": value, "path": None}) for value in (None, b"")),
    *(("image", {"bytes": None, "path": value}) for value in ("", "../x", "/x", "a\0b")),
    *(("img_height", value) for value in (None, 0, -1, 13, 10**9)),
    *(("img_width", value) for value in (None, 0, 15)),
]


@pytest.mark.parametrize("case", range(len(BAD_REASON)))
def test_a_bad_row_of_reasonseg_is_the_problem_of_its_sample(tmp_path: Path, case: int) -> None:
    name, value = BAD_REASON[case]
    path = write(tmp_path / "r.parquet", [{**REASON_ROWS[0], name: value}, REASON_ROWS[1]])
    samples = list(reasonseg.reasonseg(str(path), str(tmp_path / "images")).samples())
    assert [sample.problem is None for sample in samples] == [False, True]
    assert str(samples[0].problem).startswith("r.parquet: sample 0: row 0: ")
