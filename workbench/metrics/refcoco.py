"""The metric sets of RefCOCO, RefCOCO+ and RefCOCOg: one object is asked for, and all predicted pixels are its mask.

The official numbers do not see how many instances make up that mask. So that they can be told apart, average precision
and the share of answers with more than one instance stand beside them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.data.metric_info import MetricInfo, describe
from workbench.metrics.inst2seg import AP_METRICS, inst2seg
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.pooled import ciou, giou, sample_iou, weighted_mean
from workbench.metrics.referring import areas, reasonseg_lisa
from workbench.metrics.statistics import Measure, Weights

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
_INSTANCES = {
    **{name: MetricInfo(info.formula) for name, info in AP_METRICS.items()},
    "over_counted": MetricInfo(
        "Share of the samples answered with more instances than targets; the official numbers do not see it.",
        higher_is_better=False,
    ),
    "duplicated": MetricInfo(
        "Share of the samples with two or more instances on one target, at IoU 0.5 or more; the official numbers do "
        "not see it.",
        higher_is_better=False,
    ),
}
_SUMS = "Sum of intersections over sum of unions, of pixels of all samples: large objects weigh more."


@describe(
    {
        "mIoU": MetricInfo(
            "Mean over samples of the IoU between all predicted and all target pixels; two empty masks give 0.",
            leads=True,
        ),
        "oIoU": MetricInfo(_SUMS, leads=True),
        "Pr@*": MetricInfo("Share of the samples whose IoU reaches the level."),
        **_INSTANCES,
    }
)
def refcoco_lavt(overlaps: Sequence[SampleOverlap]) -> Measure:
    """RefCOCO as LAVT scores it: mIoU, oIoU, Pr@0.5 to Pr@0.9; beside it mAP, AP50, AP75, over_counted, duplicated.

    yz93/LAVT-RIS, `test.py`. Two empty masks score 0. A level is reached at, not above it, in float64.
    """
    intersection, union = areas(overlaps)
    iou = sample_iou(intersection, union, both_empty=0.0)
    instances = _instances(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        every = np.ones(len(iou), dtype=np.int64)
        return {
            "mIoU": giou(iou, weights),
            "oIoU": ciou(intersection, union, weights),
            **{f"Pr@{level}": weighted_mean(iou >= level, every, weights) for level in LEVELS},
            **instances(weights),
        }

    return measure


@describe(
    {
        "cIoU": MetricInfo(_SUMS, leads=True),
        "gIoU": MetricInfo(
            "Mean over samples of the IoU between all predicted and all target pixels; two empty masks give 1.",
            leads=True,
        ),
        **_INSTANCES,
    }
)
def refcoco_ciou(overlaps: Sequence[SampleOverlap]) -> Measure:
    """RefCOCO as LISA scores it: cIoU and gIoU; beside it mAP, AP50, AP75, over_counted, duplicated.

    dvlab-research/LISA, `train_ds.py`, `validate`, which scores ReasonSeg too. Two empty masks score 1. Denominators
    carry 1e-5 (gIoU, of a sample and of the mean) and 1e-10 (cIoU). But for these, cIoU is oIoU of `refcoco/lavt`.
    """
    pooled, instances = reasonseg_lisa(overlaps), _instances(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        figures = pooled(weights)
        return {"cIoU": figures["cIoU"], "gIoU": figures["gIoU"], **instances(weights)}

    return measure


def _instances(overlaps: Sequence[SampleOverlap]) -> Measure:
    """What the pooled masks do not show: average precision, and how many samples have too many instances."""
    precision = inst2seg(overlaps)
    every = np.ones(len(overlaps), dtype=np.int64)
    over = np.array([o.n_instances > o.n_targets for o in overlaps], dtype=bool)
    doubled = np.array([bool(((o.iou >= LEVELS[0]).sum(axis=0) > 1).any()) for o in overlaps], dtype=bool)

    def measure(weights: Weights) -> dict[str, Any]:
        figures = precision(weights)
        return {
            **{name: figures[name] for name in AP_METRICS},
            "over_counted": weighted_mean(over, every, weights),
            "duplicated": weighted_mean(doubled, every, weights),
        }

    return measure
