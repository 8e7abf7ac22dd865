"""What the readers of boxes that answer descriptions share: OmniLabel and D3."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.benchmarks.coco_file import Entry, is_crowd
from workbench.benchmarks.reading import ImageFolder, box_of_sides, checked_size
from workbench.data.boxes import rectangle
from workbench.data.errors import short
from workbench.data.masks import Rle
from workbench.data.samples import Box, Sample, SceneObject


@dataclass(frozen=True)
class Boxed:
    """One annotated box, and the ids of the descriptions that it answers."""

    box: Box
    rectangle: Rle
    crowd: bool
    descriptions: frozenset[int]
    label: str
    id: object
    area: float | None = None
    """square pixels, where the file's own area counts"""


@dataclass(frozen=True)
class Canvas:
    """The image of some samples, and the boxes annotated in it."""

    path: Path
    height: int
    width: int
    boxed: tuple[Boxed, ...]
    sized: bool
    """whether the size of the image is known"""

    def sample(self, entry: Entry, description: int, text: str, kind: str | None, facts: dict[str, Any]) -> Sample:
        """The sample that asks the image of an entry for a description of this id; its facts are `coco_id`, `image`,
        those given and those of its truth."""
        truth = self._truth(description)
        about = {"image": entry["id"], "coco_id": [entry["id"], description], **facts, **truth.pop("facts")}
        size = self.width, self.height
        return Sample("", entry["file_name"], self.path, *size, text, kind=kind, facts=about, **truth)

    def _truth(self, description: int) -> dict[str, Any]:
        """The fields of a sample that asks for a description of this id; `facts` are those of its truth."""
        asked = [one for one in self.boxed if description in one.descriptions]
        targets = [one for one in asked if not one.crowd]
        crowds = [list(one.box) for one in asked if one.crowd]
        areas = [one.area for one in targets if one.area is not None]
        lost = [i for i, one in enumerate(targets) if one.id == 0]
        facts = {"crowds": crowds, "areas": areas, "unmatchable": lost}
        taken = {one.box for one in asked}
        others = {one.box: one for one in reversed(self.boxed) if not one.crowd and one.box not in taken}
        unsized = {} if self.sized else {"unsized": True}
        return {
            "targets": tuple(one.rectangle for one in targets),
            "boxes": tuple(one.box for one in targets),
            "others": tuple(SceneObject(one.rectangle, one.label) for one in reversed(others.values())),
            "only_boxes": True,
            "facts": {name: values for name, values in facts.items() if values} | unsized,
        }


def canvas(
    entry: Entry,
    annotations: Sequence[Entry],
    images: ImageFolder,
    where: str,
    answered: Callable[[Entry, str], tuple[frozenset[int], str]],
    area: Callable[[Entry, str], float | None] = lambda annotation, where: None,
) -> Canvas:
    """An image with its boxes. Raises `SampleError` for the first thing wrong in it or in any of its annotations.

    `answered` gives the ids of the descriptions that an annotation answers, and what to call it. Where the file has no
    image size it is read from the image; without images the canvas ends with the annotated boxes, which is enough to
    compare boxes, and `facts` of its samples have `unsized`.
    """
    path = images.place(entry.get("file_name"), f"{where}: file_name")
    places = [f"{where}: annotation {short(one.get('id'))}" for one in annotations]
    boxes = [box_of_sides(one.get("bbox"), f"{at}: bbox") for one, at in zip(annotations, places, strict=True)]
    height, width = _size(entry, boxes, path, images, where)
    found = []
    for one, box, at in zip(annotations, boxes, places, strict=True):
        descriptions, label = answered(one, at)
        drawn = rectangle(box, height, width)
        found.append(Boxed(box, drawn, is_crowd(one, at), descriptions, label, one.get("id"), area(one, at)))
    return Canvas(path, height, width, tuple(found), images.at_hand or _has_size(entry))


def _size(entry: Entry, boxes: Sequence[Box], path: Path, images: ImageFolder, where: str) -> tuple[int, int]:
    if _has_size(entry):
        return checked_size(entry.get("height"), entry.get("width"), where)
    if images.at_hand:
        return images.size(path, f"{where}: file_name")
    right = max((math.ceil(x + width) for x, _, width, _ in boxes), default=0)
    bottom = max((math.ceil(y + height) for _, y, _, height in boxes), default=0)
    return checked_size(max(bottom, 1), max(right, 1), where)


def _has_size(entry: Entry) -> bool:
    return entry.get("height") is not None or entry.get("width") is not None
