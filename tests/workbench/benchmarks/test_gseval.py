"""GSEval, on small files in the layout that is published."""

from pathlib import Path

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, rectangle
from workbench.benchmarks import gseval
from workbench.data import masks


def test_gseval_has_one_mask_a_row() -> None:
    folder = OFFICIAL / "gseval"
    samples = list(gseval.read(folder / "GroundingSuite-Eval.jsonl", folder / "images"))
    assert asked(samples) == [
        ("0", "the clear sky", (rectangle(0, 0, 16, 3),)),
        ("1", "two people who wait", (masks.union([LEFT, RIGHT]),)),
        ("2", "the handle of the knife", (rectangle(5, 5, 3, 2),)),
        ("3", "the knife", (KNIFE,)),
    ]
    assert [sample.kind for sample in samples] == ["stuff", "multi", "part", "single"]
    assert samples[1].boxes == ((1, 1, 11, 5),)
    assert samples[1].facts == {"idx": 41, "class_id": 3, "label": "person"}


def test_gseval_rows_that_are_cut_off_or_in_another_encoding_are_their_own_problem(official: Path) -> None:
    path = official / "gseval" / "GroundingSuite-Eval.jsonl"
    first, second, *_ = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first[:50], b"", second, first.replace(b"clear sky", b"caf\xe9")]))
    cut, good, encoded = gseval.read(path, None)
    assert cut.problem is not None and cut.problem.startswith("GroundingSuite-Eval.jsonl: sample 0: row 0: expected")
    assert (good.sample_id, good.problem) == ("1", None)
    assert encoded.problem is not None
