"""What the overlaps of a sample are computed between: masks, or boxes where the benchmark annotates no masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data import boxes, masks
from workbench.data.masks import Rle
from workbench.data.predictions import Candidate, Instance
from workbench.data.samples import Box, Sample


@dataclass(frozen=True)
class Shapes:
    """Masks or boxes of one image, never both; `box`: these are boxes."""

    items: tuple[Any, ...]
    """`Rle` each, or `Box` each"""
    box: bool

    def iou(self, others: "Shapes", crowd: bool = False) -> NDArray[np.float64]:
        """`[these, others]`; `crowd`: intersection over the area of these instead."""
        matrix = boxes.iou_matrix if self.box else masks.iou_matrix
        return matrix(self.items, others.items, crowd)

    def sizes(self) -> NDArray[np.float64]:
        """Areas in pixels, of masks whole ones."""
        found = [boxes.area(box) for box in self.items] if self.box else masks.areas(self.items)
        return np.array(found, dtype=np.float64)


def predicted(sample: Sample, found: Sequence[Instance | Candidate]) -> Shapes:
    """What a system answered, or dropped: where boxes count, an instance's own box, else that of its mask."""
    return Shapes(tuple(_box(one) if sample.only_boxes else one.mask for one in found), sample.only_boxes)


def targets(sample: Sample) -> Shapes:
    """What is asked for."""
    return Shapes(sample.boxes if sample.only_boxes else sample.targets, sample.only_boxes)


def others(sample: Sample) -> Shapes:
    """The annotated instances that are not asked for; their boxes are those of their rectangles, in whole pixels."""
    found = [other.mask for other in sample.others]
    return Shapes(tuple(map(masks.bounding_box, found) if sample.only_boxes else found), sample.only_boxes)


def crowds(sample: Sample) -> Shapes:
    """The regions whose instances are not told apart, which `facts` list."""
    return Shapes(tuple(sample.facts.get("crowds", ())), sample.only_boxes)


def pixels(sample: Sample, found: Sequence[Instance]) -> list[Rle]:
    """The pixels that an answer covers, instance by instance: its masks, or the rectangles of its boxes."""
    if not sample.only_boxes:
        return [one.mask for one in found]
    return [boxes.rectangle(_box(one), sample.height, sample.width) for one in found]


def _box(one: Instance | Candidate) -> Box:
    own = one.box if isinstance(one, Instance) else None
    return masks.bounding_box(one.mask) if own is None else own
