"""Spatial relations: yes, no, and None where it is too close to call."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.tabletop.geometry import Layout, first, nth


def layout(*squares: tuple[int, int, int]) -> Layout:
    """Squares of a scene of 100 x 100 pixels, as centre and side."""
    objects = []
    for x, y, side in squares:
        mask = np.zeros((100, 100), dtype=bool)
        mask[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = True
        objects.append(SimpleNamespace(mask=mask, centre=(float(x), float(y)), full_area=int(mask.sum())))
    scene: Any = SimpleNamespace(image=np.zeros((100, 100, 3)), objects=objects)
    return Layout(scene)


@pytest.mark.parametrize(("x", "answer"), [(20, True), (47, None), (80, False)])
def test_left_of_is_yes_no_or_too_close(x: int, answer: bool | None) -> None:
    assert layout((x, 50, 10), (50, 50, 10)).beside("left", 0, 1) is answer


def test_above_is_towards_the_upper_edge() -> None:
    found = layout((50, 20, 10), (50, 70, 10))
    assert found.beside("above", 0, 1) is True
    assert found.beside("below", 0, 1) is False


@pytest.mark.parametrize(("x", "y", "answer"), [(50, 50, True), (50, 90, False), (95, 50, False), (24, 50, None)])
def test_between_needs_the_middle_of_the_line(x: int, y: int, answer: bool | None) -> None:
    assert layout((x, y, 6), (20, 50, 6), (80, 50, 6)).between(0, 1, 2) is answer


def test_between_two_that_are_too_close_together_is_undecided() -> None:
    assert layout((50, 50, 6), (45, 50, 6), (55, 50, 6)).between(0, 1, 2) is None


def test_larger_needs_a_quarter_more() -> None:
    found = layout((20, 20, 20), (60, 60, 18), (80, 80, 10))
    assert not found.larger(0, 1)
    assert found.larger(0, 2) and not found.larger(2, 0)


def test_the_first_ones_are_none_where_a_place_is_shared() -> None:
    found = layout((10, 50, 6), (30, 50, 6), (32, 50, 6), (80, 50, 6))
    clear = found.further("left")
    assert first(range(4), clear, 1) == (0,)
    assert first(range(4), clear, 2) is None
    assert first(range(4), clear, 3) == (0, 1, 2)
    assert nth(range(4), clear, 1) == 0
    assert nth(range(4), clear, 2) is None
    assert nth(range(4), clear, 4) == 3
