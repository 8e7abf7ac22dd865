import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from workbench.metrics import statistics
from workbench.metrics.statistics import (
    DRAWS,
    DRAWS_OF_MANY,
    MANY_IMAGES,
    Weights,
    enough_draws,
    enough_for_percentiles,
    holm,
    mcnemar,
    percentile_intervals,
    percentile_spreads,
    resample,
)
from workbench.metrics.uncertainty import sampled


def test_every_draw_has_as_many_images_and_keeps_the_samples_of_an_image_together() -> None:
    ids = [f"image {i % 12}" for i in range(30)]
    weights = np.concatenate(list(resample(ids, draws=100)), axis=1)
    assert weights.shape == (30, 100)
    assert (weights[:12].sum(axis=0) == 12).all()
    assert (weights[12:24] == weights[:12]).all()
    assert (weights[24:] == weights[:6]).all()


def test_draws_do_not_depend_on_how_many_are_made_at_a_time() -> None:
    ids = [f"image {i}" for i in range(20)]
    few = np.concatenate(list(resample(ids, draws=70)), axis=1)
    many = np.concatenate(list(resample(ids, draws=200)), axis=1)
    assert (many[:, :70] == few).all()


def test_mcnemar_is_the_binomial_test_where_each_image_has_one_sample() -> None:
    generator = np.random.default_rng(0)
    for n in (10, 40, 300):
        a, b = generator.random((2, n)) < [[0.5], [0.4]]
        only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
        expected = binomtest(only_a, only_a + only_b).pvalue
        assert mcnemar([str(i) for i in range(n)], a, b) == pytest.approx(expected)


def test_mcnemar_counts_an_image_once_however_many_instructions_repeat_it() -> None:
    a = np.arange(12) < 6
    once = mcnemar([str(i) for i in range(12)], a, ~np.ones(12, bool))
    often = mcnemar([str(i // 5) for i in range(60)], np.repeat(a, 5), np.zeros(60, bool))
    assert often == pytest.approx(once) == pytest.approx(2 / 2**6)


def test_mcnemar_needs_ten_images() -> None:
    assert mcnemar(["a"] * 50, np.ones(50, bool), np.zeros(50, bool)) is None


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": None, "e": 0.9})
    assert corrected == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "d": None, "e": 0.9})
    assert holm({}) == {}


def test_the_percentiles_of_draws_hold_the_value_and_agree_with_their_p_value() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i}" for i in range(50)]
    for shift in (0.0, 0.2, 0.28, 0.35, 1.0):
        values = generator.normal(size=50) + shift
        found = percentile_spreads(ids, lambda weights, v=values: {"mean": v @ weights / weights.sum(axis=0)})["mean"]
        assert found is not None
        assert found.interval[0] <= values.mean() <= found.interval[1]
        if abs(found.p - 0.05) > 0.003:
            assert (found.p < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0)


def test_percentiles_need_ten_images_and_defined_draws() -> None:
    few, undefined = np.arange(9.0), np.full(20, np.nan)
    for values in (few, undefined):
        ids = [str(i) for i in range(len(values))]
        assert percentile_intervals(ids, lambda weights, v=values: {"mean": v @ weights}) == {"mean": None}


def test_many_images_take_fewer_draws_and_their_intervals_are_as_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=400)
    ids = [str(place) for place in range(400)]
    counted: list[int] = []

    def mean(weights: Weights) -> dict[str, NDArray[np.float64]]:
        counted.append(weights.shape[1])
        return {"mean": values @ weights / weights.sum(axis=0)}

    all_draws = percentile_spreads(ids, mean)["mean"]
    assert enough_draws(MANY_IMAGES) == DRAWS == sum(counted) - 1
    assert enough_for_percentiles(MANY_IMAGES) == DRAWS == 2 * enough_for_percentiles(MANY_IMAGES + 1)
    assert enough_draws(MANY_IMAGES + 1) == DRAWS_OF_MANY and enough_draws(MANY_IMAGES + 1, 100) == 100
    few = [sampled(ids, mean, draws=DRAWS_OF_MANY, seed=seed)["mean"].draws.std() for seed in range(8)]
    assert np.mean(few) == pytest.approx(sampled(ids, mean)["mean"].draws.std(), rel=0.05)
    monkeypatch.setattr(statistics, "MANY_IMAGES", 399)
    counted.clear()
    half = percentile_spreads(ids, mean)["mean"]
    assert sum(counted) - 1 == DRAWS // 2
    assert all_draws and half
    low, high = all_draws.interval
    assert half.interval == pytest.approx((low, high), abs=0.1 * (high - low))


@pytest.mark.parametrize("seed", range(5))
def test_surpluses_of_several_sizes_are_added_up_as_one_by_one(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ids = [f"image {place // 4}" for place in range(240)]
    a, b = chance.random(240) < 0.5, chance.random(240) < 0.4
    surplus = a.astype(int).reshape(60, 4).sum(axis=1) - b.astype(int).reshape(60, 4).sum(axis=1)
    chances = {0: 1.0}
    for step in surplus.tolist():
        halves = [(total + way, p / 2) for total, p in chances.items() for way in (step, -step)]
        chances = {}
        for total, p in halves:
            chances[total] = chances.get(total, 0.0) + p
    expected = sum(p for total, p in chances.items() if abs(total) >= abs(surplus.sum()))
    assert mcnemar(ids, a, b) == pytest.approx(expected, rel=1e-12)


def test_many_samples_that_differ_do_not_overflow() -> None:
    ids = [str(place) for place in range(40_000)]
    half = np.arange(40_000) % 2 == 0
    assert mcnemar(ids, half, ~half) == pytest.approx(1.0)
    more = np.arange(40_000) % 16 < 9
    assert mcnemar(ids, more, ~more) == pytest.approx(binomtest(22_500, 40_000).pvalue, rel=1e-9)
