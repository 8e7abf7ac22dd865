"""What is sent of a large image: no larger than asked for, with every mask still marked."""

from dataclasses import replace

import numpy as np
import pytest

from agents.options import PUBLISHED
from agents.pictures import marks
from agents.pictures.view import View
from workbench.data.masks import Rle, encode

OPTIONS = replace(PUBLISHED, min_side=100)


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def mask(height: int, width: int, top: int, left: int, side: int) -> Rle:
    inside = np.zeros((height, width), dtype=bool)
    inside[top : top + side, left : left + side] = True
    return encode(inside)


@pytest.mark.parametrize("max_side", [None, 300])
def test_pictures_within_the_limit_are_as_without_it(max_side: int | None) -> None:
    pixels, masks = image(120, 300), [mask(120, 300, 9, 9, 40)]
    view = View(pixels, replace(OPTIONS, max_side=max_side))
    assert view.raw is pixels
    assert np.array_equal(view.all_masks(masks), marks.all_masks(pixels, masks, 100, 0.15))
    assert np.array_equal(view.single_mask(masks[0]), marks.single_mask(pixels, masks[0], 100, 0.15))


def test_pictures_of_a_larger_image_are_made_smaller_and_zoomed_pairs_keep_their_detail() -> None:
    pixels, one = image(600, 800), mask(600, 800, 100, 100, 300)
    view = View(pixels, replace(OPTIONS, max_side=200))
    assert {view.raw.shape, view.all_masks([one]).shape, view.single_mask(one).shape} == {(150, 200, 3)}
    assert np.array_equal(view.zoom_pair(one), marks.zoom_pair(pixels, one, OPTIONS.zoom_side, 0.15))


def test_a_mask_too_small_for_the_picture_is_still_marked() -> None:
    speck = mask(2000, 2000, 1990, 1990, 3)
    view = View(image(2000, 2000), replace(OPTIONS, max_side=64))
    assert not np.array_equal(view.all_masks([speck]), View(view.raw, OPTIONS).all_masks([]))
    assert view.single_mask(speck).shape == (64, 64, 3)


def test_a_long_picture_is_not_enlarged_beyond_the_limit() -> None:
    view = View(image(20, 1000), replace(OPTIONS, max_side=500))
    assert view.all_masks([mask(20, 1000, 2, 2, 9)]).shape == (10, 500, 3)
