"""The official masks that ours are timed against: suppression and marks at full size."""

import numpy as np

from agents.loop.suppression import postprocess
from speed.official_agent.masks import render, suppress
from tests.agents.scripted import THINGS
from workbench.data.masks import decode, encode


def test_full_size_suppression_keeps_what_ours_keeps() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        squares = [(rng.integers(0, 40, 2), int(rng.integers(2, 30))) for _ in range(12)]
        masks = []
        for (x, y), side in squares:
            mask = np.zeros((60, 70), dtype=bool)
            mask[y : y + side, x : x + side] = True
            masks.append(encode(mask))
        scores = rng.uniform(0.5, 1, 12).round(1).tolist()
        assert suppress(masks, scores) == postprocess(masks, scores).shown


def test_marks_are_drawn_at_image_size() -> None:
    image = np.full((64, 96, 3), 120, dtype=np.uint8)
    drawn = render(image, [decode(mask) for mask, _ in THINGS["thing"]])
    assert drawn.shape == image.shape
    assert (drawn != image).any(axis=2).mean() > 0.05
    assert np.array_equal(render(image, [])[10:, 10:], image[10:, 10:])
