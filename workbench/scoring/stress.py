"""The curves of a stress axis: every metric of every system at each level, where it breaks, and where systems cross.

Beside the metrics of the protocol there are `exact sets`, `duplicates`, `seconds`, `processor seconds`, `calls`, how
many masks a target has that has any (`masks a target`: kept or dropped, more than 1 where slots collapse), and, where
the right answer is the same at all levels, `agreement` with the system's own answer at the plain level.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.predictions import OK, Prediction
from workbench.data.stress import LEVEL, QUESTION, AxisEntry, StressCurve, StressPair, StressResults
from workbench.data.vocabulary import EXACT_SETS
from workbench.failures.taxonomy import diagnose
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.pooled import weighted_mean
from workbench.metrics.statistics import Measure, Weights, holm
from workbench.metrics.uncertainty import Sampled, interval, sampled, spread
from workbench.scoring.breaking import area_under, crossings, defined, half_interval, half_place, level_at

AGREEMENT, DUPLICATES, CALLS = "agreement", "duplicates", "calls"
SECONDS, PROCESSOR, MASKS = "seconds", "processor seconds", "masks a target"
ON_TARGET = 0.5
"""IoU from which a mask is on a target."""
ADDED: Mapping[str, MetricInfo] = {
    EXACT_SETS: MetricInfo("Share of samples whose instances are exactly the targets, at IoU 0.5.", leads=True),
    AGREEMENT: MetricInfo("Mean IoU of the answer and the system's own answer at the plain level, pooled masks."),
    DUPLICATES: MetricInfo(
        "Instances on a target that another instance took.", unit="per 100 samples", higher_is_better=False
    ),
    MASKS: MetricInfo(
        "Masks on a target at IoU 0.5, in the answer or dropped on the way, over the targets that have any.",
        unit="masks",
        higher_is_better=False,
    ),
    SECONDS: MetricInfo("Mean seconds of an answer.", unit="s", higher_is_better=False),
    PROCESSOR: MetricInfo("Mean seconds of all processors for an answer.", unit="s", higher_is_better=False),
    CALLS: MetricInfo("Mean model calls of an answer.", unit="calls", higher_is_better=False),
}
"""What is measured beside the protocol's metrics."""

Build = Callable[[Sequence[SampleOverlap]], Measure]
Levels = list[dict[str, Sampled]]
"""What was sampled at each level, by metric."""


def stress_results(
    axis: AxisEntry,
    overlaps_of: Mapping[str, Sequence[SampleOverlap]],
    build: Build,
    described: Mapping[str, MetricInfo],
) -> StressResults:
    """Curves of all systems, and comparisons of all pairs. The overlaps are those of all levels, by system."""
    at_levels = {name: by_level(axis, found) for name, found in overlaps_of.items()}
    infos = _described(axis, described)
    drawn = {name: _sampled(axis, levels, build) for name, levels in at_levels.items()}
    first = next(iter(at_levels.values()))[axis.plain_place]
    leading = [name for name, about in infos.items() if about.leads]
    return StressResults(
        axis=axis,
        questions=len(first),
        images=len({overlap.image_id for overlap in first}),
        metrics=infos,
        curves={
            system: {name: _curve(axis, [one[name] for one in levels], infos[name]) for name in infos}
            for system, levels in drawn.items()
        },
        pairs=_pairs(axis, drawn, infos, leading),
    )


def by_level(axis: AxisEntry, overlaps: Sequence[SampleOverlap]) -> list[list[SampleOverlap]]:
    """The overlaps of each level, those of one question at the same place in all of them."""
    levels = [[one for one in overlaps if one.sample.facts[LEVEL] == level] for level in axis.levels]
    asked = [[one.sample.facts[QUESTION] for one in level] for level in levels]
    if any(one != asked[0] for one in asked):
        raise ValueError(f"expected the same questions at every level of {axis.name}")
    return levels


def areas(axis: AxisEntry, overlaps: Sequence[SampleOverlap], build: Build, names: Sequence[str]) -> dict[str, Sampled]:
    """The area under the curve of these metrics of the protocol."""
    levels = [sampled([one.image_id for one in level], build(level)) for level in by_level(axis, overlaps)]
    found = {name: area_under(axis, [level[name] for level in levels]) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _described(axis: AxisEntry, described: Mapping[str, MetricInfo]) -> dict[str, MetricInfo]:
    added = {name: about for name, about in ADDED.items() if name != AGREEMENT or axis.same_answer}
    both = {**described, **{name: about for name, about in added.items() if name not in described}}
    return dict(sorted(both.items(), key=lambda item: not item[1].leads))


def _sampled(axis: AxisEntry, levels: Sequence[Sequence[SampleOverlap]], build: Build) -> Levels:
    plain = levels[axis.plain_place]
    found = []
    for level in levels:
        protocol, added = build(level), _added(level, plain if axis.same_answer else None)

        def measure(
            weights: Weights, protocol: Measure = protocol, added: Measure = added
        ) -> dict[str, NDArray[np.float64]]:
            return {**added(weights), **protocol(weights)}

        found.append(sampled([one.image_id for one in level], measure))
    return found


def _added(level: Sequence[SampleOverlap], plain: Sequence[SampleOverlap] | None) -> Measure:
    answers = [one.prediction for one in level]
    diagnoses = [diagnose(one) for one in level]
    one = np.ones(len(level), dtype=np.int64)
    columns: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        EXACT_SETS: (np.array([d.sample == "exact_set" for d in diagnoses]), one),
        DUPLICATES: (100.0 * np.array([d.counts["duplicate"] for d in diagnoses]), one),
        SECONDS: _known([one.latency for one in answers]),
        PROCESSOR: _known([one.processor for one in answers]),
        CALLS: (np.array([len(one.calls) for one in answers]), one),
    }
    on_target = [_on_targets(one) for one in level]
    columns[MASKS] = (
        np.array([found.sum() for found in on_target]),
        np.array([(found > 0).sum() for found in on_target]),
    )
    if plain is not None:
        same = [agreement(a, b.prediction) for a, b in zip(answers, plain, strict=True)]
        columns[AGREEMENT] = (np.array(same), one)
    return lambda weights: {name: weighted_mean(*column, weights) for name, column in columns.items()}


def _on_targets(overlap: SampleOverlap) -> NDArray[np.int64]:
    """How many masks are on each target, `[T]`: of those that are on several, on the one they cover best."""
    iou = np.concatenate([overlap.iou, overlap.iou_candidates])
    if not iou.size:
        return np.zeros(overlap.n_targets, dtype=np.int64)
    best = iou.argmax(axis=1)[iou.max(axis=1) >= ON_TARGET]
    return np.bincount(best, minlength=overlap.n_targets)


def _known(values: Sequence[float | None]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Values and which of them are known, for a mean of those."""
    known = np.array([value is not None for value in values], dtype=np.int64)
    return np.array([value or 0.0 for value in values]), known


def agreement(a: Prediction, b: Prediction) -> float:
    """IoU of the pooled masks of two answers about pictures of one size; 1 where both are empty."""
    pooled = [_pooled(one) for one in (a, b)]
    if pooled[0] is None or pooled[1] is None:
        return float(pooled[0] is pooled[1])
    union = int((pooled[0] | pooled[1]).sum())
    return int((pooled[0] & pooled[1]).sum()) / union if union else 1.0


def _pooled(answer: Prediction) -> NDArray[np.bool_] | None:
    found = [masks.decode(one.mask) for one in answer.instances] if answer.outcome == OK else []
    return np.logical_or.reduce(found) if found else None


def _curve(axis: AxisEntry, levels: Sequence[Sampled], info: MetricInfo) -> StressCurve:
    fraction = info.unit == FRACTION
    values = [one.value for one in levels]
    area = area_under(axis, levels)
    half = half_place(axis, np.array(values)[:, None], info)[0]
    return StressCurve(
        values=[defined(value) for value in values],
        intervals=[interval(one, fraction) for one in levels],
        half=level_at(axis, half),
        half_interval=half_interval(axis, levels, info, half),
        area=None if area is None else defined(area.value),
        area_interval=None if area is None else interval(area, fraction),
    )


def _pairs(
    axis: AxisEntry, drawn: Mapping[str, Levels], infos: Mapping[str, MetricInfo], leading: Sequence[str]
) -> list[StressPair]:
    pairs: list[StressPair] = []
    for a, b in combinations(drawn, 2):
        for name in leading:
            apart = [ours[name] - theirs[name] for ours, theirs in zip(drawn[a], drawn[b], strict=True)]
            fraction = infos[name].unit == FRACTION
            chances = [spread(one, fraction) for one in apart]
            area = area_under(axis, apart)
            chance = None if area is None else spread(area, fraction)
            pairs.append(
                StressPair(
                    a=a,
                    b=b,
                    metric=name,
                    differences=[defined(one.value) for one in apart],
                    intervals=[None if one is None else one.interval for one in chances],
                    area=None if area is None else defined(area.value),
                    area_interval=None if chance is None else chance.interval,
                    p=None if chance is None else chance.p,
                    p_holm=None,
                    crossings=crossings(axis, apart) if axis.ordered else [],
                )
            )
    corrected = holm({str(place): pair.p for place, pair in enumerate(pairs)})
    return [pair.model_copy(update={"p_holm": corrected[str(place)]}) for place, pair in enumerate(pairs)]
