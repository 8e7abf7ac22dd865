"""Prepares masks for the language model: suppresses overlapping ones, sorts them by score, and drops empty ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from workbench.data.masks import Rle, area


@dataclass(frozen=True)
class Kept:
    """Indices into the given masks: `shown` by falling score, and the dropped ones by reason."""

    shown: list[int]
    suppressed: list[int]
    empty: list[int]


def postprocess(masks: Sequence[Rle], scores: Sequence[float], limit: float = 0.3) -> Kept:
    """Walk the masks by falling score and suppress one that covers, or is covered by, a kept one for more than `limit`
    of the smaller area; then sort by score, ties in the order given (facebookresearch/sam3 `client_sam3.py`)."""
    areas = np.array([area(mask) for mask in masks])
    order = sorted(range(len(masks)), key=lambda i: -scores[i])
    overlap = intersection_over_smaller(masks, areas)
    shown: list[int] = []
    suppressed: list[int] = []
    for i in order:
        if areas[i] == 0:
            continue
        (suppressed if any(overlap[i, k] > limit for k in shown) else shown).append(i)
    return Kept(shown, suppressed, [i for i in range(len(masks)) if areas[i] == 0])


def intersection_over_smaller(masks: Sequence[Rle], areas: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pairwise intersection over the smaller area, `[N, N]`; 0 with an empty mask."""
    if not len(masks):
        return np.zeros((0, 0))
    # against a crowd region pycocotools divides by the first mask's own area, so both orders are the two quotients
    own = np.asarray(coco.iou(list(masks), list(masks), [1] * len(masks)), dtype=np.float64)
    own[(areas == 0)[:, None] | (areas == 0)[None, :]] = 0
    return np.maximum(own, own.T)
