"""Average precision over all instructions at once, as InstructSAM's Inst2Seg-Bench evaluation defines it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap, match
from workbench.metrics.ties import is_drawn, tie_groups

IN_CACHE = 120_000
"""Instances of all data sets that are ranked at once: with more, arrays leave the cache."""


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
    No prediction gives 0. Without any target it is undefined: nan (the official evaluation prints 0 there). Equal
    scores rank in the order of the data set; in draws, which have none, they are mixed evenly.
    """
    if weights is None:
        weights = np.ones((len(ranking.targets), 1), dtype=np.int64)
    if ranking.ties is not None and is_drawn(weights):
        return _mixed(ranking, ranking.ties, weights)
    levels = [np.flatnonzero(column) for column in ranking.true_positive.T]
    area = np.zeros((len(levels), weights.shape[1]))
    rows = np.ascontiguousarray(weights.T)
    at_once = max(1, IN_CACHE // max(len(ranking.sample), 1))
    for start in range(0, len(rows), at_once):
        drawn = np.take(rows[start : start + at_once], ranking.sample, axis=1)
        predicted = np.maximum(np.cumsum(drawn, axis=1, dtype=np.int32), 1)
        for level, hits in enumerate(levels):
            # recall rises, and the interpolated precision is reached, at true positives only
            gain = np.take(drawn, hits, axis=1)
            precision = np.cumsum(gain, axis=1, dtype=np.int32) / np.take(predicted, hits, axis=1)
            interpolated = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            area[level, start : start + at_once] = np.einsum("dp,dp->d", gain, interpolated)
    total = ranking.targets @ weights
    return np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0)


def _mixed(ranking: Ranking, ties: NDArray[np.int64], weights: NDArray[np.integer]) -> NDArray[np.float64]:
    """The same with hits and misses of equal scores mixed evenly, as the copies of many draws are.

    The share x from 0 to 1 of a group of equal scores, of which `gain` of `size` are hits, after `before` predictions
    with `found` hits, ends at a precision of (found + gain x) / (before + size x). Where that rises with x, the best
    precision to the right is that at the end of the group, or a later one; where it falls, see `_falling`.
    """
    starts = np.flatnonzero(np.diff(ties, prepend=-1))
    drawn = np.take(weights, ranking.sample, axis=0)
    size = np.add.reduceat(drawn, starts, axis=0, dtype=np.float64)
    end = np.cumsum(size, axis=0)
    total = ranking.targets @ weights
    area = np.zeros((ranking.true_positive.shape[1], weights.shape[1]))
    for level, column in enumerate(ranking.true_positive.T):
        gain = np.add.reduceat(drawn * column[:, None], starts, axis=0, dtype=np.float64)
        hits = np.cumsum(gain, axis=0)
        interpolated = np.maximum.accumulate((hits / np.maximum(end, 1))[::-1], axis=0)[::-1]
        later = np.vstack([interpolated[1:], np.zeros_like(interpolated[:1])])
        before, found = end - size, hits - gain
        falls = (gain > 0) & (gain * before < found * size)
        interpolated[falls] = _falling(*(array[falls] for array in (before, found, size, gain, later)))
        area[level] = np.einsum("gd,gd->d", gain, interpolated)
    return np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0)


def _falling(
    before: NDArray[np.float64],
    found: NDArray[np.float64],
    size: NDArray[np.float64],
    gain: NDArray[np.float64],
    later: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The mean over x of the larger of the falling precision of a group and the best `later` one, `[F]` each."""
    slope = later * size - gain
    share = np.clip(np.divide(found - later * before, slope, out=np.ones_like(slope), where=slope > 0), 0, 1)
    above = gain / size * share + (found - gain * before / size) / size * np.log1p(size * share / before)
    mean: NDArray[np.float64] = above + (1 - share) * later
    return mean
