"""Training scenes depend on seed, split and number alone."""

import numpy as np

from workbench.tabletop.training_scenes import draw


def test_a_scene_depends_on_seed_split_and_number_alone() -> None:
    again = [draw(3, 7, size=64, asked=2) for _ in range(2)]
    assert np.array_equal(again[0].image, again[1].image)
    assert again[0].instructions == again[1].instructions
    assert not np.array_equal(draw(3, 7, size=64).image, draw(3, 7, size=64, split="val").image)
