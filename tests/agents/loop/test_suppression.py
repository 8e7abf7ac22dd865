import time

import numpy as np
import pytest

from agents.loop.suppression import intersection_over_smaller, postprocess
from tests.agents.scripted import square
from workbench.data.masks import Rle, decode, encode


def strip(start: int, stop: int) -> Rle:
    mask = np.zeros((10, 200), dtype=bool)
    mask[:, start:stop] = True
    return encode(mask)


@pytest.mark.parametrize(("start", "kept"), [(75, True), (70, True), (69, False)], ids=["25 %", "30 %", "31 %"])
def test_a_mask_goes_when_more_than_a_third_of_the_smaller_is_shared(start: int, kept: bool) -> None:
    result = postprocess([strip(0, 100), strip(start, start + 100)], [0.9, 0.8])
    assert (result.shown, result.suppressed) == (([0, 1], []) if kept else ([0], [1]))


def test_a_part_with_a_higher_score_suppresses_the_whole() -> None:
    result = postprocess([square(0, 0, 40), square(5, 5, 10), square(60, 0, 20)], [0.7, 0.9, 0.65])
    assert (result.shown, result.suppressed) == ([1, 2], [0])


def test_what_a_suppressed_mask_covers_stays() -> None:
    result = postprocess([strip(0, 100), strip(50, 150), strip(110, 200)], [0.9, 0.8, 0.7])
    assert (result.shown, result.suppressed) == ([0, 2], [1])


def test_equal_scores_keep_their_order_and_empty_masks_go() -> None:
    empty = encode(np.zeros((64, 96), dtype=bool))
    result = postprocess([square(0, 0, 8), empty, square(20, 0, 8), square(40, 0, 8)], [0.5, 0.9, 0.5, 0.6])
    assert (result.shown, result.suppressed, result.empty) == ([3, 0, 2], [], [1])


def test_a_full_frame_on_a_tiny_image_is_no_empty_mask() -> None:
    assert postprocess([encode(np.ones((8, 8), dtype=bool))], [0.9]).shown == [0]


def test_sixty_masks_of_1008_pixels_take_less_than_three_tenths_of_a_second() -> None:
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[:1008, :1008]
    masks = []
    for _ in range(60):
        x, y, radius = rng.uniform(0, 1008), rng.uniform(0, 1008), rng.uniform(20, 400)
        ragged = radius * (1 + 0.1 * np.sin(9 * np.arctan2(ys - y, xs - x)))
        masks.append(encode((xs - x) ** 2 + (ys - y) ** 2 < ragged**2))
    scores = rng.uniform(0.5, 1, 60).tolist()
    taken = []
    for _ in range(5):
        begun = time.process_time()
        postprocess(masks, scores)
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.3, taken


def test_nothing_in_nothing_out() -> None:
    assert postprocess([], []).shown == []


def test_intersection_over_smaller_equals_the_one_counted_in_pixels() -> None:
    rng = np.random.default_rng(0)
    rles = [encode(rng.random((20, 30)) < p) for p in (0.1, 0.5, 0.9, 0.0)]
    pixels = np.array([decode(rle).ravel() for rle in rles], dtype=float)
    areas = pixels.sum(1)
    expected = (pixels @ pixels.T) / np.maximum(np.minimum(areas[:, None], areas[None]), 1)
    assert np.allclose(intersection_over_smaller(rles, areas.astype(int)), expected)
