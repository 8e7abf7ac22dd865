"""Comparisons between objects answer yes, no, or too close to call."""

import pytest

from tests.workbench.instructions.drawn import HEIGHT, WIDTH, Box, rle
from workbench.instructions.layout import PictureLayout


def _layout(*boxes: Box) -> PictureLayout:
    return PictureLayout([rle(box) for box in boxes], WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 40, 20, 60), (100, 40, 120, 60), True),
        ((150, 40, 170, 60), (100, 40, 120, 60), False),
        ((0, 40, 150, 60), (60, 40, 200, 60), None),  # their boxes overlap up to the centres
        ((98, 0, 118, 20), (100, 60, 120, 80), None),  # above, not beside
    ],
)
def test_left_of(a: Box, b: Box, expected: bool | None) -> None:
    assert _layout(a, b).beside("left", 0, 1) is expected


def test_between_two_and_not_under_one_of_them() -> None:
    ends = (5, 40, 25, 60), (170, 40, 190, 60)
    assert _layout((80, 40, 110, 60), *ends).between(0, 1, 2) is True
    assert _layout((10, 30, 140, 70), *ends).between(0, 1, 2) is None


def test_two_that_are_cut_off_by_one_edge_are_not_compared() -> None:
    layout = _layout((0, 0, 20, 20), (0, 50, 80, 70), (30, 0, 50, 20))
    assert not layout.further("left")(0, 1)
    assert layout.further("left")(0, 2)


def test_one_that_spans_another_has_no_place_in_a_row() -> None:
    layout = _layout((10, 10, 120, 20), (80, 50, 110, 70))
    assert layout.further("left")(0, 1)
    assert not layout.further("left", in_a_row=True)(0, 1)


def test_what_stands_deeper_in_the_scene_is_not_nearer() -> None:
    reference, behind, beside = (90, 60, 110, 90), (90, 10, 110, 40), (150, 60, 170, 90)
    layout = _layout(reference, behind, beside)
    assert layout._distance(1, 0) < layout._distance(2, 0)
    assert not layout.nearer(0)(1, 2) and not layout.nearer(0)(2, 1)
    assert _layout(reference, (60, 60, 80, 90), beside).nearer(0)(1, 2)


def test_halves_and_quarters_hold_the_whole_object() -> None:
    layout = _layout((10, 10, 40, 40), (80, 10, 130, 40), (150, 60, 180, 90))
    assert [layout.in_half("left", i) for i in range(3)] == [True, None, False]
    assert [layout.in_quarter(("top", "left"), i) for i in range(3)] == [True, None, False]
    assert [layout.in_quarter(("bottom", "left"), i) for i in range(3)] == [False, False, False]


def test_cut_off_means_touching_an_edge_over_some_length() -> None:
    layout = _layout((0, 10, 40, 40), (0, 10, 40, 12), (3, 10, 40, 40), (20, 10, 40, 40))
    assert [layout.cut_off("left", i) for i in range(4)] == [True, None, None, False]
    assert _layout((180, 60, 200, 100)).cut_off("bottom", 0) is True


def test_larger_in_its_mask_and_in_its_box() -> None:
    layout = _layout((0, 0, 40, 40), (50, 0, 80, 30), (100, 0, 138, 38))
    assert layout.larger(0, 1) and not layout.larger(1, 0) and not layout.larger(0, 2)
