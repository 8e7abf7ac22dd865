"""Scores a system on a benchmark, by the protocol that the benchmark names.

A protocol is an entry point of group `workbench.metrics`: a function from the overlaps of a system's answers to a
measure, which gives the metric values of any reweighted copy of the data set. Everything else here, the
intervals, groups, costs and diagnosis, is the same for all protocols. Results are plain JSON types; a value that is
undefined, as a share of no samples or average precision without targets, is None.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.data.metric_info import FRACTION, MetricInfo, described
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import CALL_KINDS, MATCHED, MISSED_REASONS, MISTAKES, OTHER, SAMPLE_CATEGORIES
from workbench.failures.calls import call_failures, tally_calls
from workbench.failures.funnel import stages_passed
from workbench.failures.taxonomy import STAGES, diagnose, missed_reasons, tally
from workbench.metrics import latency
from workbench.metrics.groups import by_kind, by_targets
from workbench.metrics.overlaps import SampleOverlap, overlaps, pair
from workbench.metrics.pooled import sample_iou
from workbench.metrics.statistics import Interval, Measure, values
from workbench.metrics.uncertainty import intervals
from workbench.plugins.registry import load

FUNNEL_COLUMNS = tuple(f"funnel_{stage}" for stage in STAGES)
MISSED_COLUMNS = tuple(f"missed_{reason}" for reason in (*MISSED_REASONS, OTHER))


def metrics_of(protocol: str, names: Iterable[str]) -> dict[str, MetricInfo]:
    """What is known of each of these metrics of a protocol, the leading ones first."""
    return described(load("metrics", protocol), names)


def fractions(build: Callable[..., Measure], names: Iterable[str]) -> set[str]:
    """Those of these metrics of a protocol's function that lie in [0, 1]."""
    return {name for name, info in described(build, names).items() if info.unit == FRACTION}


def score(
    samples: Iterable[Sample],
    predictions: Iterable[Prediction],
    protocol: str = "inst2seg",
    overlapping: Sequence[SampleOverlap] | None = None,
) -> dict[str, Any]:
    """Everything that is reported of one system on one benchmark.

    `overlapping`: the overlaps of these samples and predictions, if they have been computed already. An answer whose
    outcome is not `ok` scores as an empty answer and is counted in `failures`. Samples with an unusable annotation are
    counted there too, and in `unscored`; those that came without truth are counted in `without_truth`. Raises
    `ConfigurationError` for an unknown protocol, and where samples and predictions do not belong together.
    """
    build = load("metrics", protocol)
    pairs = pair(samples, predictions)
    answers = [answer for _, answer in pairs]
    overlapping = overlaps((sample for sample, _ in pairs), answers) if overlapping is None else overlapping
    failures = Counter(answer.outcome for answer in answers if answer.outcome != OK)
    diagnoses = [diagnose(overlap) for overlap in overlapping]
    correct = {o.sample_id: d.counts[MATCHED] for o, d in zip(overlapping, diagnoses, strict=True)}
    measured = _measured(overlapping, build)
    without_truth = sum(not sample.has_truth for sample, _ in pairs)
    return {
        "protocol": protocol,
        "samples": len(pairs),
        "unscored": len(pairs) - len(overlapping) - without_truth,
        "without_truth": without_truth,
        "n_failed": failures.total(),
        "failures": dict(sorted(failures.items())),
        "metrics": measured["metrics"],
        "intervals": measured["intervals"],
        "by_targets": {name: _measured(group, build) for name, group in by_targets(overlapping).items()},
        "by_kind": {kind: _measured(group, build) for kind, group in by_kind(overlapping).items()},
        "latency": latency.latency(pairs),
        "calls_per_sample": latency.calls_per_sample(answers),
        "tokens_per_sample": latency.tokens_per_sample(answers),
        "per_correct_instance": latency.per_correct_instance(pairs, correct),
        "diagnosis": tally(diagnoses),
        "missed_targets": missed_reasons(diagnoses),
        **tally_calls(answers),
    }


def table(
    samples: Iterable[Sample], predictions: Iterable[Prediction], overlapping: Sequence[SampleOverlap] | None = None
) -> list[dict[str, Any]]:
    """One flat row per sample: which sample, how it was answered, what it cost, what went wrong, how far its targets
    got.

    `overlapping`: the overlaps of these samples and predictions, if they have been computed already. `iou` is that of
    all answered and all target pixels (two empty masks give 1). The IoU, the areas and the diagnosis are None for a
    sample whose annotation is unusable or that has no truth.
    """
    pairs = pair(samples, predictions)
    overlapping = (
        overlaps((sample for sample, _ in pairs), (answer for _, answer in pairs))
        if overlapping is None
        else overlapping
    )
    scored = {overlap.sample_id: overlap for overlap in overlapping}
    return [
        {
            "sample_id": sample.sample_id,
            "image_id": sample.image_id,
            "kind": sample.kind,
            "n_targets": len(sample.targets) if sample.has_truth else None,
            "n_instances": len(answer.instances) if answer.outcome == OK else 0,
            "outcome": answer.outcome,
            "message": answer.message,
            "latency": answer.latency,
            **_costs(answer),
            **_verdict(scored.get(sample.sample_id)),
        }
        for sample, answer in pairs
    ]


def _measured(group: Sequence[SampleOverlap], build: Callable[..., Measure]) -> dict[str, Any]:
    measure = build(group)
    metrics = values(measure, len(group))
    found = intervals([overlap.image_id for overlap in group], measure, fractions(build, metrics))
    return {
        "samples": len(group),
        "metrics": metrics,
        "intervals": {name: _listed(interval) for name, interval in found.items()},
    }


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _costs(answer: Prediction) -> dict[str, float | int]:
    kinds = [call.kind for call in answer.calls]
    seconds = dict.fromkeys((*CALL_KINDS, OTHER), 0.0)
    for kind, spent in latency.wall_clock(answer.calls).items():
        seconds[kind if kind in CALL_KINDS else OTHER] += spent
    return {
        "calls": len(kinds),
        "calls_llm": kinds.count("llm"),
        "calls_segment": kinds.count("segment"),
        **{f"seconds_{kind}": spent for kind, spent in seconds.items()},
        "tokens_in": answer.tokens[0],
        "tokens_out": answer.tokens[1],
        **_columns("calls", MISTAKES, call_failures(answer)),
    }


def _verdict(overlap: SampleOverlap | None) -> dict[str, Any]:
    if overlap is None:
        names = ("iou", "intersection", "union", *tally([]), *MISSED_COLUMNS, *FUNNEL_COLUMNS)
        return dict.fromkeys(names)
    diagnosis, passed = diagnose(overlap), stages_passed(overlap)
    iou = sample_iou(np.array([overlap.intersection]), np.array([overlap.union]))
    return {
        "iou": float(iou[0]) if overlap.outcome == OK else 0.0,
        "intersection": overlap.intersection,
        "union": overlap.union,
        **diagnosis.counts,
        **{category: diagnosis.sample == category for category in SAMPLE_CATEGORIES},
        **_columns("missed", MISSED_REASONS, missed_reasons([diagnosis])),
        **{name: int((passed > place).sum()) for place, name in enumerate(FUNNEL_COLUMNS)},
    }


def _columns(family: str, known: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """A column for each known name, and one for all that systems named themselves, so that every table has the same."""
    columns = {f"{family}_{name}": counts[name] for name in known}
    return columns | {f"{family}_{OTHER}": sum(counts.values()) - sum(columns.values())}
