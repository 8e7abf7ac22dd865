"""OmniLabel, on small files in the layout that is published."""

from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import HEIGHT, LEFT, OFFICIAL, RIGHT, WIDTH, asked, edited, rectangle
from workbench.benchmarks import omnilabel
from workbench.data.errors import ConfigurationError

FOLDER = OFFICIAL / "omnilabel"
KNIFE = rectangle(5, 6, 6, 1)
"""The box of the file, `[5.25, 5.5, 6, 1.5]`, in whole pixels"""


def test_an_image_is_asked_its_own_descriptions_and_no_others() -> None:
    samples = list(omnilabel.read(FOLDER / "dataset_all_val.json", FOLDER / "images"))
    assert asked(samples) == [
        ("0", "red cup", (LEFT,)),
        ("1", "Cup", (LEFT, RIGHT)),
        ("2", "the knife that lies in front of the red cup", (KNIFE,)),
        ("3", "red cup", ()),
        ("4", "Cup", ()),
    ]
    assert [sample.kind for sample in samples] == ["description", "category", "description", "description", "category"]
    assert [sample.facts["coco_id"] for sample in samples] == [[7, 11], [7, 12], [7, 13], [3, 11], [3, 12]]
    assert all(sample.only_boxes for sample in samples)


def test_boxes_stay_exact_and_other_objects_are_known() -> None:
    samples = list(omnilabel.read(FOLDER / "dataset_all_val.json", FOLDER / "images"))
    assert samples[2].boxes == ((5.25, 5.5, 6, 1.5),)
    others = [(other.mask, other.label) for other in samples[0].others]
    assert others == [(RIGHT, "Cup"), (KNIFE, "the knife that lies in front of the red cup")]
    assert samples[4].facts == {
        "image": 3,
        "coco_id": [3, 12],
        "type": "object_category",
        "crowds": [[0, 0, 8, 6]],
    }


def test_without_images_the_canvas_ends_with_the_boxes() -> None:
    with_images = list(omnilabel.read(FOLDER / "dataset_all_val.json", FOLDER / "images"))
    without = list(omnilabel.read(FOLDER / "dataset_all_val.json", None))
    assert {(sample.height, sample.width) for sample in with_images} == {(HEIGHT, WIDTH)}
    assert [(sample.height, sample.width) for sample in without] == [(7, 12)] * 5
    assert [sample.boxes for sample in without] == [sample.boxes for sample in with_images]


def test_what_an_image_is_not_asked_for_is_left_out_and_said() -> None:
    benchmark = omnilabel.omnilabel(str(FOLDER / "dataset_all_val.json"), None)
    assert [remark.text for remark in benchmark.remarks()] == [
        "1 object left out where an annotation names a description that its image is not asked for: annotation 5"
    ]
    assert benchmark.identity()["split"] == "val"


def test_ids_that_pandas_wrote_are_read(official: Path) -> None:
    path = official / "omnilabel" / "dataset_all_val.json"
    sound = list(omnilabel.read(path, None))
    edited(path, lambda file: file["descriptions"][0].update(id="11", image_ids=[3.0, "7"]))
    edited(path, lambda file: file["annotations"][0].update(description_ids=["11", 12.0]))
    assert list(omnilabel.read(path, None)) == sound
    remarks = [remark.text for remark in omnilabel.omnilabel(str(path), None).remarks() if remark.mended]
    assert any("`description_ids` is written as" in remark for remark in remarks)


def test_descriptions_of_no_image_are_remarked(official: Path) -> None:
    path = official / "omnilabel" / "dataset_all_val.json"
    edited(path, lambda file: file["descriptions"][0]["image_ids"].append(99))
    texts = [remark.text for remark in omnilabel.omnilabel(str(path), None).remarks()]
    assert any("1 of its 3 `image_ids` left out" in text for text in texts)


def test_the_test_set_has_no_annotations(official: Path) -> None:
    path = official / "omnilabel" / "dataset_all_val.json"
    edited(path, lambda file: file.pop("annotations"))
    with pytest.raises(ConfigurationError, match="expected a list of annotations, got None"):
        omnilabel.read(path, None)
