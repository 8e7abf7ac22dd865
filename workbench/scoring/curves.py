"""Curves from stored answers: other score thresholds, how far scores can be relied on, and suppression of duplicates.

No system is asked again. A threshold can be raised for any answer that was stored. Below the operating threshold an
answer is known only where the system stored the masks that scored too low (candidates dropped for `low_score`).
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.data.conditions import Conditions
from workbench.data.curves import (
    DUPLICATES,
    Curves,
    Reliability,
    ReliabilityBin,
    RiskCurve,
    SuppressionCurve,
    ThresholdCurve,
)
from workbench.data.masks import iou_matrix
from workbench.data.predictions import OK, Candidate, Instance, Prediction
from workbench.data.vocabulary import EXACT_SETS, MATCHED
from workbench.failures.taxonomy import diagnose
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import Measure, Weights, values
from workbench.metrics.uncertainty import intervals

Build = Callable[[Sequence[SampleOverlap]], Measure]
"""The function of a metric set."""
Columns = dict[str, list[float | None]]
Item = TypeVar("Item")

LOW, UNSELECTED, SUPPRESSED = "low_score", "unselected", "suppressed"
STEPS = 50
"""Steps of thresholds from 0 to 1 in a report."""
LIMITS = tuple(round(0.05 * step, 2) for step in range(21))
"""Mask IoUs above which one of two instances is dropped."""
MOST_SAMPLES = 5000
"""Samples whose answers are changed and measured again for a curve: of as many a share is known to half a point."""
MOST_POINTS = 1000
"""Points of a risk curve that has more than `MOST_SAMPLES`."""
BINS = 10
"""Tenths of the scores, in the diagram and in the expected calibration error."""


@dataclass(frozen=True)
class Known:
    """What is known of a system's score threshold."""

    operating: float
    """The threshold that the answers were made with."""
    lowest: float
    """The lowest threshold at which the answers are known."""
    stated: bool
    """Whether the system states the operating threshold, and its scores agree."""


def known(answers: Iterable[Prediction], stated: Conditions | None = None) -> Known:
    """The operating threshold and the lowest that is known, from the stored scores.

    `stated`: what the system says. Its threshold is believed where every instance scores above it and nothing that was
    dropped for its low score does. Without it, it is the highest score that was too low; where none is stored, it is a
    hair below the lowest score of any instance. Masks that were dropped for a low score above that of an instance are
    the result of some other rule, and nothing below the instances is known then.
    """
    answered = [answer for answer in answers if answer.outcome == OK]
    ceiling = min((one.score for answer in answered for one in answer.instances), default=1.0)
    floor = max((one.score for answer in answered for one in answer.candidates if one.dropped == LOW), default=None)
    return _known(ceiling, floor, stated)


def known_of(overlapping: Iterable[SampleOverlap], stated: Conditions | None = None) -> Known:
    """`known` of the answers behind overlaps, which need not be read again for it."""
    ceiling, floor = 1.0, None
    for overlap in overlapping:
        if overlap.n_instances:
            ceiling = min(ceiling, float(overlap.scores.min()))
        if overlap.outcome == OK and LOW in overlap.dropped:
            low = max(s for s, why in zip(overlap.dropped_scores.tolist(), overlap.dropped, strict=True) if why == LOW)
            floor = low if floor is None else max(floor, low)
    return _known(ceiling, floor, stated)


def _known(ceiling: float, floor: float | None, stated: Conditions | None) -> Known:
    """`ceiling`: the lowest score of any instance; `floor`: the highest that was too low."""
    below = math.nextafter(ceiling, -1.0)
    if floor is not None and floor >= ceiling:
        return Known(below, below, False)
    lowest = (stated.stored_from if stated else None) or 0.0
    threshold = stated.threshold if stated else None
    if threshold is not None and (floor or 0.0) <= threshold < ceiling:
        return Known(threshold, threshold if floor is None else min(lowest, threshold), True)
    return Known(below, below, False) if floor is None else Known(floor, min(lowest, floor), False)


def at_threshold(answer: Prediction, threshold: float) -> Prediction:
    """The answer if its instances had to score above another threshold; see `known` for how low it may be.

    What scored too low and is above the threshold becomes an instance, after those of the answer. An answer that
    failed stays as it is, and so does a system's own decision that nothing answers the instruction.
    """
    if answer.outcome != OK:
        return answer
    risen = [one for one in answer.candidates if one.dropped == LOW and one.score > threshold]
    return replace(
        answer,
        instances=(
            *(one for one in answer.instances if one.score > threshold),
            *(Instance(one.mask, one.score) for one in risen),
        ),
        candidates=(
            *(one for one in answer.candidates if one.dropped != LOW or one.score <= threshold),
            *(Candidate(one.mask, one.score, LOW) for one in answer.instances if one.score <= threshold),
        ),
    )


def curves(
    overlapping: Sequence[SampleOverlap], build: Build, metrics: Sequence[str], stated: Conditions | None = None
) -> Curves:
    """All curves of a system, from the overlaps of its answers.

    `build` is the function of the metric set, of which `metrics` are shown; `stated` as in `known`. The curves
    for which answers are changed and measured again are of at most `MOST_SAMPLES` of the samples, evenly spaced.
    """
    some = [_held(overlap) for overlap in evenly(overlapping, MOST_SAMPLES)]
    unselected = any(UNSELECTED in overlap.dropped for overlap in overlapping)
    curve = threshold_curve(some, build, metrics, about=known_of(overlapping, stated))
    at = Conditions(threshold=curve.operating)
    suppression = suppression_curve(some, build, metrics)
    suppressed = sum(overlap.dropped.count(SUPPRESSED) for overlap in overlapping)
    return Curves(
        samples=len(some) if len(some) < len(overlapping) else None,
        threshold=curve,
        unselected=threshold_curve(_unselected(some), build, metrics, at) if unselected else None,
        reliability=reliability(overlapping),
        risk=risk_curve(overlapping),
        suppression=suppression.model_copy(update={"suppressed": suppressed}),
    )


def _held(overlap: SampleOverlap) -> SampleOverlap:
    """With the masks of its answer, which else would be read again for each curve and threshold."""
    if isinstance(overlap.answer, Prediction):
        return overlap
    return replace(overlap, answer=replace(overlap.prediction, calls=()))


def evenly(items: Sequence[Item], most: int) -> Sequence[Item]:
    """All items, or at most so many of them at equal distances, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int).tolist()]


def threshold_curve(
    overlapping: Sequence[SampleOverlap],
    build: Build,
    metrics: Sequence[str],
    stated: Conditions | None = None,
    steps: int = STEPS,
    about: Known | None = None,
) -> ThresholdCurve:
    """The metrics, and the share of exactly right sets, at thresholds from the lowest that is known to 1. `about`: what
    is known, if that is not to be read from these answers."""
    about = about or known_of(overlapping, stated)
    grid = (step / steps for step in range(steps + 1))
    thresholds = sorted({about.operating, *(one for one in grid if one >= about.lowest)})
    pools = [_Pool(overlap, about.lowest < about.operating) for overlap in overlapping]
    return ThresholdCurve(
        operating=about.operating,
        stated=about.stated,
        known_from=about.lowest,
        thresholds=thresholds,
        values=_columns(([pool.above(threshold) for pool in pools] for threshold in thresholds), build, metrics),
    )


class _Pool:
    """The masks of a sample that a threshold decides about. Asked for rising thresholds, overlaps are computed once for
    each set of them, and only the last is kept."""

    def __init__(self, overlap: SampleOverlap, candidates: bool) -> None:
        answer = overlap.prediction
        self.overlap = overlap
        dropped = [one for one in answer.candidates if candidates and one.dropped == LOW]
        self.pool = [*answer.instances, *(Instance(one.mask, one.score) for one in dropped)]
        self.scores = sorted(one.score for one in self.pool) if answer.outcome == OK else []
        self.last = overlap.n_instances, overlap

    def above(self, threshold: float) -> SampleOverlap:
        """The overlap of the answer that has the masks above the threshold."""
        if not self.scores:
            return self.overlap
        kept = len(self.scores) - bisect_left(self.scores, math.nextafter(threshold, 2.0))
        if kept == self.overlap.n_instances:
            return self.overlap
        if kept != self.last[0]:
            instances = tuple(one for one in self.pool if one.score > threshold)
            self.last = kept, _with_instances(self.overlap, instances)
        return self.last[1]


def _with_instances(overlap: SampleOverlap, instances: tuple[Instance, ...]) -> SampleOverlap:
    """The overlap of the answer with other instances, and without its candidates, which no metric reads."""
    answer = replace(overlap.prediction, instances=instances, candidates=())
    return overlaps([overlap.sample], [answer])[0]


def _unselected(overlapping: Iterable[SampleOverlap]) -> list[SampleOverlap]:
    """The answers together with what could have been selected and was not."""
    joined = []
    for overlap in overlapping:
        left = [one for one in overlap.prediction.candidates if one.dropped == UNSELECTED]
        more = (*overlap.prediction.instances, *(Instance(one.mask, one.score) for one in left))
        joined.append(_with_instances(overlap, more) if left and overlap.outcome == OK else overlap)
    return joined


def _columns(variants: Iterable[list[SampleOverlap]], build: Build, metrics: Sequence[str]) -> Columns:
    """The metrics and exact sets of each variant of the answers; what is equal to the variant before is not measured
    again."""
    columns: Columns = {name: [] for name in (*metrics, EXACT_SETS)}
    before: list[SampleOverlap] | None = None
    row: dict[str, float | None] = {}
    for variant in variants:
        if before is None or any(one is not other for one, other in zip(variant, before, strict=True)):
            measured = values(build(variant), len(variant))
            row = {**{name: measured.get(name) for name in metrics}, EXACT_SETS: exact_share(variant)}
        for name, column in columns.items():
            column.append(row[name])
        before = variant
    return columns


def exact_share(overlapping: Sequence[SampleOverlap]) -> float | None:
    """The share of samples whose answer is exactly the right set, see `workbench.failures.taxonomy`."""
    exact = [diagnose(overlap).sample == "exact_set" for overlap in overlapping]
    return sum(exact) / len(exact) if exact else None


def reliability(overlapping: Sequence[SampleOverlap]) -> Reliability:
    """Score against the share of instances that match a target at IoU 0.5, in ten bins of equal width.

    The expected calibration error is the mean distance between the two, weighted by the instances of each bin (Naeini
    et al., AAAI 2015; Guo et al., ICML 2017). Its interval is the bootstrap's over images.
    """
    count, score, right = binned = _binned(overlapping)
    instances, scores, rights = count.sum(axis=0), score.sum(axis=0), right.sum(axis=0)
    measure = _calibration(*binned)
    return Reliability(
        bins=[
            ReliabilityBin(instances=int(n), score=float(s / n), right=float(r / n))
            for n, s, r in zip(instances, scores, rights, strict=True)
            if n
        ],
        error=values(measure, len(overlapping))["error"],
        interval=intervals([o.image_id for o in overlapping], measure, ["error"])["error"],
    )


def _calibration(count: NDArray[Any], score: NDArray[Any], right: NDArray[Any]) -> Measure:
    """The measure of the expected calibration error of what `_binned` returns, called `error`; nan for a data set
    without instances."""
    given = count.sum(axis=1)
    excess = (score - right).T

    def measure(weights: Weights) -> Mapping[str, NDArray[np.float64]]:
        counted = weights.astype(np.float64)
        gap, instances = np.abs(excess @ counted).sum(axis=0), given @ counted
        return {"error": np.divide(gap, instances, out=np.full(len(gap), np.nan), where=instances > 0)}

    return measure


def _binned(overlapping: Sequence[SampleOverlap]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of each sample and bin, `[S, BINS]` each: how many instances, the sum of their scores, how many are right."""
    owners = np.repeat(np.arange(len(overlapping)), [overlap.n_instances for overlap in overlapping])
    scores = np.concatenate([np.zeros(0), *(overlap.scores for overlap in overlapping)])
    hits = np.array([one == MATCHED for overlap in overlapping for one in diagnose(overlap).instances], dtype=bool)
    cells = owners * BINS + np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    size = len(overlapping) * BINS
    columns = [np.bincount(cells, each, minlength=size) for each in (np.ones(len(cells)), scores, hits)]
    return columns[0].reshape(-1, BINS), columns[1].reshape(-1, BINS), columns[2].reshape(-1, BINS)


def risk_curve(overlapping: Sequence[SampleOverlap]) -> RiskCurve:
    """Risk against coverage (El-Yaniv and Wiener, JMLR 2010): the share of wrong answers among those that are given.

    The confidence of an answer is the lowest score of its instances, as one wrong instance makes a set wrong. Answers
    without an instance have no score: they are not covered. Equal confidences are covered together.
    """
    given = [o for o in overlapping if o.n_instances]
    confidence = np.array([o.scores.min() for o in given], dtype=np.float64)
    wrong = np.array([diagnose(o).sample != "exact_set" for o in given], dtype=np.float64)
    order = np.argsort(-confidence, kind="stable")
    confidence, risk = confidence[order], np.cumsum(wrong[order]) / np.arange(1, len(given) + 1)
    last = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True)) if len(given) else np.zeros(0, np.int64)
    steps = np.diff(last + 1, prepend=0)
    shown = last if len(last) <= MOST_SAMPLES else np.array(evenly(last.tolist(), MOST_POINTS))
    return RiskCurve(
        confidence=confidence[shown].tolist(),
        coverage=((shown + 1) / max(len(overlapping), 1)).tolist(),
        risk=risk[shown].tolist(),
        area=float(risk[last] @ steps / steps.sum()) if len(given) else None,
    )


def suppression_curve(
    overlapping: Sequence[SampleOverlap], build: Build, metrics: Sequence[str], limits: Sequence[float] = LIMITS
) -> SuppressionCurve:
    """The metrics, exact sets and duplicates if, of two instances of an answer whose masks overlap by more than a
    limit, the one that scores lower is dropped."""
    variants = list(_suppressed(overlapping, limits))
    columns = _columns(variants, build, metrics)
    columns[DUPLICATES] = [
        100 * sum(diagnose(o).counts["duplicate"] for o in variant) / max(len(variant), 1) for variant in variants
    ]
    suppressed = sum(overlap.dropped.count(SUPPRESSED) for overlap in overlapping)
    return SuppressionCurve(limits=list(limits), values=columns, suppressed=suppressed)


def _suppressed(overlapping: Sequence[SampleOverlap], limits: Sequence[float]) -> Iterator[list[SampleOverlap]]:
    pairwise = []
    for o in overlapping:
        masks = [one.mask for one in o.prediction.instances] if o.n_instances > 1 else []
        pairwise.append(iou_matrix(masks, masks))
    seen: list[dict[tuple[int, ...], SampleOverlap]] = [{} for _ in overlapping]
    for limit in limits:
        variant = []
        for overlap, iou, made in zip(overlapping, pairwise, seen, strict=True):
            kept = not_suppressed(overlap.scores, iou, limit) if len(iou) else tuple(range(overlap.n_instances))
            if kept not in made:
                every = overlap.prediction.instances
                whole = len(kept) == overlap.n_instances
                made[kept] = overlap if whole else _with_instances(overlap, tuple(every[place] for place in kept))
            variant.append(made[kept])
        yield variant


def not_suppressed(scores: NDArray[np.float64], iou: NDArray[np.float64], limit: float) -> tuple[int, ...]:
    """The instances that are left, in their order: by falling score, each is kept unless its mask overlaps one that is
    kept by an IoU above the limit. scores: `[N]`; iou: `[N, N]` of the instances with each other."""
    kept: list[int] = []
    for one in np.argsort(-scores, kind="stable"):
        if all(iou[one, other] <= limit for other in kept):
            kept.append(int(one))
    return tuple(sorted(kept))
