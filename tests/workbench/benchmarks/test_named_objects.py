"""Objects that were outlined once are asked for by their labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import photos
from tests.workbench.benchmarks.test_folder import own, table
from workbench.benchmarks.folder import folder
from workbench.benchmarks.named_objects import CocoObjects, LabelmeFiles
from workbench.data import masks
from workbench.data.errors import SampleError

__all__ = ["own"]


def test_objects_are_asked_for_by_label_from_labelme(own: Path) -> None:
    def outline(label: str, left: int, **more: object) -> dict[str, object]:
        return {"label": label, "points": [[left, 10], [left + 20, 40]], "shape_type": "rectangle", **more}

    shapes = [outline("hat", 10), outline("cap", 50), outline("hat", 90), outline("cup", 130, group_id=4)]
    shapes.append(outline("cup", 170, group_id=4))
    (own / "canteen.json").write_text(json.dumps({"shapes": shapes, "imageHeight": 375, "imageWidth": 500}))
    hats, second, cup, missing, none = table(
        own,
        "image,instruction,objects\ncanteen.jpg,the hats,hat\ncanteen.jpg,the right hat and the cap,hat#2; cap\n"
        "canteen.jpg,the cup in two parts,cup\ncanteen.jpg,the shoe,shoe\ncanteen.jpg,a dog,\n",
    )
    assert [masks.area(mask) for mask in hats.targets] == [21 * 31] * 2
    assert [other.label for other in hats.others] == ["cap", "cup"]
    assert [masks.bounding_box(mask)[0] for mask in second.targets] == [50, 90]
    assert [masks.area(mask) for mask in cup.targets] == [2 * 21 * 31]
    assert missing.problem == (
        "instructions.csv: sample 3: row 5: objects: canteen.json has no object 'shoe': it has hat (2), cap and cup"
    )
    assert (none.problem, len(none.others)) == (None, 4)


def test_objects_come_from_a_coco_file_whatever_was_painted_as_a_crowd(own: Path) -> None:
    content = photos.coco({photos.CANTEEN: "images/default/canteen.jpg"})
    content["annotations"][0]["iscrowd"] = 1  # as CVAT marks what was painted with a brush
    (own / "instances.json").write_text(json.dumps(content))
    (own / "instructions.csv").write_text("image,instruction,objects\ncanteen.jpg,a bottle,bottle\n")
    made = folder(str(own), objects=str(own / "instances.json"))
    (sample,) = made.samples()
    assert sample.targets == (masks.encode(photos.instances(photos.CANTEEN)[0]),)
    assert len(sample.others) == 18


def drawn(label: str, **more: Any) -> dict[str, Any]:
    return {"label": label, "points": [[1, 1], [4, 3]], "shape_type": "rectangle", **more}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"there is no a\.json with outlines beside the picture"),
        ("{", r"a\.json: expected a file of labelme"),
        ([], r"a\.json: expected an object \{shapes\}, got \[\]"),
        ({"shapes": 3}, r"a\.json: expected a list of shapes, got 3"),
        ({"shapes": [3]}, r"a\.json: shape 0: expected \{label, points\}, got 3"),
        ({"shapes": [drawn("")]}, r"a\.json: shape 0: label: expected a text, got ''"),
        ({"shapes": [drawn("x", shape_type="star")]}, r"a\.json: shape 0: expected `shape_type`"),
        ({"shapes": [], "imageHeight": 20, "imageWidth": 10}, r"of 10x20 pixels, but the picture, upright, has 20x10"),
    ],
)
def test_a_broken_file_of_labelme_is_named(tmp_path: Path, content: Any, message: str) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SampleError, match=message):
        LabelmeFiles().of(tmp_path / "a.jpg", 10, 20)


def test_a_label_that_looks_like_a_number_is_itself_first(tmp_path: Path) -> None:
    shapes = [drawn("mug"), drawn("mug#2"), drawn("mug"), drawn("mug")]
    (tmp_path / "a.json").write_text(json.dumps({"shapes": shapes}))
    objects = LabelmeFiles().of(tmp_path / "a.jpg", 10, 20)
    assert [len(objects.chosen([name], "")[0]) for name in ("mug", "mug#2", "mug#3", "mug #1")] == [3, 1, 1, 1]
    assert len(objects.chosen(["mug#3", "mug"], "")[0]) == 3  # none twice
    for name in ("mug#0", "mug#4", "#1", "Mug", "mug#"):
        with pytest.raises(SampleError, match=r"row 1: a\.json has no object .* it has mug \(3\) and mug#2"):
            objects.chosen([name], "row 1")


def coco(tmp_path: Path, names: list[Any]) -> CocoObjects:
    images = [{"id": i, "file_name": name, "height": 10, "width": 20} for i, name in enumerate(names)]
    segmentation = masks.encode(np.ones((10, 20), dtype=bool))
    annotations = [{"id": i, "image_id": i, "category_id": 1, "segmentation": segmentation} for i in range(len(names))]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "mug"}]}
    (tmp_path / "o.json").write_text(json.dumps(content))
    return CocoObjects(tmp_path / "o.json", tmp_path)


def test_a_picture_is_found_by_its_path_or_by_the_last_part_of_it(tmp_path: Path) -> None:
    objects = coco(tmp_path, ["train/a.jpg", "test\\a.jpg", "deep/er/b.jpg", "c.jpg", None])
    for name in ("train/a.jpg", "test/a.jpg", "b.jpg", "er/b.jpg", "other/c.jpg"):
        assert len(objects.of(tmp_path / name, 10, 20).objects) == 1, name
    assert len(objects.of(tmp_path / "data/train/a.jpg", 10, 20).objects) == 1, "more than its last part"
    with pytest.raises(SampleError, match=r"o\.json has 2 images that are called a\.jpg"):
        objects.of(tmp_path / "a.jpg", 10, 20)
    with pytest.raises(SampleError, match=r"o\.json has no image that is called more/d\.jpg"):
        objects.of(tmp_path / "more/d.jpg", 10, 20)
    with pytest.raises(SampleError, match="expected the size of the upright picture, 10x20, got 20x10"):
        objects.of(tmp_path / "c.jpg", 20, 10)


def test_a_picture_on_its_side_has_the_outlines_of_the_upright_one(own: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(photos.pixels(photos.CANTEEN))).save(own / "canteen.jpg", exif=exif)
    (own / "instances.json").write_text(json.dumps(photos.coco({photos.CANTEEN: "canteen.jpg"})))
    (own / "instructions.csv").write_text("image,instruction,objects\ncanteen.jpg,a bottle,bottle\n")
    (sample,) = folder(str(own), objects=str(own / "instances.json")).samples()
    assert sample.problem is None and len(sample.targets) == 1
