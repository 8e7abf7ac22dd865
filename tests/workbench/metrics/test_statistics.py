import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from workbench.metrics.ap import Ranking, average_precision
from workbench.metrics.statistics import (
    Measure,
    estimate,
    holm,
    interval,
    intervals,
    mcnemar,
    paired,
    resample,
    spreads,
)


def mean_of(values: NDArray[np.float64]) -> Measure:
    return lambda weights: {"mean": values @ weights / weights.sum(axis=0)}


def width(found: dict[str, Any]) -> float:
    low, high = found["mean"]
    return float(high - low)


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


def test_intervals_cover_the_truth_at_about_their_nominal_rate() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i // 3}" for i in range(120)]
    covered = []
    for trial in range(200):
        values = np.repeat(generator.normal(size=40), 3) + 0.3 * generator.normal(size=120)
        low, high = intervals(ids, mean_of(values), draws=300, seed=trial)["mean"] or (1.0, -1.0)
        covered.append(low <= 0.0 <= high)
    assert 0.88 <= np.mean(covered) <= 0.985


def test_treating_instructions_of_one_image_as_independent_would_be_too_narrow() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=40), 5)
    by_image = intervals([f"image {i // 5}" for i in range(200)], mean_of(values))
    by_sample = intervals([f"sample {i}" for i in range(200)], mean_of(values))
    assert width(by_image) > 1.8 * width(by_sample)


def test_pairing_removes_what_two_systems_share() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i}" for i in range(100)]
    difficulty = generator.normal(size=100)
    a, b = (mean_of(difficulty + shift + 0.1 * generator.normal(size=100)) for shift in (0.2, 0.0))
    difference = paired(a, b)
    assert estimate(difference, 100)["mean"] == pytest.approx(0.2, abs=0.05)
    assert width(intervals(ids, difference)) < 0.5 * width(intervals(ids, a))


def test_fewer_than_ten_images_have_no_interval() -> None:
    values = np.arange(30.0)
    assert intervals([f"image {i % 9}" for i in range(30)], mean_of(values)) == {"mean": None}
    assert intervals([f"image {i % 10}" for i in range(30)], mean_of(values))["mean"] is not None
    assert intervals([], lambda weights: {"mean": np.full(weights.shape[1], np.nan)}) == {"mean": None}


def test_a_metric_that_some_draw_leaves_undefined_has_no_interval() -> None:
    assert interval(np.array([0.1, np.nan, 0.2])) is None
    assert interval(np.linspace(0, 1, 1001)) == pytest.approx((0.025, 0.975))


def test_the_seed_decides_the_interval() -> None:
    ids = [f"image {i}" for i in range(50)]
    measure = mean_of(np.random.default_rng(0).normal(size=50))
    assert intervals(ids, measure, seed=3) == intervals(ids, measure, seed=3)
    assert intervals(ids, measure, seed=3) != intervals(ids, measure, seed=4)


@pytest.mark.slow
def test_a_full_benchmark_takes_seconds() -> None:
    generator = np.random.default_rng(0)
    n_samples, n_instances = 3328, 33280
    ranking = Ranking(
        sample=generator.integers(0, n_samples, n_instances),
        true_positive=generator.random((n_instances, 10)) < np.linspace(0.15, 0.02, 10),
        targets=generator.integers(0, 5, n_samples),
    )
    begun = time.process_time()
    found = intervals(
        [f"image {i % 986}" for i in range(n_samples)],
        lambda weights: {"mAP": average_precision(ranking, weights).mean(axis=0)},
    )
    assert found["mAP"] is not None
    assert time.process_time() - begun < 10.0


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


def test_the_p_value_agrees_with_the_interval() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i}" for i in range(50)]
    for shift in (0.0, 0.2, 0.28, 0.35, 1.0):
        found = spreads(ids, mean_of(generator.normal(size=50) + shift))["mean"]
        assert found is not None
        if abs(found.p - 0.05) > 0.003:
            assert (found.p < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0)


@pytest.mark.slow
def test_intervals_of_a_difference_in_map_cover_its_truth() -> None:
    """Two systems that find a target with chance 0.6 and 0.5, several instructions an image, difficulty by image; the
    truth is the difference over very many images."""

    def rankings(generator: np.random.Generator, n_images: int) -> list[Ranking]:
        difficulty = np.repeat(generator.normal(0, 0.15, n_images), 3)
        sample = np.arange(3 * n_images)
        hits = [generator.random((len(sample), 1)) < (skill + difficulty)[:, None] for skill in (0.6, 0.5)]
        scores = [hit[:, 0] * 0.5 + generator.random(len(sample)) for hit in hits]
        orders = [np.argsort(-score) for score in scores]
        targets = np.ones(len(sample), np.int64)
        return [Ranking(sample[order], hit[order], targets) for order, hit in zip(orders, hits, strict=True)]

    def difference(ranked: list[Ranking]) -> Measure:
        a, b = ranked
        return paired(*(lambda w, r=r: {"AP": average_precision(r, w)[0]} for r in (a, b)))

    generator = np.random.default_rng(0)
    truth = estimate(difference(rankings(generator, 200_000)), 600_000)["AP"]
    ids = [str(i // 3) for i in range(240)]
    trials = 400
    covered = 0
    for seed in range(trials):
        low, high = intervals(ids, difference(rankings(generator, 80)), draws=500, seed=seed)["AP"] or (1.0, 1.0)
        covered += low <= truth <= high
    # 0.95 within four standard errors, and 0.02 for the percentile interval's known optimism with 80 images
    assert 0.89 <= covered / trials <= 0.99
