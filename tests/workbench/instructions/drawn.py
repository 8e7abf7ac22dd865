"""Small annotated pictures: rectangles of categories, as samples in the way that the reader of COCO makes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data import masks
from workbench.data.masks import Rle
from workbench.data.samples import Sample
from workbench.instructions.objects import Annotated, annotated
from workbench.instructions.view import View

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1"""
WIDTH, HEIGHT = 200, 100


def rle(box: Box) -> Rle:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return masks.encode(mask)


def samples(boxes: Mapping[str, Sequence[Box]], **facts: Mapping[str, Any]) -> list[Sample]:
    """One sample for each category; `facts`: more of them, by category."""
    return [
        Sample(
            str(place), "a.png", Path("a.png"), WIDTH, HEIGHT, name, targets=tuple(map(rle, found)),
            facts={"category": name, **facts.get(name, {})},
        )
        for place, (name, found) in enumerate(boxes.items())
    ]  # fmt: skip


def picture(boxes: Mapping[str, Sequence[Box]], **facts: Mapping[str, Any]) -> Annotated:
    (found,) = annotated(samples(boxes, **facts), False, Counter())
    return found


def view(boxes: Mapping[str, Sequence[Box]], colours: Sequence[str] = ()) -> View:
    """`colours`: of each object in order; what is not named has no clear colour."""
    known = [{name: name == own for name in ("red", "blue", "white")} for own in colours]
    return View(picture(boxes), known)
