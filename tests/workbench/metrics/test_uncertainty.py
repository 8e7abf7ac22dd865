"""What draws say of a metric: its interval, and the p-value of a difference."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from workbench.metrics.ap import Ranking, average_precision
from workbench.metrics.statistics import Measure, Spread, estimate, paired
from workbench.metrics.uncertainty import BIAS_PER_SHIFT, Sampled, interval, intervals, sampled, spread


def mean_of(values: NDArray[np.float64]) -> Measure:
    return lambda weights: {"mean": values @ weights / weights.sum(axis=0)}


def width(found: dict[str, Any]) -> float:
    low, high = found["mean"]
    return float(high - low)


def test_intervals_cover_the_truth_at_about_their_nominal_rate() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i // 3}" for i in range(120)]
    covered = []
    for trial in range(200):
        values = np.repeat(generator.normal(size=40), 3) + 0.3 * generator.normal(size=120)
        low, high = intervals(ids, mean_of(values), draws=300, seed=trial)["mean"] or (1.0, -1.0)
        covered.append(low <= 0.0 <= high)
    assert 0.90 <= np.mean(covered) <= 0.99


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
    one = Sampled(0.5, 0.5, np.array([0.1, np.nan, 0.2]), 40, 40)
    assert interval(one) is spread(one) is None


def test_a_bias_that_draws_show_is_taken_off() -> None:
    draws = np.random.default_rng(0).normal(0.402, 0.02, 2000)
    low, high = interval(Sampled(0.4, 0.4, draws, 1000, 1000), fraction=False) or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(0.4 - 0.002 * BIAS_PER_SHIFT, abs=0.001)


def test_a_share_of_independent_answers_has_wilsons_interval() -> None:
    right = (np.arange(400) < 380).astype(np.float64)
    low, high = intervals([str(i) for i in range(400)], mean_of(right), ["mean"], draws=4000)["mean"] or (0.0, 0.0)
    expected = binomtest(380, 400).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.003)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_right_and_all_wrong_have_the_interval_of_so_many_images(value: float) -> None:
    ids = [str(i // 4) for i in range(240)]
    low, high = intervals(ids, mean_of(np.full(240, value)), ["mean"], draws=50)["mean"] or (0.5, 0.5)
    exact = binomtest(int(60 * value), 60).proportion_ci()
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.005)
    assert low <= value <= high


def test_images_that_a_metric_says_nothing_about_do_not_count() -> None:
    """All that is right, of 20 of 60 images."""
    asked = np.arange(60) < 20
    counts: Measure = lambda w: {"rate": np.where(asked @ w > 0, 1.0, np.nan)}  # noqa: E731
    low, _ = intervals([str(i) for i in range(60)], counts, ["rate"], draws=50)["rate"] or (0.0, 0.0)
    assert low == pytest.approx(binomtest(20, 20).proportion_ci().low, abs=0.02)


def test_no_difference_in_any_image_leaves_room_for_one() -> None:
    ids, same = [str(i) for i in range(60)], mean_of(np.linspace(0, 1, 60))
    found = spread(sampled(ids, paired(same, same), draws=50)["mean"])
    assert found is not None and found.p == 1.0
    assert found.interval == pytest.approx((-0.0626, 0.0626), abs=1e-3)
    assert spread(Sampled(0.0, 0.0, np.zeros(9), 60, 60), fraction=False) == Spread((0.0, 0.0), 1.0)


@pytest.mark.parametrize("same", [0.05, 0.4, 1.0, -1.0])
def test_the_same_difference_in_all_images_has_a_p_value_that_agrees(same: float) -> None:
    found = spread(Sampled(same, same, np.full(50, same), 30, 30))
    assert found is not None
    assert (found.p < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0) == (abs(same) > 0.2)
    unbounded = spread(Sampled(same, same, np.full(50, same), 30, 30), fraction=False)
    assert unbounded is not None and unbounded.p < 1e-6


def test_a_sum_over_the_data_set_keeps_its_interval() -> None:
    values = np.random.default_rng(0).normal(10, 1, 50)
    (low, high) = intervals([str(i) for i in range(50)], lambda w: {"sum": values @ w})["sum"] or (0.0, 0.0)
    assert low < values.sum() < high < 1.1 * low


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


def test_the_p_value_agrees_with_the_interval() -> None:
    generator = np.random.default_rng(0)
    ids = [f"image {i}" for i in range(50)]
    for shift in np.linspace(0.15, 0.4, 40):
        found = spread(sampled(ids, mean_of(generator.normal(size=50) + shift), draws=100)["mean"], fraction=False)
        assert found is not None
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
        found = spread(sampled(ids, difference(rankings(generator, 80)), draws=300, seed=seed)["AP"])
        covered += found is not None and found.interval[0] <= truth <= found.interval[1]
    # 0.95 within three standard errors
    assert 0.917 <= covered / trials <= 0.983
