"""COCO's average precision and recall (pycocotools, `cocoeval.py`), computed from IoU matrices that are known already.

A cell is one class in one image: its detections, its targets, and the regions whose objects are not told apart
(crowds), which absorb any number of detections without counting. `coco/ap` is the protocol (see
`workbench.scoring.system`); `workbench.metrics.coco_files` has the same numbers of COCO's own JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.coco_matching import THRESHOLDS, Cell, Detections, Judged
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import Measure, Weights
from workbench.metrics.ties import is_drawn, order_of_draw, tie_groups

RECALLS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e5**2),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e5**2),
}
"""Square pixels, both ends included."""
MAX_DETECTIONS = (1, 10, 100)


_AP = "Average precision over 101 recall points, mean over the classes and IoU thresholds .50 to .95"
_AR = "Recall, mean over the classes and IoU thresholds .50 to .95"


@describe(
    {
        "AP": MetricInfo(f"{_AP}.", leads=True),
        "AP50": MetricInfo("The same at IoU 0.5."),
        "AP75": MetricInfo("The same at IoU 0.75."),
        "AP_*": MetricInfo(f"{_AP}, of instances of that size: below 32 x 32 pixels, up to 96 x 96, larger."),
        "AR@*": MetricInfo(f"{_AR}, with so many instances an image.", leads=False),
        "AR_*": MetricInfo(f"{_AR}, of instances of that size."),
    }
)
def coco_ap(overlaps: Sequence[SampleOverlap]) -> Measure:
    """COCO's AP, AP50, AP75, AR@1, AR@10, AR@100, and AP and AR of small, medium and large instances.

    pycocotools, `cocoeval.py`: a sample is one class in one image, recall is read at 101 points, at most 100 instances
    of a sample count, areas are in square pixels. Of equal scores that in the image of the lower id ranks first, which
    samples have in `facts["image"]`; without ids that of the earlier sample. Averages over classes are over
    `facts["category"]` of the samples, which are all of one class where they have none.
    """
    return average_precision([cell_of(overlap) for overlap in overlaps])


def cell_of(overlap: SampleOverlap) -> Cell:
    """A sample as a cell."""
    return Cell(
        category=overlap.category,
        scores=overlap.scores,
        areas=overlap.areas,
        iou=np.concatenate([overlap.iou, overlap.cover_crowds], axis=1),
        target_areas=np.concatenate([overlap.target_areas, np.zeros(overlap.cover_crowds.shape[1])]),
        crowd=np.arange(overlap.n_targets + overlap.cover_crowds.shape[1]) >= overlap.n_targets,
        image=overlap.sample.facts.get("image", 0),
        unmatchable=tuple(overlap.sample.facts.get("unmatchable", ())),
    )


def class_curve(
    cells: Sequence[Cell], most: int = MAX_DETECTIONS[-1]
) -> Callable[[Weights], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Average precision and recall at each IoU threshold, `[K, D]` each, with all cells ranked as one class.

    nan without a target. What is returned takes weights `[S, D]`: how often each cell counts.
    """
    if not cells:
        return lambda weights: (np.full((len(THRESHOLDS), weights.shape[1]), np.nan),) * 2
    order = np.array(sorted(range(len(cells)), key=lambda i: cells[i].image))
    detections = Detections(cells, most)
    (ranking,) = _rankings(detections, detections.judge({"all": AREAS["all"]})["all"], [order], most)
    return lambda weights: _precision_and_recall(ranking, weights[order])


def average_precision(
    cells: Sequence[Cell],
    areas: Mapping[str, tuple[float, float]] = AREAS,
    max_detections: Sequence[int] = MAX_DETECTIONS,
) -> Measure:
    """The measure of COCO's summary; its weights `[S, D]` say how often each cell counts.

    `areas` names ranges of square pixels, the first of them for all. A metric without a target in its range is nan
    (pycocotools prints -1). Of equal scores the detection in the image of the lower id ranks first, as pycocotools
    sorts images, and of one id that of the earlier cell.
    """
    categories = sorted({cell.category for cell in cells}, key=str)
    order = sorted(range(len(cells)), key=lambda i: cells[i].image)  # stable: the order given within an image
    members = {c: np.array([i for i in order if cells[i].category == c]) for c in categories}
    first, last = next(iter(areas)), max_detections[-1]
    detections = Detections(cells, last)
    judged = detections.judge(areas)
    rankings = {
        (name, most): _rankings(detections, judged[name], list(members.values()), most)
        for name in areas
        for most in (max_detections if name == first else (last,))
    }

    def measure(weights: Weights) -> dict[str, Any]:
        drawn = [weights[members[c]] for c in categories]
        curves = {
            key: [_precision_and_recall(ranking, w) for ranking, w in zip(ranked, drawn, strict=True)]
            for key, ranked in rankings.items()
        }
        n_draws = weights.shape[1]
        precision = {name: _average([p for p, _ in curves[name, last]], n_draws) for name in areas}
        recall = {key: _average([r for _, r in recalls], n_draws) for key, recalls in curves.items()}
        at = precision[first]
        ranges = list(areas)[1:]
        return {
            "AP": _defined_mean(at),
            "AP50": at[0],
            "AP75": at[5],
            **{f"AP_{name}": _defined_mean(precision[name]) for name in ranges},
            **{f"AR@{most}": _defined_mean(recall[first, most]) for most in max_detections},
            **{f"AR_{name}": _defined_mean(recall[name, last]) for name in ranges},
        }

    return measure


@dataclass(frozen=True, eq=False)
class _Ranking:
    """All P detections of one class by falling score."""

    cell: NDArray[np.int64]
    """`[P]` which of the class's cells"""
    matched: NDArray[np.bool_]
    """`[P, K]`"""
    counted: NDArray[np.bool_]
    """`[P, K]` not ignored"""
    targets: NDArray[np.int64]
    """`[cells]`"""
    ties: NDArray[np.int64] | None = None
    """`[P]` the same number for equal scores; None where no two are equal"""


def _rankings(
    detections: Detections, judged: Judged, members: Sequence[NDArray[np.int64]], most: int
) -> list[_Ranking]:
    """One ranking for each class, whose cells `members` has in the order that decides between equal scores."""
    place = np.zeros(len(judged.targets), dtype=np.int64)
    owner = np.zeros(len(judged.targets), dtype=np.int64)
    for number, cells in enumerate(members):
        place[cells], owner[cells] = np.arange(len(cells)), number
    rows = np.flatnonzero(detections.rank < most)
    cell = detections.cell[rows]
    order = np.lexsort((place[cell], -detections.scores[rows], owner[cell]))
    rows, cell = rows[order], cell[order]
    ends = np.searchsorted(owner[cell], np.arange(len(members)), side="right")
    rankings = []
    for cells, start, end in zip(members, [0, *ends][: len(members)], ends, strict=True):
        own = rows[start:end]
        matched, counted = judged.matched[own], ~judged.ignored[own]
        rankings.append(
            _Ranking(
                cell=place[cell[start:end]],
                matched=matched,
                counted=counted,
                targets=judged.targets[cells],
                ties=tie_groups(detections.scores[own], np.stack([matched, counted], axis=1)),
            )
        )
    return rankings


def _precision_and_recall(ranking: _Ranking, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean precision over the recall points, and the largest recall, `[K, D]` each; nan without targets."""
    total = ranking.targets @ weights
    shape = (len(THRESHOLDS), weights.shape[1])
    precision, recall = np.full(shape, np.nan), np.full(shape, np.nan)
    right, wrong = ranking.matched & ranking.counted, ~ranking.matched & ranking.counted
    if ranking.ties is not None and is_drawn(weights):
        for d in np.flatnonzero(total > 0):
            rows = order_of_draw(ranking.ties, ranking.cell, weights[:, d])
            hits, misses = (np.cumsum(one[rows], axis=0, dtype=np.float64) for one in (right, wrong))
            precision[:, d], recall[:, d] = _area_and_end(hits, misses, total[d])
        return precision, recall
    some = np.flatnonzero(total > 0)
    drawn = np.take(weights[:, some], ranking.cell, axis=0)
    for k in range(len(THRESHOLDS) if len(some) else 0):
        # recall rises, and the best precision to the right is reached, at hits only
        rows = np.flatnonzero(right[:, k])
        hits = np.cumsum(drawn[rows], axis=0, dtype=np.float64)
        misses = np.cumsum(drawn * wrong[:, k, None], axis=0, dtype=np.float64)[rows]
        precision[k, some], recall[k, some] = _area_and_end(hits, misses, total[some])
    return precision, recall


def _area_and_end(
    hits: NDArray[np.float64], misses: NDArray[np.float64], total: NDArray[np.integer] | np.integer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean precision over the recall points and the last recall of C curves, `[C]` each.

    hits, misses: `[R, C]` of the best-ranked so far, at the places where `hits` rises at least.
    """
    if not len(hits):
        return np.zeros(hits.shape[1]), np.zeros(hits.shape[1])
    reached = hits / total
    envelope = np.maximum.accumulate((hits / (hits + misses + np.spacing(1)))[::-1], axis=0)[::-1]
    upto = np.searchsorted(RECALLS, reached, side="right")
    points = upto.copy()  # how many of the recall points each place is the first to reach
    points[1:] -= upto[:-1]
    return (envelope * points).sum(axis=0) / len(RECALLS), reached[-1]


def _average(curves: Sequence[NDArray[np.float64]], n_draws: int) -> NDArray[np.float64]:
    """Mean over classes, without those that are nan, `[K, D]`."""
    stacked = np.array(curves).reshape(len(curves), len(THRESHOLDS), n_draws)
    some = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    average = np.full(total.shape, np.nan)
    np.divide(total, some, out=average, where=some > 0)
    return average


def _defined_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over thresholds, `[D]`; targets do not depend on the threshold, so that all or none are nan."""
    return np.asarray(values.mean(axis=0))
