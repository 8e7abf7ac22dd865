"""What went wrong: one category per predicted instance, per target and per sample.

The instance categories follow TIDE (Bolya et al., ECCV 2020) with two classes, "asked for" and "not asked for": what
TIDE calls a classification error is here an instance of the scene that the instruction did not mean. Each list is
exclusive: the first category that applies counts, in the order below.

Instances
    matched            takes a target at IoU >= 0.5 (greedy by falling score, see `workbench.metrics.overlaps.match`)
    duplicate          IoU >= 0.5 with a target that another instance took
    wrong_instance     IoU >= 0.5 with another annotated instance of the scene, also where it touches a target
                       (known only where the benchmark annotates them)
    merged             covers at least half of each of two or more targets
    split              at least half of it lies in a target that is not matched, and so does another instance; together
                       their parts of the target sum to at least half of it
    poor_localisation  best IoU with any target from 0.1 to below 0.5
    background         all else, empty masks and every instance off the annotated ones included
Targets
    matched            taken by an instance
    missed             the rest, by what became of it on the way: `never_seen`, or the reason why the candidate mask
                       that overlapped it most, at IoU >= 0.5, was dropped (see `workbench.data.predictions.Dropped`)
Samples
    failed              the outcome is not `ok`; the outcome itself says what happened
    no_target_answered  no target, yet instances
    target_declined     targets, yet no instance
    over_count          more instances than targets
    under_count         fewer instances than targets
    inexact_set         as many instances as targets, but not all matched
    exact_set           every target matched and nothing else; also no target and no instance
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from workbench.data.predictions import OK, Dropped
from workbench.metrics.overlaps import IOU_THRESHOLDS, SampleOverlap

HIT = 0.5
HIT_LEVEL = int(np.flatnonzero(IOU_THRESHOLDS == HIT)[0])
TOUCH = 0.1
HALF = 0.5 - 1e-9  # areas come from IoUs, which are rounded
MATCHED = "matched"
MISSED = "missed"
NEVER_SEEN = "never_seen"
INSTANCE_CATEGORIES = (MATCHED, "duplicate", "wrong_instance", "merged", "split", "poor_localisation", "background")
SAMPLE_CATEGORIES = (
    "failed",
    "no_target_answered",
    "target_declined",
    "over_count",
    "under_count",
    "inexact_set",
    "exact_set",
)
MISSED_REASONS: tuple[str, ...] = (NEVER_SEEN, *get_args(Dropped))


@dataclass(frozen=True)
class Diagnosis:
    """The categories of one sample; instances and targets in their own order."""

    instances: tuple[str, ...]
    """one of `INSTANCE_CATEGORIES` each"""
    targets: tuple[str, ...]
    """`matched` or one of `MISSED_REASONS` each"""
    sample: str
    """one of `SAMPLE_CATEGORIES`"""

    @property
    def counts(self) -> dict[str, int]:
        """Instances per category, and missed targets."""
        per_category = {category: self.instances.count(category) for category in INSTANCE_CATEGORIES}
        return per_category | {MISSED: len(self.targets) - self.targets.count(MATCHED)}


_known: WeakKeyDictionary[SampleOverlap, Diagnosis] = WeakKeyDictionary()


def diagnose(overlap: SampleOverlap) -> Diagnosis:
    """Sort the instances, the targets and the sample as a whole into the categories of this module.

    The answer is kept for as long as the overlap is: scores, differences and figures all ask for it.
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
    return Diagnosis(instances, targets, _sample(overlap, instances))


def tally(diagnoses: Iterable[Diagnosis]) -> dict[str, int]:
    """Totals over samples: instances per category, missed targets, samples per category; every category is a key."""
    total = dict.fromkeys((*INSTANCE_CATEGORIES, MISSED, *SAMPLE_CATEGORIES), 0)
    for diagnosis in diagnoses:
        for category, count in diagnosis.counts.items():
            total[category] += count
        total[diagnosis.sample] += 1
    return total


def missed_reasons(diagnoses: Iterable[Diagnosis]) -> dict[str, int]:
    """How many missed targets were never seen, or seen and then dropped for which reason; every reason is a key."""
    total = dict.fromkeys(MISSED_REASONS, 0)
    for diagnosis in diagnoses:
        for target in diagnosis.targets:
            if target != MATCHED:
                total[target] += 1
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
    seen = overlap.iou_candidates[:, target]
    if seen.max(initial=0.0) < HIT:
        return NEVER_SEEN
    return overlap.dropped[int(seen.argmax())]


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
