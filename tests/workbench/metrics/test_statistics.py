import numpy as np
import pytest
from scipy.stats import binomtest

from workbench.metrics.statistics import holm, mcnemar, percentile_intervals, percentile_spreads, resample


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
