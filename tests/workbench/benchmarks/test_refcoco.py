"""RefCOCO, RefCOCO+ and RefCOCOg, on small files in the layout that is published."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.benchmarks.layouts import KNIFE, LEFT, OFFICIAL, RIGHT, asked, edited, rectangle
from workbench.benchmarks import refcoco
from workbench.cli.main import main
from workbench.data import masks
from workbench.data.errors import ConfigurationError

FOLDER = OFFICIAL / "refcoco"
IMAGES = FOLDER / "images/train2014"


@pytest.mark.parametrize("name", ["refs(unc).p", "refs(unc).json"])
def test_pickle_and_json_hold_the_same_samples(name: str) -> None:
    samples = list(refcoco.read(FOLDER / name, IMAGES))
    doubled = masks.union([rectangle(8, 2, 4, 2), rectangle(8, 5, 4, 1)])
    assert asked(samples) == [
        ("0", "The left person.", (LEFT,)),
        ("1", "person on the left", (LEFT,)),
        ("2", "right person", (doubled,)),
        ("3", "the car", (KNIFE,)),
        ("4", "car", (KNIFE,)),
    ], "a row of pixels that lies in two polygons is background"
    assert samples[1].facts == {"ref_id": 1, "image_id": 1, "split": "val", "sent_id": 2}
    assert [(other.label, other.mask) for other in samples[0].others] == [("person", doubled)]


def test_polygons_that_overlap_can_be_united() -> None:
    samples = list(refcoco.refcoco(str(FOLDER / "refs(unc).p"), None, polygons="union").samples())
    assert [sample.targets for sample in samples][2] == (RIGHT,)


@pytest.mark.parametrize(
    ("split", "ids"),
    [(None, "01234"), ("val", "01"), ("testA", "2"), ("testB", "3"), ("test", "23"), ("train", "4")],
)
def test_splits_as_officially_and_numbers_that_stay(split: str | None, ids: str) -> None:
    benchmark = refcoco.refcoco(str(FOLDER / "refs(unc).p"), None, split=split)
    assert [sample.sample_id for sample in benchmark.samples()] == list(ids)
    assert benchmark.identity()["split"] == split


def test_a_test_split_goes_by_its_letter(official: Path) -> None:
    path = edited(official / "refcoco" / "refs(unc).json", lambda refs: refs[3].update(split="testAB"))
    assert [s.sample_id for s in refcoco.read(path, None, "testA")] == ["2", "4"]
    assert [s.sample_id for s in refcoco.read(path, None, "test")] == ["2", "3", "4"]
    with pytest.raises(ConfigurationError, match="has no split 'tests'; it has testA, testAB, testB, val"):
        refcoco.refcoco(str(path), None, split="tests")


def test_data_set_and_splitter_are_known_by_the_official_names(tmp_path: Path) -> None:
    for name, known in (("refcoco+", "refcoco+ (unc)"), ("mine", None)):
        folder = Path(shutil.copytree(FOLDER, tmp_path / name))
        assert refcoco.refcoco(str(folder / "refs(unc).p"), None).identity()["data_set"] == known


@pytest.mark.parametrize(
    ("ann_id", "problem"),
    [
        ([11, 12], "expected `ann_id` as one id, got [11, 12]; lists are those of gRefCOCO, which the benchmark"),
        (21, "annotation 21 is of another image than 1"),
        (99, "instances.json has no annotation of id 99"),
    ],
)
def test_objects_that_are_no_answer(official: Path, ann_id: Any, problem: str) -> None:
    path = edited(official / "refcoco" / "refs(unc).json", lambda refs: refs[1].update(ann_id=ann_id))
    samples = list(refcoco.read(path, None))
    assert [sample.problem is None for sample in samples] == [True, True, False, True, True]
    assert str(samples[2].problem).startswith(f"refs(unc).json: sample 2: ref 1: {problem}")


def test_a_crowd_that_is_asked_for_is_a_target(official: Path) -> None:
    path = edited(official / "refcoco" / "refs(unc).json", lambda refs: refs[0].update(ann_id=13))
    assert masks.area(next(refcoco.read(path, None)).targets[0]) == 48


def test_files_are_checked_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refs = str(FOLDER / "refs(unc).p")
    assert main(["check", "refcoco", "--annotations", refs, "--images", str(IMAGES)]) == 0
    assert "5 samples, 5 usable; 2 images; nothing is missing" in capsys.readouterr().out
    given = [[LEFT], [LEFT, LEFT], [LEFT], [KNIFE, LEFT], []]
    lines = [
        {"sample_id": str(i), "instances": [{"mask": mask, "score": 0.9 - k / 10} for k, mask in enumerate(found)]}
        for i, found in enumerate(given)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["score", "--annotations", refs, "--predictions", str(tmp_path / "answers.jsonl"), "--json"]
    assert main([*command, "--protocol", "refcoco/lavt"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    car = masks.area(KNIFE) / (masks.area(KNIFE) + masks.area(LEFT))
    assert metrics["mIoU"] == pytest.approx((1 + 1 + 0 + car + 0) / 5)
    assert (metrics["Pr@0.5"], metrics["over_counted"], metrics["duplicated"]) == (0.6, 0.4, 0.2)
    assert main([*command, "--protocol", "refcoco/ciou", "--set", "refcoco.polygons=union"]) == 0
    assert set(json.loads(capsys.readouterr().out)["metrics"]) >= {"cIoU", "gIoU", "mAP", "duplicated"}
