"""Boxes as pycocotools compares them, and as rectangles in whole pixels."""

import numpy as np
import pytest

from workbench.data import masks
from workbench.data.boxes import Box, area, iou_matrix, rectangle


def test_overlaps_are_of_the_exact_edges() -> None:
    found = iou_matrix([(0, 0, 2.5, 4), (50, 50, 1, 1)], [(0, 0, 5, 4), (0, 0, 0, 0)])
    assert found.tolist() == [[0.5, 0.0], [0.0, 0.0]]
    assert iou_matrix([(0, 0, 4, 4)], [(0, 0, 100, 2)], crowd=True).tolist() == [[0.5]]
    assert iou_matrix([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert iou_matrix([(0, 0, 0, 3)], [(0, 0, 0, 3)]).tolist() == [[0.0]], "no area on either side"
    assert area((3, 3, 2.5, 4)) == 10


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((2, 1, 3, 4), slice(1, 5), slice(2, 5)),
        ((1.4, 0.6, 3, 4), slice(1, 5), slice(1, 4)),
        ((-5, -5, 100, 100), slice(0, 12), slice(0, 16)),
        ((0, 3, 16, 2), slice(3, 5), slice(0, 16)),
        ((4, 0, 2, 12), slice(0, 12), slice(4, 6)),
        ((15.2, 11.9, 0.3, 0.05), slice(11, 12), slice(15, 16)),
        ((20, 0, 4, 4), slice(0, 0), slice(0, 0)),
        ((3, 3, 0, 5), slice(0, 0), slice(0, 0)),
    ],
)
def test_a_rectangle_is_the_part_in_the_image(box: Box, rows: slice, columns: slice) -> None:
    expected = np.zeros((12, 16), dtype=bool)
    expected[rows, columns] = True
    drawn = rectangle(box, 12, 16)
    masks.check(drawn, 12, 16)
    assert (masks.decode(drawn) == expected).all()
    assert drawn == masks.encode(expected), "canonical run lengths"
