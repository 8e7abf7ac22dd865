"""How sure a number is: percentile bootstrap over images.

All instructions of one image stay together, because they share its difficulty: resampling them one by one would give
intervals that are too narrow. Two systems are compared on the same draws (paired), which removes what they share.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.integer]
"""`[S, D]`: how often each of S samples is in each of D data sets."""
Measure = Callable[[Weights], Mapping[str, NDArray[np.float64]]]
"""Metric values by name, each `[D]`, of the data sets that the weights describe; nan where undefined."""
Interval = tuple[float, float]

DRAWS = 2000
SEED = 0
LEVEL = 0.95
MIN_IMAGES = 10


def estimate(measure: Measure, n_samples: int) -> dict[str, float]:
    """The value of each metric on the data set itself, nan where undefined."""
    return {name: float(value[0]) for name, value in measure(np.ones((n_samples, 1), dtype=np.int32)).items()}


def intervals(
    image_ids: Sequence[str], measure: Measure, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Interval | None]:
    """The 95 % percentile interval of each metric of a measure.

    image_ids: the image of each sample, `[S]`. Fewer than 10 images give no interval (None), and so does a metric that
    some draw leaves undefined, as it then rests on about as few images (N_acc with a handful of no-target images).
    For the difference of two systems, pass `paired` of their measures.
    """
    if len(set(image_ids)) < MIN_IMAGES:
        return dict.fromkeys(estimate(measure, len(image_ids)))
    chunks = [measure(weights) for weights in resample(image_ids, draws, seed)]
    return {name: interval(np.concatenate([chunk[name] for chunk in chunks])) for name in chunks[0]}


def paired(a: Measure, b: Measure) -> Measure:
    """The measure of the differences `a - b`; both must read their samples in the same order."""

    def difference(weights: Weights) -> dict[str, NDArray[np.float64]]:
        ours, theirs = a(weights), b(weights)
        return {name: ours[name] - theirs[name] for name in ours}

    return difference


def interval(values: NDArray[np.float64]) -> Interval | None:
    """The central 95 % of bootstrap values `[D]`; None where any is nan."""
    if np.isnan(values).any():
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def resample(image_ids: Sequence[str], draws: int = DRAWS, seed: int = SEED) -> Iterator[NDArray[np.int32]]:
    """Draw as many images as there are, with replacement; yields weights `[S, at most 32]`, `draws` columns in all."""
    images, image_of_sample = np.unique(np.asarray(image_ids), return_inverse=True)
    generator = np.random.default_rng(seed)
    # few columns at a time keep the arrays of a measure (instances x draws) in tens of megabytes
    width = int(np.clip(2_000_000 // len(image_ids), 1, 32))
    for start in range(0, draws, width):
        columns = min(width, draws - start)
        picks = generator.integers(len(images), size=(columns, len(images)))
        cells = picks + np.arange(columns)[:, None] * len(images)
        counts = np.bincount(cells.ravel(), minlength=columns * len(images)).reshape(columns, len(images))
        yield np.ascontiguousarray(counts.T[image_of_sample], dtype=np.int32)
