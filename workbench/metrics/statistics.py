"""The bootstrap over images, and tests on images.

All instructions of one image stay together, because they share its difficulty: resampling them one by one would give
intervals that are too narrow. Two systems are compared on the same draws (paired), which removes what they share. What
draws say of a metric is in `workbench.metrics.uncertainty`; the percentiles of the draws themselves are for durations
and costs. Rates are compared by McNemar's exact test, in a form that keeps images together. Where several comparisons
are made at once, their p-values are corrected by Holm's method.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.integer]
"""`[S, D]`: how often each of S samples is in each of D data sets."""
Measure = Callable[[Weights], Mapping[str, NDArray[np.float64]]]
"""Metric values by name, each `[D]`, of the data sets that the weights describe; nan where undefined."""
Interval = tuple[float, float]

DRAWS = 2000
MANY_IMAGES = 10_000
DRAWS_OF_MANY = 500
"""Draws of a data set of more than `MANY_IMAGES` images, from which only a standard error and a bias are read
(`workbench.metrics.uncertainty`): a width from them is off by 3 % on average, and by 1.6 % from 2,000."""
SEED = 0
LEVEL = 0.95
MIN_IMAGES = 10


def enough_draws(images: int, draws: int = DRAWS) -> int:
    """How many of these draws are taken for the standard error of a data set of so many images."""
    return draws if images <= MANY_IMAGES else min(draws, DRAWS_OF_MANY)


def enough_for_percentiles(images: int, draws: int = DRAWS) -> int:
    """How many of these draws are taken for the central 95 % of draws of a data set of so many images: half of them for
    many. An end of the interval then varies by 0.08 of a standard error from seed to seed, in place of 0.06."""
    return draws if images <= MANY_IMAGES else draws // 2


def estimate(measure: Measure, n_samples: int) -> dict[str, float]:
    """The value of each metric on the data set itself, nan where undefined."""
    return {name: float(value[0]) for name, value in measure(np.ones((n_samples, 1), dtype=np.int32)).items()}


def percentile_intervals(
    image_ids: Sequence[str], measure: Measure, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Interval | None]:
    """The central 95 % of the draws of each metric of a measure, widened where need be to hold the metric itself.

    image_ids: the image of each sample, `[S]`. Fewer than 10 images give no interval (None), and so does a metric that
    some draw leaves undefined. For the difference of two systems, pass `paired` of their measures.
    """
    spread_of = percentile_spreads(image_ids, measure, draws, seed)
    return {name: None if one is None else one.interval for name, one in spread_of.items()}


@dataclass(frozen=True)
class Spread:
    """What chance would make of a difference."""

    interval: Interval
    """95 %"""
    p: float
    """two-sided p-value of the difference being 0; below 0.05 where the interval leaves out 0"""


def percentile_spreads(
    image_ids: Sequence[str], measure: Measure, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Spread | None]:
    """Interval and p-value of each metric of a measure; None under the conditions that `percentile_intervals` names.

    The p-value is twice the share of draws on the other side of 0, so never below 2 / (draws + 1). Many images take
    fewer draws, see `enough_for_percentiles`.
    """
    estimates = estimate(measure, len(image_ids))
    drawn = draw(image_ids, measure, enough_for_percentiles(len(set(image_ids)), draws), seed)
    return {name: _spread(drawn[name], value) if name in drawn else None for name, value in estimates.items()}


def draw(
    image_ids: Sequence[str], measure: Measure, draws: int = DRAWS, seed: int = SEED
) -> dict[str, NDArray[np.float64]]:
    """Each metric in each bootstrap draw, `[draws]`; nothing for fewer than 10 images.

    Two measures of the same samples are measured on the same draws: the difference of what this returns for them is
    what it returns for `paired` of them.
    """
    if len(set(image_ids)) < MIN_IMAGES:
        return {}
    chunks = [measure(weights) for weights in resample(image_ids, draws, seed)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _spread(values: NDArray[np.float64], value: float) -> Spread | None:
    """Interval and p-value from bootstrap values `[D]` of a metric and its `value` on the data set itself; None where
    any of them is nan. The interval is widened to hold the value; if that makes it reach 0, the p-value is 1."""
    if np.isnan(values).any() or math.isnan(value):
        return None
    quantiles = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = min(float(quantiles[0]), value), max(float(quantiles[1]), value)
    fewer = min(np.count_nonzero(values <= 0), np.count_nonzero(values >= 0))
    p = min(1.0, 2 * (1 + int(fewer)) / (1 + len(values)))
    reaches_zero = low <= 0 <= high and not quantiles[0] <= 0 <= quantiles[1]
    return Spread((low, high), 1.0 if reaches_zero else p)


def mcnemar(image_ids: Sequence[str], a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float | None:
    """Two-sided p-value of `a` and `b` being true equally often, `[S]` each, on the same samples.

    With one sample for each image this is McNemar's exact test (Psychometrika 1947): the binomial test on the samples
    where they differ. With several it is the exact test under exchange of `a` and `b` within whole images: under the
    null each image's surplus of `a` over `b` is as likely to have the other sign, and the p-value is the chance of a
    total at least as far from 0. None for fewer than 10 images: too little data to say.
    """
    if len(set(image_ids)) < MIN_IMAGES:
        return None
    n_images, image_of_sample = numbered(image_ids)
    surplus = np.zeros(n_images, dtype=np.int64)
    np.add.at(surplus, image_of_sample, a.astype(np.int64) - b.astype(np.int64))
    sizes, counts = np.unique(np.abs(surplus[surplus != 0]), return_counts=True)
    reach = int(sizes @ counts)
    chances = np.ones(1)  # of each sum of the surpluses that count for `a`
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        heads = np.zeros(size * count + 1)
        heads[::size] = _coins(count)
        chances = np.convolve(chances, heads)
    apart = np.abs(2 * np.arange(reach + 1) - reach)
    return float(min(1.0, chances[apart >= abs(int(surplus.sum()))].sum()))


def _coins(count: int) -> NDArray[np.float64]:
    """The chance of each number of heads of `count` coins, `[count + 1]`: from the middle outwards, since the binomial
    coefficients themselves overflow."""
    half = count // 2
    up = np.arange(half, count)
    upper = np.concatenate([[1.0], np.cumprod((count - up) / (up + 1))])
    ways = np.concatenate([upper[::-1][:half], upper])
    return np.asarray(ways / ways.sum())


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """p-values corrected for being looked at together (Holm, Scandinavian Journal of Statistics 1979): rejecting those
    below 0.05 is wrong about any one of them with probability 0.05 at most, however they depend on each other. None
    stays None and does not count."""
    ranked = sorted((p, name) for name, p in p_values.items() if p is not None)
    corrected: dict[str, float | None] = dict.fromkeys(p_values)
    largest = 0.0
    for place, (p, name) in enumerate(ranked):
        largest = max(largest, min(1.0, p * (len(ranked) - place)))
        corrected[name] = largest
    return corrected


def samples_to_settle(
    difference: float, interval: Interval, samples: int, tests: int = 1, power: float = 0.8
) -> int | None:
    """How many samples like these would show a difference of this size beyond chance with this probability.

    The standard error is read from the 95 % interval, falls with the square root of the number of samples, and has to
    be small enough for the strictest of `tests` p-values that are corrected together. None for a difference of 0.
    """
    error = (interval[1] - interval[0]) / (2 * _normal_quantile(0.975))
    if not difference or not error:
        return None
    reach = _normal_quantile(1 - (1 - LEVEL) / (2 * tests)) + _normal_quantile(power)
    return max(samples + 1, math.ceil(samples * (reach * error / difference) ** 2))


def _normal_quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def paired(a: Measure, b: Measure) -> Measure:
    """The measure of the differences `a - b`; both must read their samples in the same order."""

    def difference(weights: Weights) -> dict[str, NDArray[np.float64]]:
        ours, theirs = a(weights), b(weights)
        return {name: ours[name] - theirs[name] for name in ours}

    return difference


def resample(image_ids: Sequence[str], draws: int = DRAWS, seed: int = SEED) -> Iterator[NDArray[np.int32]]:
    """Draw as many images as there are, with replacement; yields weights `[S, at most 32]`, `draws` columns in all."""
    n_images, image_of_sample = numbered(image_ids)
    generator = np.random.default_rng(seed)
    # few columns at a time keep the arrays of a measure (instances x draws) in tens of megabytes
    width = int(np.clip(1_000_000 // len(image_ids), 1, 32))
    for start in range(0, draws, width):
        columns = min(width, draws - start)
        picks = generator.integers(n_images, size=(columns, n_images))
        cells = picks + np.arange(columns)[:, None] * n_images
        counts = np.bincount(cells.ravel(), minlength=columns * n_images).reshape(columns, n_images)
        yield np.ascontiguousarray(counts.T, dtype=np.int32)[image_of_sample]


def numbered(image_ids: Sequence[str]) -> tuple[int, NDArray[np.int64]]:
    """How many images there are, and for each sample the number of its image, `[S]`, by rising id."""
    number = {name: place for place, name in enumerate(sorted(set(image_ids)))}
    return len(number), np.fromiter((number[name] for name in image_ids), np.int64, len(image_ids))


def values(measure: Measure, n_samples: int) -> dict[str, float | None]:
    """The value of each metric on the data set itself, None where undefined."""
    return _defined(estimate(measure, n_samples))


def _defined(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
