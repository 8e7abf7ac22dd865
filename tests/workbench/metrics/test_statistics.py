import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.metrics.ap import Ranking, average_precision
from workbench.metrics.statistics import Measure, estimate, interval, intervals, paired, resample


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
    assert time.process_time() - begun < 5.0
