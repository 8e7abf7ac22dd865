"""Average precision over all instructions at once, as InstructSAM's Inst2Seg-Bench evaluation defines it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap, match
from workbench.metrics.ties import is_drawn, orders_of_draws, tie_groups


@dataclass(frozen=True, eq=False)
class Ranking:
    """All P predicted instances of S samples by falling score (dataset order on equal scores), judged at K thresholds.

    Whether an instance is a true positive depends on its own sample alone, so that resampled data sets need new
    weights but no new matching.
    """

    sample: NDArray[np.int64]
    """`[P]` index of the sample"""
    true_positive: NDArray[np.bool_]
    """`[P, K]`"""
    targets: NDArray[np.int64]
    """`[S]` targets of each sample"""
    ties: NDArray[np.int64] | None = None
    """`[P]` the same number for equal scores; None where no two are equal; see `workbench.metrics.ties`"""


def rank(overlaps: Sequence[SampleOverlap], thresholds: NDArray[np.float64] = IOU_THRESHOLDS) -> Ranking:
    """Match every sample on its own and rank all instances together.

    A second instance on one target and every instance of a no-target sample is a false positive. An instance with an
    empty mask is a prediction like any other.
    """
    targets = np.array([overlap.n_targets for overlap in overlaps], dtype=np.int64)
    if not overlaps:
        return Ranking(np.zeros(0, np.int64), np.zeros((0, len(thresholds)), bool), targets)
    sample = np.repeat(np.arange(len(overlaps)), [overlap.n_instances for overlap in overlaps])
    scores = np.concatenate([overlap.scores for overlap in overlaps])
    usual = thresholds is IOU_THRESHOLDS
    hits = np.concatenate([o.matches if usual else match(o.scores, o.iou, thresholds) for o in overlaps]) >= 0
    order = np.argsort(-scores, kind="stable")
    return Ranking(sample[order], hits[order], targets, tie_groups(scores[order], hits[order]))


def average_precision(ranking: Ranking, weights: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
    """Area under the interpolated precision-recall curve (all points, as in VOC 2010) at each threshold, `[K, D]`.

    weights: `[S, D]`, how often each sample is in each of D data sets; by default one data set, each sample once.
    No prediction gives 0. Without any target it is undefined: nan (the official evaluation prints 0 there).
    """
    if weights is None:
        weights = np.ones((len(ranking.targets), 1), dtype=np.int64)
    if ranking.ties is not None and is_drawn(weights):
        return _of_draws(ranking, ranking.ties, weights)
    drawn = np.take(weights, ranking.sample, axis=0)
    predicted = np.cumsum(drawn, axis=0, dtype=np.int32)
    total = ranking.targets @ weights
    area = np.zeros((ranking.true_positive.shape[1], weights.shape[1]))
    for level, column in enumerate(ranking.true_positive.T):
        # recall rises, and the interpolated precision is reached, at true positives only
        hits = np.flatnonzero(column)
        gain = np.take(drawn, hits, axis=0)
        precision = np.cumsum(gain, axis=0, dtype=np.int32) / np.maximum(np.take(predicted, hits, axis=0), 1)
        interpolated = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        area[level] = np.einsum("pd,pd->d", gain, interpolated)
    return np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0)


def _of_draws(ranking: Ranking, ties: NDArray[np.int64], weights: NDArray[np.integer]) -> NDArray[np.float64]:
    """The average precision of draws, `[K, D]`, equal scores of each in an order of its own."""
    rows = orders_of_draws(ties, ranking.sample, weights)
    total = ranking.targets @ weights
    ranks = np.arange(1, len(rows) + 1)[:, None]
    area = np.zeros((ranking.true_positive.shape[1], weights.shape[1]))
    for level, column in enumerate(ranking.true_positive.T):
        hits = np.append(column, False)[rows]  # row -1, past the end of a draw, is no hit
        precision = np.where(hits, np.cumsum(hits, axis=0, dtype=np.int32) / ranks, 0.0)
        interpolated = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        area[level] = np.einsum("pd,pd->d", hits, interpolated)
    return np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0)
