"""The recall funnel: how far each target got on its way into the answer, for every kind of system alike.

A mask is on a target at IoU >= 0.5. Each stage includes the ones before it.

    surfaced              any mask was on the target: of any phrase (agent) or of any slot (single pass)
    survived_suppression  one of them was neither empty nor lost to an overlapping one
    survived_checking     one of those was not rejected by the mask check
    selected              one of those was neither left unselected nor replaced by a later phrase
    above_threshold       one of those is in the answer, so it reached the score threshold
    matched               an instance took the target (see `workbench.metrics.overlaps.match`), that is, not one which
                          another target needed
    precise               an instance took it at IoU >= 0.75 too

An agent loses nothing at the threshold, and a single pass loses nothing in suppression, checking and selection, unless
it has such a step and keeps what it drops as candidates. Targets of an answer that failed count as not in the answer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.failures.taxonomy import HIT, HIT_LEVEL
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap

STAGES = (
    "surfaced",
    "survived_suppression",
    "survived_checking",
    "selected",
    "above_threshold",
    "matched",
    "precise",
)
LOST_AT: dict[str, str] = {
    "suppressed": "survived_suppression",
    "empty": "survived_suppression",
    "rejected": "survived_checking",
    "unselected": "selected",
    "replaced": "selected",
    "low_score": "above_threshold",
}
PRECISE_LEVEL = int(np.flatnonzero(IOU_THRESHOLDS == 0.75)[0])


def stages_passed(overlap: SampleOverlap) -> NDArray[np.int64]:
    """How many of `STAGES` each target passed, `[T]`."""
    passed = np.zeros(overlap.n_targets, dtype=np.int64)
    for reason, iou in zip(overlap.dropped, overlap.iou_candidates, strict=True):
        passed = np.where(iou >= HIT, np.maximum(passed, STAGES.index(LOST_AT[reason])), passed)
    passed[(overlap.iou >= HIT).any(axis=0)] = STAGES.index("matched")
    targets = np.arange(overlap.n_targets)
    matched = np.isin(targets, overlap.matches[:, HIT_LEVEL])
    passed[matched] = STAGES.index("precise")
    passed[matched & np.isin(targets, overlap.matches[:, PRECISE_LEVEL])] = len(STAGES)
    return passed


def funnel(overlaps: Sequence[SampleOverlap]) -> dict[str, int]:
    """`targets`, and of them how many passed each of `STAGES`."""
    passed = np.concatenate([np.zeros(0, np.int64), *(stages_passed(overlap) for overlap in overlaps)])
    return {"targets": len(passed)} | {stage: int((passed > place).sum()) for place, stage in enumerate(STAGES)}
