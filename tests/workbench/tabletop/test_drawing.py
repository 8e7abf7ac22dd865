"""Every category is painted as large and in the colour that is asked for."""

import numpy as np
import pytest

from workbench.tabletop.drawing import paint
from workbench.tabletop.worlds import CATEGORIES

RED = (200, 40, 40)


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_object_fills_about_the_side_that_is_asked_for(category: str) -> None:
    colours, coverage = paint(category, RED, 60.0, 0.0)
    assert colours.shape == (*coverage.shape, 3)
    assert coverage.min() >= 0 and coverage.max() == 1
    rows, columns = np.nonzero(coverage > 0.5)
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    assert 42 <= longest <= 78


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_object_twice_as_long_covers_about_four_times_as_much(category: str) -> None:
    small, large = (paint(category, RED, side, 0.3)[1].sum() for side in (40.0, 80.0))
    assert 3.5 < large / small < 4.5


def test_the_body_has_the_colour_that_is_asked_for() -> None:
    for colour in (RED, (30, 60, 200)):
        colours, coverage = paint("mug", colour, 60.0, 0.0)
        assert (np.abs(colours - colour).max(axis=2)[coverage == 1] < 1).mean() > 0.3
