"""gIoU and cIoU of pooled masks: the union of all predicted instances against the union of all targets.

Definitions from GRES (Liu et al., CVPR 2023): gIoU is the mean of the per-sample IoU, cIoU the sum of all intersections
over the sum of all unions. What two empty masks score differs between evaluations: 1 on Inst2Seg-Bench and gRefCOCO,
0 in InstructSAM's evaluations of ReasonSeg and RoboRefIt. They add nothing to cIoU in either. A mask predicted for a
no-target sample scores 0 and adds its area to the union of cIoU.
"""

import numpy as np
from numpy.typing import NDArray


def sample_iou(
    intersection: NDArray[np.integer], union: NDArray[np.integer], both_empty: float = 1.0
) -> NDArray[np.float64]:
    """IoU of each sample, `[S]`; `both_empty` where the union is empty."""
    iou = np.full(len(union), both_empty)
    np.divide(intersection, union, out=iou, where=union > 0)
    return iou


def giou(iou: NDArray[np.float64], weights: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
    """Mean of the sample IoUs, `[D]`; weights: `[S, D]`, how often each sample counts. No samples give nan."""
    return weighted_mean(iou, np.ones(len(iou), dtype=np.int64), weights)


def ciou(
    intersection: NDArray[np.integer], union: NDArray[np.integer], weights: NDArray[np.integer] | None = None
) -> NDArray[np.float64]:
    """Sum of intersections over sum of unions, `[D]`; weights as in `giou`.

    Where all unions are empty it is undefined: nan (the official evaluation prints 0 for an empty data set).
    """
    return weighted_mean(intersection, union, weights)


def weighted_mean(
    numerator: NDArray[np.number | np.bool_],
    denominator: NDArray[np.number | np.bool_],
    weights: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Ratio of two sums over samples, `[D]`; `[S]` each, weights `[S, D]`. nan where the denominator sums to 0."""
    if weights is None:
        weights = np.ones((len(numerator), 1), dtype=np.int64)
    above = numerator.astype(np.float64) @ weights
    below = denominator.astype(np.float64) @ weights
    ratio = np.full(len(below), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
