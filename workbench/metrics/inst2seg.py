"""The metrics of Inst2Seg-Bench, and of gRefCOCO as InstructSAM scores it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.data.metric_info import MetricInfo, describe
from workbench.data.predictions import OK
from workbench.metrics.ap import average_precision, rank
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap
from workbench.metrics.pooled import ciou, giou, sample_iou
from workbench.metrics.presence import presence_measure
from workbench.metrics.referring import areas
from workbench.metrics.statistics import Measure, Weights

AP50 = int(np.flatnonzero(IOU_THRESHOLDS == 0.5)[0])


AP75 = int(np.flatnonzero(IOU_THRESHOLDS == 0.75)[0])


AP_METRICS = {
    "mAP": MetricInfo(
        "Average precision, mean over IoU thresholds .50 to .95: one ranking of all predicted instances by score; "
        "duplicates and answers to no-target samples count as false positives.",
        leads=True,
    ),
    "AP50": MetricInfo("Average precision where an instance counts as found at IoU 0.5."),
    "AP75": MetricInfo("Average precision where an instance counts as found at IoU 0.75."),
}
POOLED_METRICS = {
    "gIoU": MetricInfo(
        "Mean over samples of the IoU between all predicted and all target pixels; two empty masks give 1, "
        "a failed answer 0.",
        leads=True,
    ),
    "cIoU": MetricInfo("Sum of intersections over sum of unions, of pixels of all samples: large objects weigh more."),
}
PRESENCE_METRICS = {
    "N_acc": MetricInfo("Share of the no-target samples that were answered with no instance.", leads=True),
    "T_acc": MetricInfo(
        "Share of the samples with targets that were answered with an instance, right or wrong.", leads=True
    ),
}


@describe(AP_METRICS | POOLED_METRICS | PRESENCE_METRICS)
def inst2seg(overlaps: Sequence[SampleOverlap]) -> Measure:
    """Inst2Seg-Bench: mAP, AP50, AP75 over all instructions; gIoU and cIoU of pooled masks; N_acc and T_acc.

    A run that failed scores 0 in gIoU also where nothing was asked for: it did not answer.
    """
    ranking = rank(overlaps)
    intersection, union = areas(overlaps)
    iou = np.where([o.outcome == OK for o in overlaps], sample_iou(intersection, union), 0.0)

    presence = presence_measure(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        ap = average_precision(ranking, weights)
        return {
            "mAP": ap.mean(axis=0),
            "AP50": ap[AP50],
            "AP75": ap[AP75],
            "gIoU": giou(iou, weights),
            "cIoU": ciou(intersection, union, weights),
            **presence(weights),
        }

    return measure


@describe(AP_METRICS | POOLED_METRICS)
def grefcoco_instructsam(overlaps: Sequence[SampleOverlap]) -> Measure:
    """gRefCOCO as InstructSAM scores it: mAP, AP50, AP75, gIoU, cIoU, as on Inst2Seg-Bench."""
    measured = inst2seg(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        figures = measured(weights)
        return {name: figures[name] for name in ("mAP", "AP50", "AP75", "gIoU", "cIoU")}

    return measure
