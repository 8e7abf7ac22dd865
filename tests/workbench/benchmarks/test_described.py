"""The image of described boxes, and the samples that ask for them."""

from pathlib import Path
from typing import Any

import pytest

from workbench.benchmarks.described import Canvas, canvas
from workbench.benchmarks.reading import ImageFolder
from workbench.data.errors import SampleError

ENTRY = {"id": 7, "file_name": "a.jpg", "height": 20, "width": 30}


def made(tmp_path: Path, annotations: list[dict[str, Any]], **more: Any) -> Canvas:
    folder = ImageFolder(None, tmp_path)
    return canvas({**ENTRY, **more}, annotations, folder, "image 0", lambda one, _: (frozenset(one["for"]), "thing"))


def test_a_sample_has_the_boxes_of_its_description_and_the_others_beside_them(tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "bbox": [1, 2, 5, 6], "for": [3], "iscrowd": 0},
        {"id": 0, "bbox": [10, 2, 5, 6], "for": [3, 4], "iscrowd": 0},
        {"id": 2, "bbox": [20, 2, 5, 6], "for": [4], "iscrowd": 0},
        {"id": 3, "bbox": [0, 10, 9, 9], "for": [3], "iscrowd": 1},
    ]
    sample = made(tmp_path, annotations).sample(ENTRY, 3, "the things", None, {"words": 2})
    assert sample.boxes == ((1, 2, 5, 6), (10, 2, 5, 6)) and sample.only_boxes
    assert (sample.image_id, sample.width, sample.height, sample.instruction) == ("a.jpg", 30, 20, "the things")
    assert [other.label for other in sample.others] == ["thing"]
    assert sample.facts == {
        "image": 7, "coco_id": [7, 3], "words": 2, "crowds": [[0, 10, 9, 9]], "unmatchable": [1],
    }  # fmt: skip


def test_a_broken_box_is_named_with_its_annotation(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="image 0: annotation 5: bbox: expected 4 numbers"):
        made(tmp_path, [{"id": 5, "bbox": [1, 2], "for": [3], "iscrowd": 0}])
