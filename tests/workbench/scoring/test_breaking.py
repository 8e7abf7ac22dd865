"""Areas, halves and crossings of curves whose answers are known by hand."""

import math

import numpy as np
import pytest

from workbench.data.metric_info import MetricInfo
from workbench.data.stress import AxisEntry
from workbench.metrics.uncertainty import Sampled
from workbench.scoring.breaking import area_under, crossings, half_interval, half_place, level_at

SHARE, COST = MetricInfo(), MetricInfo(unit="s", higher_is_better=False)


def axis(*levels: float | str, plain: float | str | None = None) -> AxisEntry:
    first = levels[0] if plain is None else plain
    return AxisEntry(name="a", title="A", unit="", levels=list(levels), plain=first, same_answer=True, generated=False)


def made(*values: float, noise: float = 0.0, seed: int = 0) -> list[Sampled]:
    """What was sampled at each level; draws differ by common noise."""
    rng = np.random.default_rng(seed)
    return [
        Sampled(value, value, value + noise * rng.standard_normal(200), 20, 20, np.full(20, value)) for value in values
    ]


def test_the_area_is_the_mean_height_over_the_width_of_the_levels() -> None:
    found = area_under(axis(0, 1, 3), made(1.0, 0.5, 0.0))
    assert found is not None
    assert found.value == pytest.approx((0.75 * 1 + 0.25 * 2) / 3)
    assert found.draws == pytest.approx(found.value) and found.left_out == pytest.approx(found.value)


def test_the_area_leaves_out_levels_without_a_value_and_weighs_names_alike() -> None:
    found = area_under(axis(0, 1, 2), made(math.nan, 0.4, 0.8))
    assert found is not None and found.value == pytest.approx(0.6)
    named = area_under(axis("a", "b", "c"), made(0.9, 0.3, 0.6))
    assert named is not None and named.value == pytest.approx(0.6)
    assert area_under(axis(0, 1), made(math.nan, math.nan)) is None


@pytest.mark.parametrize(
    ("levels", "values", "info", "expected"),
    [
        (axis(0, 2, 4), (0.8, 0.6, 0.2), SHARE, 3.0),
        (axis(0, 2, 4), (0.8, 0.7, 0.5), SHARE, None),
        (axis(0, 2, 4), (0.0, 0.7, 0.5), SHARE, None),
        (axis(0, 1, 2), (0.8, math.nan, 0.0), SHARE, 1.0),
        (axis(0, 1, 2, plain=2), (0.1, 0.5, 0.8), SHARE, 0.75),
        (axis(0, 1, 2, plain=1), (0.0, 0.8, 0.0), SHARE, 1.5),
        (axis("en", "de", "fr"), (0.8, 0.5, 0.3), SHARE, "fr"),
        (axis(0, 10), (1.0, 4.0), COST, 10 / 3),
    ],
)
def test_half_is_where_the_curve_first_crosses_half_of_the_plain_level(
    levels: AxisEntry, values: tuple[float, ...], info: MetricInfo, expected: float | str | None
) -> None:
    place = half_place(levels, np.array(values)[:, None], info)[0]
    found = level_at(levels, place)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_the_interval_of_half_is_open_where_draws_never_fall_so_far() -> None:
    one = axis(0, 1, 2)
    narrow = half_interval(one, made(0.8, 0.6, 0.1, noise=0.02), SHARE, 1.4)
    assert narrow is not None and narrow[0] is not None and narrow[1] is not None
    assert narrow[0] < 1.4 < narrow[1] and narrow[1] - narrow[0] < 0.4
    wide = half_interval(one, made(0.8, 0.6, 0.38, noise=0.1), SHARE, 1.95)
    assert wide is not None and wide[0] is not None and wide[1] is None
    assert half_interval(axis("a", "b"), made(0.8, 0.1), SHARE, 1.0) is None


def test_curves_cross_where_their_difference_is_0() -> None:
    (crossing,) = crossings(axis(0, 2, 6), made(0.2, -0.1, -0.3, noise=0.02))
    assert crossing.at == pytest.approx(4 / 3)
    assert crossing.interval is not None and None not in crossing.interval and crossing.drawn == 1.0
    low, high = crossing.interval
    assert low < 4 / 3 < high and high - low < 1  # type: ignore[operator]


def test_there_may_be_several_crossings_or_none() -> None:
    assert [one.at for one in crossings(axis(0, 1, 2), made(0.1, -0.1, 0.1))] == pytest.approx([0.5, 1.5])
    assert crossings(axis(0, 1, 2), made(0.1, 0.0, 0.2)) == []
    assert [one.at for one in crossings(axis(0, 1, 2), made(0.1, 0.0, -0.1))] == pytest.approx([1.0])


def test_the_interval_of_a_crossing_is_open_where_draws_do_not_cross() -> None:
    (crossing,) = crossings(axis(0, 1, 2), made(0.5, 0.3, -0.02, noise=0.1))
    assert crossing.interval is not None and crossing.drawn is not None
    assert crossing.interval[0] is not None and crossing.interval[1] is None and 0.3 < crossing.drawn < 0.9


def test_too_few_images_give_no_interval() -> None:
    few = [Sampled(value, value, np.zeros(0), 4, 4) for value in (0.2, -0.2)]
    (crossing,) = crossings(axis(0, 1), few)
    assert crossing.at == 0.5 and crossing.interval is None and crossing.drawn is None
