"""The recall funnel: how far each target got on its way into the answer, for every kind of system alike.

A mask is on a target at IoU >= 0.5. The stages are `workbench.data.vocabulary.FUNNEL_STAGES`; each includes the ones
before it. An agent loses nothing at the threshold. A single pass loses nothing in suppression, checking and selection,
unless it has such a step and keeps the dropped masks as candidates. A mask that was dropped for a reason of the
system's own has surfaced, and counts as lost directly after that stage. Targets of a failed answer count as not in the
answer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.data.vocabulary import MATCHED
from workbench.failures.taxonomy import STAGES, diagnose, stages_before
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap

PRECISE_LEVEL = int(np.flatnonzero(IOU_THRESHOLDS == 0.75)[0])


def stages_passed(overlap: SampleOverlap) -> NDArray[np.int64]:
    """How many of `FUNNEL_STAGES` each target passed, `[T]`: of a missed one as its reason says."""
    precise = set(overlap.matches[:, PRECISE_LEVEL].tolist())
    passed = [
        stages_before(found) if found != MATCHED else STAGES.index("precise") + (index in precise)
        for index, found in enumerate(diagnose(overlap).targets)
    ]
    return np.array(passed, dtype=np.int64)


def funnel(overlaps: Sequence[SampleOverlap]) -> dict[str, int]:
    """The number of `targets`, and how many of them passed each of `FUNNEL_STAGES`."""
    passed = np.concatenate([np.zeros(0, np.int64), *(stages_passed(overlap) for overlap in overlaps)])
    return {"targets": len(passed)} | {stage: int((passed > place).sum()) for place, stage in enumerate(STAGES)}
