"""The shapes of the second world are unlike each other and unlike those of the first."""

import numpy as np
from numpy.typing import NDArray

from workbench.tabletop.drawing import paint
from workbench.tabletop.second_shapes import DRAWERS
from workbench.tabletop.worlds import CATEGORIES, SECOND

SIDE = 80


def silhouette(category: str) -> NDArray[np.bool_]:
    """In the middle of a square."""
    solid = paint(category, (200, 40, 40), 60.0, 0.0)[1] >= 0.5
    top, left = ((SIDE - length) // 2 for length in solid.shape)
    return np.pad(solid, ((top, SIDE - top - len(solid)), (left, SIDE - left - solid.shape[1])))


def test_no_silhouette_is_that_of_another_category() -> None:
    assert set(DRAWERS) == set(SECOND.categories)
    seen = {name: silhouette(name) for name in CATEGORIES}
    for name in DRAWERS:
        for other in set(CATEGORIES) - {name}:
            overlap = (seen[name] & seen[other]).sum() / (seen[name] | seen[other]).sum()
            assert overlap < 0.8, (name, other)
