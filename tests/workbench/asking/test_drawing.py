"""Drawings of answers at any size."""

import numpy as np
import pytest
from PIL import ImageColor

from workbench.asking.drawing import LARGEST, SMALLEST, Panel, outlined, shown_side, side_by_side
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.masks import encode

BLUE = np.array(ImageColor.getrgb(SYSTEM_COLOURS[0]))


def square(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return mask


@pytest.mark.parametrize("size", [(3, 2), (24, 32), (400, 300), (20, 3000), (3000, 20), (1, 1)])
def test_a_picture_of_any_size_is_drawn_with_its_outline(size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), 120, np.uint8)
    drawn = outlined(pixels, [encode(square(*size))], ["1  0.93"], SYSTEM_COLOURS[0], shown_side(size[1], size[0]))
    assert SMALLEST <= max(drawn.shape) <= 3000
    assert (drawn == BLUE).all(axis=2).any(), "the outline has the system's colour"
    assert (pixels == 120).all(), "the picture itself is left alone"


def test_what_is_drawn_lies_where_the_mask_is() -> None:
    pixels, mask = np.full((60, 80, 3), 120, np.uint8), square(60, 80)
    drawn = outlined(pixels, [encode(mask)], [""], SYSTEM_COLOURS[0])
    assert drawn.shape == pixels.shape
    changed = (drawn != 120).any(axis=2)
    assert changed[mask].all() and changed.sum() < 1.3 * mask.sum()


def test_a_mask_smaller_than_a_pixel_of_the_drawing_still_shows() -> None:
    mask = np.zeros((2000, 2000), bool)
    mask[1000, 1000] = True
    drawn = outlined(np.full((2000, 2000, 3), 120, np.uint8), [encode(mask)], [""], SYSTEM_COLOURS[0], LARGEST)
    assert (drawn != 120).any()


def test_an_empty_mask_and_no_mask_are_no_problem() -> None:
    pixels = np.full((60, 80, 3), 120, np.uint8)
    assert np.array_equal(outlined(pixels, [], [], SYSTEM_COLOURS[0]), pixels)
    outlined(pixels, [encode(np.zeros((60, 80), bool))], ["1"], SYSTEM_COLOURS[0])


def test_wide_pictures_stand_below_each_other_and_tall_ones_beside() -> None:
    def sheet(height: int, width: int) -> tuple[int, int]:
        panels = [Panel(name, "#2f6db5", ["1 instance"], np.zeros((height, width, 3), np.uint8)) for name in "ab"]
        return side_by_side("the red mug", panels).size

    width, height = sheet(100, 1000)
    assert width < 1100 and height > 200
    width, height = sheet(1000, 300)
    assert width > 600 and height < 1200


def test_a_long_text_is_cut_and_never_widens_the_sheet() -> None:
    panel = Panel("a" * 300, "#2f6db5", ["failed: " + "x" * 5000, "y " * 3000], np.zeros((50, 50, 3), np.uint8), True)
    wide, _ = side_by_side("the red mug " * 300, [panel]).size
    assert wide < 500
