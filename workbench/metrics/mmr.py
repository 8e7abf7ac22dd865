"""MMR: questions with several objects and parts as answers (Jang et al., ICLR 2025)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.data.predictions import OK
from workbench.metrics.inst2seg import AP_METRICS, POOLED_METRICS, PRESENCE_METRICS, inst2seg
from workbench.metrics.overlaps import SampleOverlap, pooled_areas
from workbench.metrics.pooled import weighted_mean
from workbench.metrics.statistics import Measure, Weights


@describe(
    {
        "gIoU": MetricInfo(
            "Mean over targets of the IoU of the i-th target of an image and the i-th mask predicted for it, question "
            "after question; a target without a partner gives 0, images without any mask are left out.",
            leads=True,
        ),
        "cIoU": MetricInfo("Sum of intersections over sum of unions of these pairs.", leads=True),
    }
)
def mmr_official(overlaps: Sequence[SampleOverlap]) -> Measure:
    """MMR as its authors score it: gIoU and cIoU of targets and masks paired in order; free answers lose by that.

    jdg900/MMR, `validate` in `train_ds.py`. All targets of an image are strung together, question after question, and
    so are all predicted masks; surplus masks at the end are dropped, missing ones count 0 in gIoU alone, and an image
    without any mask is left out. Officially the system is given the reference answer, and with it the number of masks
    and their order; for a system that answers freely see `mmr/instances`. Questions without an answer are not scored.
    """
    images = _by_image(overlaps)
    first = np.array([members[0] for members in images], dtype=np.int64)
    sums = np.array([_strung([overlaps[i] for i in members]) for members in images], dtype=np.float64).reshape(-1, 4)
    iou, targets, intersection, union = sums.T

    def measure(weights: Weights) -> dict[str, Any]:
        drawn = weights[first]
        giou = _ratio(iou @ drawn, targets @ drawn, 1e-5)
        return {"gIoU": giou, "cIoU": _ratio(intersection @ drawn, union @ drawn, 1e-10)}

    return measure


@describe(
    {
        "gIoU_matched": MetricInfo(
            "Mean IoU of targets and instances, paired within each question so that the sum of IoUs is largest; "
            "what is left over, a missed target or a surplus instance, gives 0.",
            leads=True,
        ),
        "cIoU_matched": MetricInfo(
            "Sum of intersections over sum of unions of these pairs; what has no partner adds its pixels to the union."
        ),
        **AP_METRICS,
        **POOLED_METRICS,
        **PRESENCE_METRICS,
    }
)
def mmr_instances(overlaps: Sequence[SampleOverlap]) -> Measure:
    """MMR for free answers: each question's targets matched to its instances, as AP, and as gIoU and cIoU of pairs.

    Ours. gIoU_matched and cIoU_matched keep the official unit, one target, but pair by the best one-to-one assignment
    (as `sam3/eval/cgf1_eval.py` does) in place of the order, drop nothing, and count surplus masks. The others are
    those of Inst2Seg-Bench, which asks for the same: no, one or several instances.
    """
    pairs = np.array([_matched(overlap) for overlap in overlaps], dtype=np.float64).reshape(-1, 4)
    iou, count, intersection, union = pairs.T
    others = inst2seg(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        return {
            "gIoU_matched": weighted_mean(iou, count, weights),
            "cIoU_matched": weighted_mean(intersection, union, weights),
            **others(weights),
        }

    return measure


def _by_image(overlaps: Sequence[SampleOverlap]) -> list[list[int]]:
    """The samples of each image of the file that have a target, in their order."""
    images: dict[object, list[int]] = {}
    for i, overlap in enumerate(overlaps):
        if overlap.n_targets:
            images.setdefault(overlap.sample.facts.get("entry", overlap.image_id), []).append(i)
    return list(images.values())


def _strung(questions: Sequence[SampleOverlap]) -> tuple[float, int, int, int]:
    """Of one image: sum of IoUs, number of targets, sums of intersections and of unions; nothing without a mask."""
    targets = [mask for one in questions for mask in one.sample.targets]
    found = [instance.mask for one in questions if one.outcome == OK for instance in one.prediction.instances]
    if not found:
        return 0.0, 0, 0, 0
    areas = [pooled_areas([mask], [target])[:2] for mask, target in zip(found, targets, strict=False)]
    iou = sum(common / (union + 1e-5) if union else 1.0 for common, union in areas)
    return iou, len(targets), sum(common for common, _ in areas), sum(union for _, union in areas)


def _matched(overlap: SampleOverlap) -> tuple[float, int, float, float]:
    """Of one question: sum of the IoUs of its pairs, number of pairs with those of one side alone, and pixels of
    intersections and unions."""
    from scipy.optimize import linear_sum_assignment

    found, wanted = linear_sum_assignment(-overlap.iou)
    iou = overlap.iou[found, wanted]
    pixels = overlap.sizes[found] + overlap.target_sizes[wanted]
    common: NDArray[np.float64] = iou * pixels / (1 + iou)
    union = overlap.sizes.sum() + overlap.target_sizes.sum() - common.sum()
    return float(iou.sum()), max(overlap.iou.shape), float(common.sum()), float(union)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """`[D]`; nan where nothing was scored."""
    return np.where(below > 0, above / (below + epsilon), np.nan)
