"""Boxes `x, y, width, height` in pixels: their overlaps, which pycocotools computes, and their rectangles as masks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from workbench.data.masks import Rle, check_pairs
from workbench.data.samples import Box


def iou_matrix(predictions: Sequence[Box], targets: Sequence[Box], crowd: bool = False) -> NDArray[np.float64]:
    """Pairwise intersection over union, `[len(predictions), len(targets)]`; two boxes without an area give 0.

    `crowd`: intersection over the area of the prediction instead. Raises `SampleError` for too many pairs.
    """
    if not predictions or not targets:
        return np.zeros((len(predictions), len(targets)))
    check_pairs(len(predictions), len(targets))
    sides = [np.array(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (predictions, targets)]
    ious = np.asarray(coco.iou(*sides, [int(crowd)] * len(targets)), dtype=np.float64)
    # pycocotools divides 0 by 0 for two boxes without an area and returns nan there
    return np.nan_to_num(ious, copy=False)


def area(box: Box) -> float:
    """Square pixels."""
    return box[2] * box[3]


def rectangle(box: Box, height: int, width: int) -> Rle:
    """The part of a box that lies in an image, as a mask: edges at the nearest whole pixel. A box with an area inside
    the image keeps at least one pixel.
    """
    left, right = _pixels(box[0], box[0] + box[2], width)
    top, bottom = _pixels(box[1], box[1] + box[3], height)
    down = bottom - top
    if right == left or down == 0:
        runs = [height * width]
    else:
        inside = [(right - left) * height] if down == height else [down, *[height - down, down] * (right - left - 1)]
        before = left * height + top
        rest = height * width - before - sum(inside)
        runs = [before, *inside, *([rest] if rest else [])]
    packed = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def _pixels(low: float, high: float, size: int) -> tuple[int, int]:
    """First pixel and the one after the last between two edges."""
    low, high = min(max(low, 0.0), size), min(max(high, 0.0), size)
    if high <= low:
        return 0, 0
    first = min(int(low + 0.5), size - 1)
    return first, max(int(high + 0.5), first + 1)
