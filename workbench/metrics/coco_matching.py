"""COCO's greedy matching of detections with targets (pycocotools, `COCOeval.evaluateImg`), in all cells at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
AT_ONCE = 2**19
"""Pairs of a detection and a target that are looked at together"""


@dataclass(frozen=True, eq=False)
class Cell:
    """One class in one image: N detections, T targets, of which some are crowds."""

    category: object
    scores: NDArray[np.float64]
    """`[N]`"""
    areas: NDArray[np.float64]
    """`[N]` square pixels"""
    iou: NDArray[np.float64]
    """`[N, T]`; intersection over the area of the detection in the columns of crowds"""
    target_areas: NDArray[np.float64]
    """`[T]` square pixels"""
    crowd: NDArray[np.bool_]
    """`[T]`"""
    image: int = 0
    """Id of the image: of equal scores, that in the image of the lower id ranks first"""
    unmatchable: tuple[int, ...] = ()
    """Targets that can be taken but not found: pycocotools reads an annotation of id 0 as no match"""


@dataclass(frozen=True, eq=False)
class Judged:
    """What the P detections of all cells are worth for one range of areas."""

    matched: NDArray[np.bool_]
    """`[P, K]`"""
    ignored: NDArray[np.bool_]
    """`[P, K]`"""
    targets: NDArray[np.int64]
    """`[cells]` that count"""


class Detections:
    """The best-scored detections of S cells, at most `most` of each: P, cell after cell, by falling score in each.

    `cell`, `rank` (in its cell), `scores`: `[P]`.
    """

    def __init__(self, cells: Sequence[Cell], most: int) -> None:
        counts = np.array([len(one.scores) for one in cells], dtype=np.int64)
        widths = np.array([len(one.target_areas) for one in cells], dtype=np.int64)
        first, first_target = np.cumsum(counts) - counts, np.cumsum(widths) - widths
        scores = _joined([one.scores for one in cells])
        cell = np.repeat(np.arange(len(cells)), counts)
        order = np.lexsort((-scores, cell))
        rank = np.arange(len(cell)) - first[cell]
        kept = rank < most
        order = order[kept]
        self.cell, self.rank, self.scores = cell[kept], rank[kept], scores[order]
        self._areas = _joined([one.areas for one in cells])[order]
        self._n_cells = len(cells)
        self._target_cell = np.repeat(np.arange(len(cells)), widths)
        self._target_areas = _joined([one.target_areas for one in cells])
        self._crowd = _joined([one.crowd for one in cells]).astype(bool)
        self._lost = np.zeros(len(self._crowd) + 1, dtype=bool)
        for i, one in enumerate(cells):
            if one.unmatchable:
                self._lost[first_target[i] + np.array(one.unmatchable)] = True

        iou = _joined([one.iou.ravel() for one in cells])
        near = np.flatnonzero(iou >= THRESHOLDS[0] - 1e-9)
        sizes = counts * widths
        owner = np.searchsorted(np.cumsum(sizes), near, side="right")
        place = near - (np.cumsum(sizes) - sizes)[owner]
        row_of = np.full(len(cell), -1, dtype=np.int64)
        row_of[order] = np.arange(len(order))
        row = row_of[first[owner] + place // np.maximum(widths[owner], 1)]
        target = first_target[owner] + place % np.maximum(widths[owner], 1)
        near, row, target = (one[row >= 0] for one in (near, row, target))
        self._pairs = list(self._blocks(row, target, iou[near]))

    def judge(self, areas: Mapping[str, tuple[float, float]]) -> dict[str, Judged]:
        """Match the detections with targets of areas in each range, in square pixels, ends included."""
        found_of: dict[bytes, NDArray[np.int64]] = {}
        judged = {}
        for name, (low, high) in areas.items():
            ignored_target = self._crowd | (self._target_areas < low) | (self._target_areas > high)
            if (key := ignored_target.tobytes()) not in found_of:
                found_of[key] = self._match(ignored_target)
            found = found_of[key]
            taken = found >= 0
            matched = taken & ~self._lost[found]
            ignored = taken & np.append(ignored_target, False)[found]
            outside = (self._areas < low) | (self._areas > high)
            ignored |= ~matched & outside[:, None]
            targets = np.bincount(self._target_cell[~ignored_target], minlength=self._n_cells)
            judged[name] = Judged(matched, ignored, targets)
        return judged

    def _blocks(
        self, row: NDArray[np.int64], target: NDArray[np.int64], iou: NDArray[np.float64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        """Detections that have targets near them, at most one of each cell, better-scored ones of a cell first: their
        rows `[D]`, those targets `[D, M]` in the order of the cell, and the IoU with each, -1 where there are fewer."""
        order = np.lexsort((target, row))
        row, target, iou = row[order], target[order], iou[order]
        rows, begins, counts = np.unique(row, return_index=True, return_counts=True)
        by_rank = np.lexsort((counts, self.rank[rows]))
        start = 0
        while start < len(by_rank):
            same = self.rank[rows[by_rank[start:]]]
            stop = start + int(np.searchsorted(same, same[0], side="right"))
            stop = min(stop, start + max(1, AT_ONCE // int(counts[by_rank[start:stop]].max())))
            these = by_rank[start:stop]
            most = int(counts[these].max())
            filled = np.arange(most) < counts[these][:, None]
            places = np.where(filled, begins[these][:, None] + np.arange(most), 0)
            yield rows[these], np.where(filled, target[places], len(self._crowd)), np.where(filled, iou[places], -1.0)
            start = stop

    def _match(self, ignored_target: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The target of each detection or -1, `[P, K]`.

        Each detection takes the free target it overlaps most, the last of equals, at an IoU of the threshold or more;
        one that is ignored (a crowd, or outside the range) only where no other will do.
        """
        thresholds = np.minimum(THRESHOLDS, 1 - 1e-10)
        found = np.full((len(self.cell), len(thresholds)), -1, dtype=np.int64)
        taken = np.zeros((len(self._crowd) + 1, len(thresholds)), dtype=bool)
        ignored, crowd = np.append(ignored_target, False), np.append(self._crowd, False)
        for rows, targets, iou in self._pairs:
            free = ~taken[targets] | crowd[targets][..., None]
            fits = free & (iou[..., None] >= thresholds)
            wanted = fits & ~ignored[targets][..., None]
            fits = np.where(wanted.any(axis=1, keepdims=True), wanted, fits)
            last = np.where(fits, iou[..., None], -1.0)[:, ::-1].argmax(axis=1)
            chosen = np.take_along_axis(targets, targets.shape[1] - 1 - last, axis=1)
            found[rows] = chosen = np.where(fits.any(axis=1), chosen, -1)
            detection, threshold = np.nonzero(chosen >= 0)
            taken[chosen[detection, threshold], threshold] = True
        return found


def _joined(parts: Sequence[NDArray[np.float64]] | Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.zeros(0)
