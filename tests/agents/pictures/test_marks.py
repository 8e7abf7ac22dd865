import time

import numpy as np
import pytest

from agents.pictures import marks as canvas
from tests.agents.scripted import plain, square
from workbench.data.masks import decode, encode


def grid(side: int, count: int) -> list[canvas.Rle]:
    step = side // 4
    return [square(i % 4 * step, i // 4 * step, step - 2, (side, side)) for i in range(count)]


@pytest.mark.parametrize("side", [64, 128, 1000])
def test_every_mask_is_marked_in_a_colour_of_its_own_at_any_size(side: int) -> None:
    masks = grid(side, 7)
    picture = canvas.all_masks(plain((side, side)), masks)
    assert picture.shape == (side, side, 3) and picture.dtype == np.uint8
    outlines = set()
    for rle, colour in zip(masks, canvas.palette(7), strict=True):
        pixels = picture[decode(rle)]
        assert (pixels == colour).all(axis=1).any()
        outlines.add(tuple(int(c) for c in colour))
    assert len(outlines) == 7


def test_pixels_outside_the_masks_and_labels_stay_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    picture = canvas.all_masks(image, [square(20, 20, 60, (200, 300))])
    outside = np.ones((200, 300), dtype=bool)
    outside[20:80, 20:80] = False
    assert np.array_equal(picture[outside], image[outside])
    assert not np.array_equal(picture[~outside], image[~outside])


def test_the_same_masks_give_the_same_picture_and_the_image_is_not_touched() -> None:
    image = plain((128, 128))
    first, second = (canvas.all_masks(image, grid(128, 9)) for _ in range(2))
    assert np.array_equal(first, second)
    assert (image == 120).all()


def test_a_palette_never_repeats() -> None:
    assert len(np.unique(canvas.palette(300), axis=0)) == 300


def test_a_single_mask_is_drawn_in_a_colour_far_from_its_surroundings() -> None:
    red = np.zeros((64, 96, 3), dtype=np.uint8)
    red[..., 0] = 250
    colour = canvas.contrasting(red)
    assert colour[0] < 100 and max(int(c) for c in colour) > 200
    picture = canvas.single_mask(red, square(10, 10, 30))
    assert (picture == colour).all(axis=2).any()


def test_small_images_are_enlarged_by_whole_factors() -> None:
    assert canvas.all_masks(plain((64, 96)), [square(4, 4, 20)], min_side=200).shape == (256, 384, 3)
    assert canvas.single_mask(plain((64, 96)), square(4, 4, 20), min_side=64).shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("mask_box", "share"), [((40, 40, 44, 44), 0.05), ((10, 10, 50, 30), 0.25), ((0, 0, 100, 80), 0.05)]
)
def test_a_crop_holds_the_mask_and_its_surroundings(mask_box: canvas.Box, share: float) -> None:
    x0, y0, x1, y1 = canvas.crop_box(
        mask_box, (mask_box[2] - mask_box[0]) * (mask_box[3] - mask_box[1]), (80, 100), share
    )
    assert x0 <= mask_box[0] and y0 <= mask_box[1] and x1 >= mask_box[2] and y1 >= mask_box[3]
    assert min(x0, y0) >= 0 and x1 <= 100 and y1 <= 80
    if (x0, y0, x1, y1) != (0, 0, 100, 80) and x0 > 0 and y0 > 0 and x1 < 100 and y1 < 80:
        filled = (mask_box[2] - mask_box[0]) * (mask_box[3] - mask_box[1]) / ((x1 - x0) * (y1 - y0))
        assert filled <= share


def test_a_zoomed_pair_has_two_panels_that_fit_their_crops() -> None:
    tall, wide = np.zeros((200, 200), dtype=bool), np.zeros((200, 200), dtype=bool)
    tall[40:160, 95:105] = True
    wide[95:105, 40:160] = True
    beside = canvas.zoom_pair(plain((200, 200)), encode(tall), 100)
    above = canvas.zoom_pair(plain((200, 200)), encode(wide), 100)
    assert beside.shape[0] == 100
    assert (beside == 255).all(axis=(0, 2)).sum() == 4  # the gap
    assert above.shape == beside.transpose(1, 0, 2).shape


def test_sixty_masks_at_two_megapixels_take_about_a_second() -> None:
    rng = np.random.default_rng(0)
    masks = [square(int(rng.integers(1300)), int(rng.integers(800)), 150, (1000, 2000)) for _ in range(60)]
    begun = time.process_time()
    canvas.all_masks(plain((1000, 2000)), masks)
    assert time.process_time() - begun < 5
