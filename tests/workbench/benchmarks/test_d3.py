"""D3, on small files in the layout that is published."""

from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import LEFT, OFFICIAL, RIGHT, asked, edited, rectangle
from workbench.benchmarks.d3 import d3

FOLDER = OFFICIAL / "d3"
FULL = FOLDER / "d3_json" / "d3_full_annotations.json"
KNIFE = rectangle(5, 6, 6, 1)


def test_an_image_is_asked_the_descriptions_of_its_group() -> None:
    samples = list(d3(str(FULL), str(FOLDER / "d3_images")).samples())
    assert asked(samples) == [
        ("0", "red cup", (LEFT, RIGHT)),
        ("1", "knife without a handle", (KNIFE,)),
        ("2", "knife without a handle", (LEFT,)),
        ("3", "the old knife", (RIGHT,)),
    ]
    assert [sample.kind for sample in samples] == ["presence", "absence", "absence", "presence"]
    assert samples[0].facts["words"] == 2
    assert samples[0].facts["areas"] == [12, 16]


def test_objects_under_a_description_that_is_not_asked_are_kept_as_missed_ones() -> None:
    unasked = {"image": 0, "kind": "presence", "category": "3", "words": 3, "areas": [9.0], "crowds": 0}
    samples = list(d3(str(FULL), None).samples())
    assert [sample.facts.get("unasked") for sample in samples] == [[unasked], None, None, None], (
        "at a sample of its image and kind, so that a part of the images has its own"
    )
    assert not any("unasked" in sample.facts for sample in d3(str(FULL), None, setting="inter").samples())


def test_the_setting_inter_asks_all_and_needs_no_groups(official: Path) -> None:
    (official / "d3" / "d3_pkl" / "groups.json").unlink()
    benchmark = d3(str(official / "d3" / "d3_json" / FULL.name), None, setting="inter")
    assert [sample.facts["coco_id"] for sample in benchmark.samples()] == [[i, k] for i in (0, 1) for k in (1, 2, 3)]
    assert benchmark.identity()["split"] == "inter"


@pytest.mark.parametrize(
    ("name", "split", "count"), [("pres", "intra-pres", 2), ("abs", "intra-abs", 2), ("full", "intra", 4)]
)
def test_the_file_says_which_descriptions_are_asked(name: str, split: str, count: int) -> None:
    benchmark = d3(str(FULL.with_name(f"d3_{name}_annotations.json")), None)
    assert (benchmark.identity()["split"], len(list(benchmark.samples()))) == (split, count)


def test_one_bad_annotation_is_the_problem_of_its_image_alone(official: Path) -> None:
    path = official / "d3" / "d3_json" / FULL.name
    edited(path, lambda file: file["annotations"][0].pop("area"))
    samples = list(d3(str(path), None).samples())
    assert [sample.problem is None for sample in samples] == [False, False, True, True]
    assert str(samples[0].problem).endswith("image 0: annotation 1: area: expected 1 numbers, got [None]")
