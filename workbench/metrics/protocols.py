"""Scores a system on a benchmark, by the protocol that the benchmark names.

A protocol is an entry point of group `workbench.metrics`: a function from the overlaps of a system's answers to a
measure, which gives the metric values (fractions) of any reweighted copy of the data set. Everything else here, the
intervals, groups, costs and diagnosis, is the same for all protocols. Results are plain JSON types; a value that is
undefined, as N_acc without no-target samples or AP without targets, is None.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.failures.calls import call_failures, tally_calls
from workbench.failures.funnel import STAGES, stages_passed
from workbench.failures.taxonomy import MATCHED, MISSED_REASONS, SAMPLE_CATEGORIES, diagnose, missed_reasons, tally
from workbench.metrics import latency
from workbench.metrics.ap import average_precision, rank
from workbench.metrics.matching import IOU_THRESHOLDS, SampleOverlap, overlaps, pair
from workbench.metrics.overlap import ciou, giou, sample_iou
from workbench.metrics.presence import no_target_accuracy, target_accuracy
from workbench.metrics.referring import areas
from workbench.metrics.statistics import Interval, Measure, Weights, estimate, intervals
from workbench.predictions import OK, Prediction
from workbench.registry import load
from workbench.samples import Sample

AP50 = int(np.flatnonzero(IOU_THRESHOLDS == 0.5)[0])
AP75 = int(np.flatnonzero(IOU_THRESHOLDS == 0.75)[0])
TARGET_BINS = ("0", "1", ">=2")
FUNNEL_COLUMNS = tuple(f"funnel_{stage}" for stage in STAGES)
MISSED_COLUMNS = tuple(f"missed_{reason}" for reason in MISSED_REASONS)


def inst2seg(overlaps: Sequence[SampleOverlap]) -> Measure:
    """Inst2Seg-Bench: mAP, AP50, AP75 over all instructions; gIoU and cIoU of pooled masks; N_acc and T_acc.

    A run that failed scores 0 in gIoU also where nothing was asked for: it did not answer.
    """
    ranking = rank(overlaps)
    intersection, union = areas(overlaps)
    iou = np.where([o.outcome == OK for o in overlaps], sample_iou(intersection, union), 0.0)

    def measure(weights: Weights) -> dict[str, Any]:
        ap = average_precision(ranking, weights)
        return {
            "mAP": ap.mean(axis=0),
            "AP50": ap[AP50],
            "AP75": ap[AP75],
            "gIoU": giou(iou, weights),
            "cIoU": ciou(intersection, union, weights),
            "N_acc": no_target_accuracy(overlaps, weights),
            "T_acc": target_accuracy(overlaps, weights),
        }

    return measure


def grefcoco_instructsam(overlaps: Sequence[SampleOverlap]) -> Measure:
    """gRefCOCO as InstructSAM scores it: mAP, AP50, AP75, gIoU, cIoU, as on Inst2Seg-Bench."""
    measured = inst2seg(overlaps)

    def measure(weights: Weights) -> dict[str, Any]:
        found = measured(weights)
        return {name: found[name] for name in ("mAP", "AP50", "AP75", "gIoU", "cIoU")}

    return measure


def values(measure: Measure, n_samples: int) -> dict[str, float | None]:
    """The value of each metric on the data set itself, None where undefined."""
    return _defined(estimate(measure, n_samples))


def by_targets(found: Sequence[SampleOverlap]) -> dict[str, list[SampleOverlap]]:
    """The samples with no, one and several targets."""
    return {name: [o for o in found if TARGET_BINS[min(o.n_targets, 2)] == name] for name in TARGET_BINS}


def by_kind(found: Sequence[SampleOverlap]) -> dict[str, list[SampleOverlap]]:
    """The samples of each kind, where the benchmark has kinds."""
    kinds = sorted({overlap.kind for overlap in found if overlap.kind is not None})
    return {kind: [o for o in found if o.kind == kind] for kind in kinds}


def score(
    samples: Iterable[Sample],
    predictions: Iterable[Prediction],
    protocol: str = "inst2seg",
    found: Sequence[SampleOverlap] | None = None,
) -> dict[str, Any]:
    """Everything that is reported of one system on one benchmark.

    `found`: the overlaps of these samples and predictions, where they have been computed already. An answer whose
    outcome is not `ok` scores as an empty one and is counted in `failures`. Samples whose annotation is unusable are
    counted there and in `unscored`, but have no truth to be scored against. Raises `ConfigurationError` for an unknown
    protocol and where samples and predictions do not fit together.
    """
    build = load("metrics", protocol)
    pairs = pair(samples, predictions)
    answers = [answer for _, answer in pairs]
    found = overlaps((sample for sample, _ in pairs), answers) if found is None else found
    failures = Counter(answer.outcome for answer in answers if answer.outcome != OK)
    diagnoses = [diagnose(overlap) for overlap in found]
    correct = {o.sample_id: d.counts[MATCHED] for o, d in zip(found, diagnoses, strict=True)}
    measured = _measured(found, build)
    return {
        "protocol": protocol,
        "samples": len(pairs),
        "unscored": len(pairs) - len(found),
        "n_failed": failures.total(),
        "failures": dict(sorted(failures.items())),
        "metrics": measured["metrics"],
        "intervals": measured["intervals"],
        "by_targets": {name: _measured(group, build) for name, group in by_targets(found).items()},
        "by_kind": {kind: _measured(group, build) for kind, group in by_kind(found).items()},
        "latency": latency.latency(pairs),
        "calls_per_sample": latency.calls_per_sample(answers),
        "tokens_per_sample": latency.tokens_per_sample(answers),
        "per_correct_instance": latency.per_correct_instance(pairs, correct),
        "diagnosis": tally(diagnoses),
        "missed_targets": missed_reasons(diagnoses),
        **tally_calls(answers),
    }


def table(
    samples: Iterable[Sample], predictions: Iterable[Prediction], found: Sequence[SampleOverlap] | None = None
) -> list[dict[str, Any]]:
    """One flat row per sample: who it is, how it was answered, what it cost, what went wrong, how far targets got.

    `found`: the overlaps of these samples and predictions, where they have been computed already. `iou` is the sample's
    term of gIoU (two empty masks give 1). It, the areas and the diagnosis are None for a sample whose annotation is
    unusable.
    """
    pairs = pair(samples, predictions)
    found = overlaps((sample for sample, _ in pairs), (answer for _, answer in pairs)) if found is None else found
    scored = {overlap.sample_id: overlap for overlap in found}
    return [
        {
            "sample_id": sample.sample_id,
            "image_id": sample.image_id,
            "kind": sample.kind,
            "n_targets": len(sample.targets),
            "n_instances": len(answer.instances) if answer.outcome == OK else 0,
            "outcome": answer.outcome,
            "message": answer.message,
            "latency": answer.latency,
            **_costs(answer),
            **_verdict(scored.get(sample.sample_id)),
        }
        for sample, answer in pairs
    ]


def _measured(group: Sequence[SampleOverlap], build: Any) -> dict[str, Any]:
    measure: Measure = build(group)
    spread = intervals([overlap.image_id for overlap in group], measure)
    return {
        "samples": len(group),
        "metrics": values(measure, len(group)),
        "intervals": {name: _listed(interval) for name, interval in spread.items()},
    }


def _defined(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _costs(answer: Prediction) -> dict[str, float | int]:
    kinds = [call.kind for call in answer.calls]
    seconds = {
        f"seconds_{kind}": float(sum(call.duration for call in answer.calls if call.kind == kind))
        for kind in latency.CALL_KINDS
    }
    return {
        "calls": len(kinds),
        "calls_llm": kinds.count("llm"),
        "calls_segment": kinds.count("segment"),
        **seconds,
        "tokens_in": sum(call.tokens_in for call in answer.calls),
        "tokens_out": sum(call.tokens_out for call in answer.calls),
        **{f"calls_{category}": count for category, count in call_failures(answer).items()},
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
        **{f"missed_{reason}": count for reason, count in missed_reasons([diagnosis]).items()},
        **{name: int((passed > place).sum()) for place, name in enumerate(FUNNEL_COLUMNS)},
    }
