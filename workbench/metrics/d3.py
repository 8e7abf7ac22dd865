"""D3 (D-cube): described object detection, by descriptions of what is there and of what is not (Xie et al., NeurIPS
2023).

shikras/d-cube, `scripts/eval_and_analysis_json.py`, on pycocotools. A class is a description; its average precision is
that of COCO. An object under a description that its image is not asked for is a missed one, as officially: the ground
truth of both settings is the same. Such objects are in `facts["unasked"]` of a sample.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.coco import average_precision, cell_of, class_curve
from workbench.metrics.coco_matching import THRESHOLDS, Cell
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Measure, Weights
from workbench.metrics.ties import is_drawn

LENGTHS = {"short": (1, 3), "mid": (4, 6), "long": (7, 9), "very_long": (10, float("inf"))}
"""Words of a description, split at single blanks, so that a double blank makes one more; both ends included."""
NUMBERS = {"1": (1, 1), "2": (2, 2), "3": (3, 3), "4": (4, 4), "over_4": (5, float("inf")), "over_1": (2, float("inf"))}
"""Annotated boxes of an image and a description, both ends included."""
KINDS = {"pres": "presence", "abs": "absence"}
UNDRAWN = ("AP_small", "AP_medium", "AP_large", "AR@1", "AR@10", "AR_small", "AR_medium", "AR_large")
"""Numbers of COCO's summary that would need a ranking each for every draw"""
_AP = "Average precision of boxes, mean over descriptions and IoU thresholds .50 to .95"


@dataclass(frozen=True, eq=False)
class Pair:
    """One image and one description: its cell, and the sample whose weight it has."""

    cell: Cell
    sample: int
    kind: str | None
    words: int
    boxes: int


@describe(
    {
        "AP": MetricInfo(f"{_AP}.", leads=True),
        "AP_pres": MetricInfo(f"{_AP}: descriptions of what is there.", leads=True),
        "AP_abs": MetricInfo(f"{_AP}: descriptions of what is not there.", leads=True),
        "AP50": MetricInfo("The same at IoU 0.5."),
        "AP75": MetricInfo("The same at IoU 0.75."),
        "AP_boxes_*": MetricInfo("AP of the pairs of image and description that have so many annotated boxes."),
        "AP_*": MetricInfo(f"{_AP}: boxes of that size, or descriptions of that length."),
        "AR@*": MetricInfo("Recall with so many boxes an image and description, mean over both."),
        "AR_*": MetricInfo("Recall of boxes of that size, mean over descriptions and IoU thresholds."),
    }
)
def d3(overlaps: Sequence[SampleOverlap]) -> Measure:
    """D3: COCO's twelve numbers of boxes; AP of presence and absence, by length and by number of boxes.

    shikras/d-cube, `scripts/eval_and_analysis_json.py`. Descriptions without an object are left out, and so are their
    false positives. The numbers by size, at 1 and 10 boxes and by number of boxes are not drawn: they have no interval.
    """
    pairs = pairs_of(overlaps)
    owners = np.array([pair.sample for pair in pairs], dtype=np.int64)
    whole = average_precision([pair.cell for pair in pairs])
    classes = Classes(pairs)
    numbers = {f"AP_boxes_{name}": Classes(pairs, chosen) for name, chosen in by_number(pairs).items()}
    groups = {f"AP_{name}": _of_kind(kind) for name, kind in KINDS.items()}
    groups |= {f"AP_{name}": _of_length(*bounds) for name, bounds in LENGTHS.items()}

    def measure(weights: Weights) -> dict[str, Any]:
        drawn = weights[owners]
        found = classes.curves(drawn)
        precision, recall = mean_of(found)
        figures = {"AP": precision.mean(axis=0), "AP50": precision[0], "AP75": precision[5]}
        figures |= {name: mean_of(found, among)[0].mean(axis=0) for name, among in groups.items()}
        figures["AR@100"] = recall.mean(axis=0)
        if is_drawn(weights):
            return figures | dict.fromkeys((*UNDRAWN, *numbers), np.full(weights.shape[1], np.nan))
        summary = whole(drawn)
        figures |= {name: summary[name] for name in UNDRAWN}
        return figures | {name: mean_of(one.curves(drawn))[0].mean(axis=0) for name, one in numbers.items()}

    return measure


def pairs_of(overlaps: Sequence[SampleOverlap]) -> list[Pair]:
    """Every sample, and every pair of image and description that was not asked but has objects."""
    pairs = []
    for i, overlap in enumerate(overlaps):
        facts = overlap.sample.facts
        boxes = overlap.n_targets + overlap.cover_crowds.shape[1]
        words = facts.get("words", len(overlap.sample.instruction.split(" ")))
        pairs.append(Pair(cell_of(overlap), i, overlap.kind, words, boxes))
        pairs += [_missed(one, i) for one in facts.get("unasked", ())]
    return pairs


def by_number(pairs: Sequence[Pair]) -> dict[str, NDArray[np.int64]]:
    """Which pairs have so many annotated boxes."""
    return {
        name: np.array([i for i, pair in enumerate(pairs) if low <= pair.boxes <= high], dtype=np.int64)
        for name, (low, high) in NUMBERS.items()
    }


class Classes:
    """The descriptions of some pairs, each with its curve."""

    def __init__(self, pairs: Sequence[Pair], chosen: NDArray[np.int64] | None = None) -> None:
        """`chosen`: which of the pairs count; None for all."""
        members: dict[object, list[int]] = {}
        for i in range(len(pairs)) if chosen is None else chosen.tolist():
            members.setdefault(pairs[i].cell.category, []).append(i)
        self._rows = [np.array(rows, dtype=np.int64) for rows in members.values()]
        self._first = [pairs[rows[0]] for rows in members.values()]
        self._curves = [class_curve([pairs[i].cell for i in rows]) for rows in members.values()]

    def curves(self, weights: Weights) -> "Curves":
        """Average precision and recall of each description; weights: `[P, D]`, how often each of all pairs counts."""
        return Curves(
            self._first,
            [curve(weights[rows]) for rows, curve in zip(self._rows, self._curves, strict=True)],
            weights.shape[1],
        )


@dataclass(frozen=True, eq=False)
class Curves:
    """Average precision and recall of descriptions, `[K, D]` each, and a pair of each description."""

    pairs: Sequence[Pair]
    found: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
    n_draws: int


def mean_of(
    curves: Curves, among: Callable[[Pair], bool] = lambda pair: True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average precision and recall, mean over those of the descriptions that have an object, `[K, D]` each; nan where
    none has one."""
    chosen = [one for pair, one in zip(curves.pairs, curves.found, strict=True) if among(pair)]
    sides = [np.array([one[side] for one in chosen]).reshape(-1, len(THRESHOLDS), curves.n_draws) for side in (0, 1)]
    some = (~np.isnan(sides[0])).sum(axis=0)
    precision, recall = (
        np.divide(np.nansum(one, axis=0), some, out=np.full(some.shape, np.nan), where=some > 0) for one in sides
    )
    return precision, recall


def _missed(one: Mapping[str, Any], sample: int) -> Pair:
    areas, crowds = one["areas"], one["crowds"]
    cell = Cell(
        category=one["category"],
        scores=np.zeros(0),
        areas=np.zeros(0),
        iou=np.zeros((0, len(areas) + crowds)),
        target_areas=np.array([*areas, *[0.0] * crowds], dtype=np.float64),
        crowd=np.arange(len(areas) + crowds) >= len(areas),
        image=one["image"],
    )
    return Pair(cell, sample, one["kind"], one["words"], len(areas) + crowds)


def _of_kind(kind: str) -> Callable[[Pair], bool]:
    return lambda pair: pair.kind == kind


def _of_length(low: float, high: float) -> Callable[[Pair], bool]:
    return lambda pair: low <= pair.words <= high
