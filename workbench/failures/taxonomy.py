"""What went wrong: one category per predicted instance, per target and per sample.

The categories and their definitions are in `workbench.data.vocabulary`: `INSTANCE_CATEGORIES`, `TARGET_CATEGORIES`,
`MISSED_REASONS` and `SAMPLE_CATEGORIES`. Each list is exclusive: the first category that applies counts.

The instance categories follow TIDE (Bolya et al., ECCV 2020) with two classes, "asked for" and "not asked for": what
TIDE calls a classification error is here an instance of the scene that the instruction did not mean. It counts as
`wrong_instance` also where it touches a target. `background` includes empty masks and every instance off the annotated
ones.

A missed target has the reason that stopped the mask on it, at IoU >= 0.5, that got furthest on the way into the answer;
the recall funnel reads the same reasons. A reason that a system named itself is kept as `other: NAME`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from workbench.data.predictions import OK
from workbench.data.vocabulary import (
    DROP_REASONS,
    FUNNEL_STAGES,
    INSTANCE_CATEGORIES,
    MATCHED,
    MISSED,
    MISSED_REASONS,
    NEVER_SEEN,
    SAMPLE_CATEGORIES,
    TAKEN,
    counted_as,
)
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap

STAGES = tuple(FUNNEL_STAGES)
HIT = 0.5
HIT_LEVEL = int(np.flatnonzero(IOU_THRESHOLDS == HIT)[0])
TOUCH = 0.1
HALF = 0.5 - 1e-9  # areas come from IoUs, which are rounded


@dataclass(frozen=True)
class Diagnosis:
    """The categories of one sample; instances and targets in their own order."""

    instances: tuple[str, ...]
    """one of `INSTANCE_CATEGORIES` each"""
    targets: tuple[str, ...]
    """`matched`, one of `MISSED_REASONS`, or `other: NAME` each"""
    sample: str
    """one of `SAMPLE_CATEGORIES`"""

    @property
    def counts(self) -> dict[str, int]:
        """Instances per category, and missed targets."""
        per_category = {category: self.instances.count(category) for category in INSTANCE_CATEGORIES}
        return per_category | {MISSED: len(self.targets) - self.targets.count(MATCHED)}


_known: WeakKeyDictionary[SampleOverlap, Diagnosis] = WeakKeyDictionary()


def diagnose(overlap: SampleOverlap) -> Diagnosis:
    """Sort the instances, the targets and the sample as a whole into the categories of `workbench.data.vocabulary`.

    The result is cached as long as the overlap exists, because scores, differences and figures all ask for it.
    """
    if (diagnosis := _known.get(overlap)) is None:
        diagnosis = _known[overlap] = _diagnosed(overlap)
    return diagnosis


def _diagnosed(overlap: SampleOverlap) -> Diagnosis:
    taken = overlap.matches[:, HIT_LEVEL]
    matched = set(taken.tolist())
    common = overlap.iou * np.add.outer(overlap.sizes, overlap.target_sizes) / (1 + overlap.iou)
    split = _split(overlap, common, matched)
    merged = (common >= HALF * overlap.target_sizes).sum(axis=1) >= 2
    instances = tuple(
        _instance(overlap, index, target >= 0, bool(merged[index]), bool(split[index]))
        for index, target in enumerate(taken)
    )
    targets = tuple(
        MATCHED if index in matched else _missed_reason(overlap, index) for index in range(overlap.n_targets)
    )
    return _shared(instances, targets, _sample(overlap, instances))


@lru_cache(maxsize=10_000)
def _shared(instances: tuple[str, ...], targets: tuple[str, ...], sample: str) -> Diagnosis:
    """One diagnosis for all samples that are alike."""
    return Diagnosis(instances, targets, sample)


def tally(diagnoses: Iterable[Diagnosis]) -> dict[str, int]:
    """Totals over samples: instances per category, missed targets, samples per category. Every category is a key."""
    total = dict.fromkeys((*INSTANCE_CATEGORIES, MISSED, *SAMPLE_CATEGORIES), 0)
    for diagnosis in diagnoses:
        for category, count in diagnosis.counts.items():
            total[category] += count
        total[diagnosis.sample] += 1
    return total


def missed_reasons(diagnoses: Iterable[Diagnosis]) -> dict[str, int]:
    """How many missed targets were never seen, or seen and then dropped for which reason. Every one of `MISSED_REASONS`
    is a key, and so is each `other: NAME` that occurs."""
    total = dict.fromkeys(MISSED_REASONS, 0)
    for diagnosis in diagnoses:
        for target in diagnosis.targets:
            if target != MATCHED:
                total[target] = total.get(target, 0) + 1
    return total


def _split(overlap: SampleOverlap, common: NDArray[np.float64], matched: set[int]) -> NDArray[np.bool_]:
    """Whether each instance is a part of an unmatched target, `[N]`. common: `[N, T]` pixels of the intersections."""
    inside = (common >= HALF * overlap.sizes[:, None]) & (overlap.iou > 0) & (overlap.iou < HIT)
    inside[:, sorted(matched - {-1})] = False
    broken = (inside.sum(axis=0) >= 2) & ((common * inside).sum(axis=0) >= HALF * overlap.target_sizes)
    return np.asarray((inside & broken).any(axis=1))


def _instance(overlap: SampleOverlap, index: int, matched: bool, merged: bool, split: bool) -> str:
    if matched:
        return MATCHED
    best_target = overlap.iou[index].max(initial=0.0)
    if best_target >= HIT:
        return "duplicate"
    if overlap.iou_others[index].max(initial=0.0) >= HIT:
        return "wrong_instance"
    if merged or split:
        return "merged" if merged else "split"
    return "poor_localisation" if best_target >= TOUCH else "background"


def _missed_reason(overlap: SampleOverlap, target: int) -> str:
    if overlap.iou[:, target].max(initial=0.0) >= HIT:
        return TAKEN
    seen = overlap.iou_candidates[:, target]
    on_it = [
        (stages_before(reason), iou, reason) for reason, iou in zip(overlap.dropped, seen, strict=True) if iou >= HIT
    ]
    if not on_it:
        return NEVER_SEEN
    _, _, reason = max(on_it, key=lambda mask: mask[:2])  # the first of equals
    return counted_as(reason, DROP_REASONS)


def stages_before(reason: str) -> int:
    """How many of `FUNNEL_STAGES` a target passed that was missed for this reason. A mask that was dropped for a reason
    of the system's own, bare or as `other: NAME`, had surfaced."""
    if reason == NEVER_SEEN:
        return 0
    if reason == TAKEN:
        return STAGES.index(MATCHED)
    known = DROP_REASONS.get(reason)
    return STAGES.index(known.lost_at) if known else 1


def _sample(overlap: SampleOverlap, instances: tuple[str, ...]) -> str:
    if overlap.outcome != OK:
        return "failed"
    if overlap.n_targets == 0:
        return "no_target_answered" if instances else "exact_set"
    if not instances:
        return "target_declined"
    if len(instances) != overlap.n_targets:
        return "over_count" if len(instances) > overlap.n_targets else "under_count"
    return "exact_set" if set(instances) == {MATCHED} else "inexact_set"
