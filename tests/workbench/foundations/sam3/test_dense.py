"""Boxes that are read off masks."""

import numpy as np

from workbench.foundations.sam3 import dense as sam3_dense


def test_boxes_of_masks_are_centre_and_extent() -> None:
    mask = np.zeros((1, 10, 20), dtype=bool)
    mask[0, 2:6, 5:15] = True
    np.testing.assert_allclose(sam3_dense.boxes_of(mask), [[0.5, 0.4, 0.5, 0.4]])
