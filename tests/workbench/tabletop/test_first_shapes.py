"""The shapes of the first world."""

import numpy as np

from workbench.tabletop.first_shapes import DRAWERS
from workbench.tabletop.vocabulary import CATEGORIES


def test_every_category_has_a_shape_with_a_body_in_the_unit_box() -> None:
    assert set(DRAWERS) == set(CATEGORIES)
    for name, drawer in DRAWERS.items():
        parts = drawer()
        assert "body" in {role for _, role in parts}, name
        assert np.abs(np.concatenate([points for points, _ in parts])).max() <= 0.55, name
