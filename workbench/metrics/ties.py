"""The order of predictions with equal scores in a bootstrap draw.

Official evaluations rank equal scores in the order of the data set. A draw holds an image several times, or not at
all, and has no such order: its copies stand anywhere among the others. If all copies of an image stood together, a
tied block would begin with a run of hits, and average precision, which keeps the best precision to the right, would
come out too high. `workbench.metrics.ap` mixes hits and misses of equal scores evenly, which needs no order. COCO's and
TIDE's AP give each copy of a sample a place of its own, drawn from the draw itself: two systems with equal answers are
ranked equally.
"""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def tie_groups(scores: NDArray[np.float64], judged: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """A number for each of P predictions by falling score, `[P]`: the same for equal scores.

    judged: `[P, ...]`, what each prediction counts as. None where no order can matter: no two scores are equal, or all
    predictions of one score count alike.
    """
    if len(scores) < 2:
        return None
    new = np.diff(scores) != 0
    differ = (judged[1:] != judged[:-1]).reshape(len(new), -1).any(axis=1)
    return np.concatenate([[0], np.cumsum(new)]) if (differ & ~new).any() else None


def is_drawn(weights: NDArray[np.integer]) -> bool:
    """Whether any column of `[S, D]` is a bootstrap draw rather than the data set itself with each sample once."""
    return bool((weights != 1).any())


def order_of_draw(
    groups: NDArray[np.int64], owners: NDArray[np.int64], weights: NDArray[np.integer]
) -> NDArray[np.int64]:
    """The predictions of one draw in the order of their rank, each as often as its sample was drawn.

    groups, owners: `[P]`, of each prediction its tie group and its sample. weights: `[S]`, how often each sample was
    drawn. Within a group the copies of samples come in random order, the predictions of a copy as they stand.
    """
    if not is_drawn(weights):
        return np.arange(len(groups))
    counts = weights[owners]
    rows = np.repeat(np.arange(len(groups)), counts)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.random.default_rng(crc32(np.ascontiguousarray(weights, dtype=np.int32).tobytes())).random(weights.sum())
    owner = owners[rows]
    place = places[(np.cumsum(weights) - weights)[owner] + copy]
    # places are below 1: the sum orders by group first; the rows of a copy have equal sums, and stay in order
    return rows[np.argsort(groups[rows] + place, kind="stable")]
