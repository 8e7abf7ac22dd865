"""The official metric sets of gRefCOCO, ReasonSeg, RoboRefIt and GSEval: one pooled mask for each instruction.

Each is a protocol (see `workbench.scoring.system`) and gives fractions. What two empty masks score, who decides
that there is no target and what is left out of a mean differ between them; their docstrings say how. An answer whose
run failed is an empty mask that decided nothing: it scores 0 and is wrong in N_acc and T_acc.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo, describe
from workbench.data.predictions import OK
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.pooled import ciou, giou, sample_iou, weighted_mean
from workbench.metrics.presence import answered, declined, presence_measure
from workbench.metrics.statistics import Measure, Weights

BOX_HIT = 0.5

EMPTY_IS_ONE = "two empty masks give 1"
EMPTY_IS_ZERO = "two empty masks give 0"
_CIOU = MetricInfo("Sum of intersections over sum of unions, of pixels of all samples: large objects weigh more.")
_N_ACC = MetricInfo("Share of the no-target samples that were rejected.", leads=True)
_T_ACC = MetricInfo("Share of the samples with targets that were not rejected, right or wrong.", leads=True)


def _giou(empty: str) -> MetricInfo:
    return MetricInfo(f"Mean over samples of the IoU between all predicted and all target pixels; {empty}.", leads=True)


_REJECTION = "a rejected no-target sample gives 1, any other answer to one 0"


@describe(
    {
        "gIoU": _giou(_REJECTION),
        "cIoU": _CIOU,
        "N_acc": _N_ACC,
        "T_acc": _T_ACC,
        "Pr@*": MetricInfo("Share of the samples with targets whose IoU reaches the level."),
    }
)
def grefcoco_rela(overlaps: Sequence[SampleOverlap]) -> Measure:
    """gRefCOCO as ReLA scores it: gIoU, cIoU, N_acc, T_acc, Pr@0.7, Pr@0.8, Pr@0.9.

    henghuiding/ReLA, `gres_model/evaluation/refer_evaluation.py`. Only the decision counts for a no-target sample: 1
    where it was rejected, else 0 with the predicted pixels in the union of cIoU, even if the mask is empty. A rejected
    target has no intersection, but its mask stays in the union. Pr@ is over samples with targets. T_acc and N_acc are
    both 0 where no sample is no-target.
    """
    empty = _no_target(overlaps)
    rejected = np.array([o.rejected for o in overlaps], dtype=bool)
    right = empty & declined(overlaps)
    intersection, union = areas(overlaps)
    intersection = np.where(empty | rejected, 0, intersection)
    union = np.where(right, 0, union)
    iou = np.where(right, 1.0, sample_iou(intersection, union, both_empty=0.0))
    presence = presence_measure(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        has_empty = empty.astype(np.int64) @ weights > 0
        hits = {f"Pr@{level}": (~empty & (iou >= level)).astype(np.int64) for level in (0.7, 0.8, 0.9)}
        return {
            "gIoU": giou(iou, weights),
            "cIoU": ciou(intersection, union, weights),
            **{name: np.where(has_empty, value, 0.0) for name, value in presence(weights).items()},
            **{name: weighted_mean(hit, ~empty, weights) for name, hit in hits.items()},
        }

    return measure


@describe({"gIoU": _giou(_REJECTION), "cIoU": _CIOU, "N_acc": _N_ACC, "T_acc": _T_ACC})
def grefcoco_gsva(overlaps: Sequence[SampleOverlap]) -> Measure:
    """gRefCOCO as GSVA scores it: gIoU, cIoU, N_acc, T_acc.

    LeapLabTHU/GSVA, `solver.py`, `eval_gres`. As ReLA's, but a sample is no-target where its mask has no pixel, and a
    rejected target keeps the intersection of the mask that was predicted with it.
    """
    empty = np.array([o.target_area < 1 for o in overlaps], dtype=bool)
    right = empty & declined(overlaps)
    intersection, union = areas(overlaps)
    union = np.where(right, 0, union)
    iou = np.where(empty, right, intersection / (union + 1e-8))
    decided = answered(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        return {
            "gIoU": giou(iou, weights),
            "cIoU": _ratio(intersection, union, weights, 1e-10),
            "N_acc": weighted_mean(right, empty, weights),
            "T_acc": weighted_mean(~empty & decided, ~empty, weights),
        }

    return measure


@describe({"gIoU": _giou(EMPTY_IS_ONE), "cIoU": _CIOU})
def reasonseg_lisa(overlaps: Sequence[SampleOverlap]) -> Measure:
    """ReasonSeg as LISA scores it: gIoU and cIoU, without the pixels to ignore.

    dvlab-research/LISA, `train_ds.py`, `validate`. Two empty masks score 1. Denominators carry 1e-5 (gIoU, of a sample
    and of the mean) and 1e-10 (cIoU).
    """
    intersection, union = areas(overlaps)
    iou = np.where(union == 0, 1.0, intersection / (union + 1e-5)) * _succeeded(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        return {
            "gIoU": _ratio(iou, np.ones(len(iou)), weights, 1e-5),
            "cIoU": _ratio(intersection, union, weights, 1e-10),
        }

    return measure


@describe({"gIoU": _giou(EMPTY_IS_ZERO), "cIoU": _CIOU})
def reasonseg_instructsam(overlaps: Sequence[SampleOverlap]) -> Measure:
    """ReasonSeg as InstructSAM scores it: gIoU and cIoU, without the pixels to ignore; two empty masks score 0.

    DCDmllm/InstructSAM, `eval_reasonseg.py`, which also gives both for long and short questions apart.
    """
    intersection, union = areas(overlaps)
    iou = sample_iou(intersection, union, both_empty=0.0)

    def measure(weights: Weights) -> dict[str, Any]:
        return {"gIoU": giou(iou, weights), "cIoU": ciou(intersection, union, weights)}

    return measure


@describe(
    {
        "accuracy_iou0.5": MetricInfo("Share of the samples whose box has an IoU above 0.5.", leads=True),
        "miou": MetricInfo("Mean IoU of the boxes."),
        "seg_miou": MetricInfo("Mean IoU of the masks; undefined where two masks are empty.", leads=True),
    }
)
def roborefit_vlgrasp(overlaps: Sequence[SampleOverlap]) -> Measure:
    """RoboRefIt as VL-Grasp scores it: accuracy_iou0.5 and miou of boxes, seg_miou of masks.

    luyh20/VL-Grasp, `RoboRefIt/engine_vg.py`. A box is right above, not at, an IoU of 0.5. Two empty masks have an
    undefined IoU, and with it seg_miou is undefined.
    """
    boxes = np.array([o.box_iou for o in overlaps], dtype=np.float64)
    right = boxes > BOX_HIT
    mask_iou = sample_iou(*areas(overlaps), both_empty=np.nan)

    def measure(weights: Weights) -> dict[str, Any]:
        return {
            "accuracy_iou0.5": giou(right.astype(np.float64), weights),
            "miou": _mean(boxes, weights),
            "seg_miou": _mean(mask_iou, weights),
        }

    return measure


@describe({"mean_iou": MetricInfo("Mean IoU of the masks; two empty masks give 0.", leads=True)})
def roborefit_instructsam(overlaps: Sequence[SampleOverlap]) -> Measure:
    """RoboRefIt as InstructSAM scores it: mean_iou of masks, where two empty ones score 0.

    DCDmllm/InstructSAM, `eval_roborefit.py`.
    """
    iou = sample_iou(*areas(overlaps), both_empty=0.0)

    def measure(weights: Weights) -> dict[str, Any]:
        return {"mean_iou": giou(iou, weights)}

    return measure


_GSEVAL = {
    "gIoU": MetricInfo("Mean over rows of the IoU of masks; a mask without a pixel gives 0.", leads=True),
    "accuracy": MetricInfo("Share of the rows whose box has an IoU of 0.5 or more.", leads=True),
    "gIoU_*": MetricInfo("gIoU of the rows of this class."),
    "accuracy_*": MetricInfo("Accuracy of the rows of this class."),
}


@describe(_GSEVAL)
def gseval_official(overlaps: Sequence[SampleOverlap]) -> Measure:
    """GSEval as its authors score it: gIoU of masks, accuracy of boxes, overall and for each class.

    hustvl/GroundingSuite, `evaluate_grounding.py`. A row without a mask is left out of gIoU; a mask without a pixel
    scores 0. A row that was never answered (its run failed) is left out of the overall accuracy, but not of that of
    its class; an answer without a box is wrong. A box is right at an IoU of 0.5 or more.
    """
    return _gseval(overlaps, np.array([o.n_instances > 0 for o in overlaps], dtype=bool), _succeeded(overlaps))


@describe({**_GSEVAL, "cIoU": _CIOU})
def gseval_strict(overlaps: Sequence[SampleOverlap]) -> Measure:
    """GSEval with every row counted: gIoU and cIoU of masks, accuracy of boxes, overall and for each class.

    As `gseval/official`, but a row without a mask scores 0 and one without an answer is wrong. cIoU is the sum of
    intersections over the sum of unions.
    """
    every = np.ones(len(overlaps), dtype=bool)
    counted = _gseval(overlaps, every, every)
    intersection, union = areas(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        figures = dict(counted(weights))
        return {"gIoU": figures.pop("gIoU"), "cIoU": ciou(intersection, union, weights), **figures}

    return measure


def areas(overlaps: Sequence[SampleOverlap]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of the intersection and of the union of the pooled masks, `[S]` each."""
    pixels = np.array([(o.intersection, o.union) for o in overlaps], dtype=np.int64).reshape(-1, 2)
    return pixels[:, 0], pixels[:, 1]


def _gseval(overlaps: Sequence[SampleOverlap], masked: NDArray[np.bool_], answered: NDArray[np.bool_]) -> Measure:
    """gIoU over the rows `masked`, accuracy over the rows `answered`, `[S]` each."""
    iou = sample_iou(*areas(overlaps), both_empty=0.0) * masked
    right = np.array([o.box_iou >= BOX_HIT for o in overlaps], dtype=bool)
    kinds = np.array([o.kind or "" for o in overlaps], dtype=object)
    classes = {kind: kinds == kind for kind in sorted(set(kinds)) if kind}

    def measure(weights: Weights) -> dict[str, Any]:
        return {
            "gIoU": weighted_mean(iou, masked, weights),
            "accuracy": weighted_mean(right, answered, weights),
            **{f"gIoU_{name}": weighted_mean(iou * rows, masked & rows, weights) for name, rows in classes.items()},
            **{f"accuracy_{name}": weighted_mean(right & rows, rows, weights) for name, rows in classes.items()},
        }

    return measure


def _no_target(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    return np.array([o.n_targets == 0 for o in overlaps], dtype=bool)


def _succeeded(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    return np.array([o.outcome == OK for o in overlaps], dtype=bool)


def _mean(values: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Mean over samples, `[D]`; nan where a sample that counts is nan."""
    undefined = np.isnan(values)
    mean = giou(np.where(undefined, 0.0, values), weights)
    return np.where(undefined.astype(np.int64) @ weights > 0, np.nan, mean)


def _ratio(
    numerator: NDArray[np.number], denominator: NDArray[np.number], weights: Weights, epsilon: float
) -> NDArray[np.float64]:
    """Sum over sum plus epsilon, `[D]`, as the official code avoids dividing by 0; nan without samples."""
    ratio = (numerator.astype(np.float64) @ weights) / (denominator.astype(np.float64) @ weights + epsilon)
    return np.where(weights.sum(axis=0) > 0, ratio, np.nan)
