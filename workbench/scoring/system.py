"""Scores a system on a benchmark, by the protocol that the benchmark names.

A protocol is an entry point of group `workbench.metrics`: a function from the overlaps of a system's answers to a
measure, which gives the metric values of any reweighted copy of the data set. Everything else here, the
intervals, groups, costs and diagnosis, is the same for all protocols. Results are plain JSON types; a value that is
undefined, as a share of no samples or average precision without targets, is None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workbench.data.metric_info import FRACTION, MetricInfo, described
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.failures.taxonomy import diagnose, missed_reasons, tally
from workbench.metrics import latency
from workbench.metrics.groups import by_kind, by_targets
from workbench.metrics.overlaps import SampleOverlap, overlaps, pair
from workbench.metrics.statistics import Interval, Measure, values
from workbench.metrics.uncertainty import Sampled, interval, intervals
from workbench.plugins.registry import load
from workbench.scoring.gathered import Gathered, gather, gather_known, row_of, with_overlaps


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
    return score_gathered(gather(pairs) if overlapping is None else gather_known(pairs, overlapping), protocol, build)


def score_gathered(
    found: Gathered,
    protocol: str,
    build: Callable[..., Measure],
    drawn: Mapping[str, Sampled] | None = None,
) -> dict[str, Any]:
    """`score` of gathered answers by the function of a protocol. drawn: the metrics of all samples on bootstrap draws,
    if they have been computed already."""
    overlapping, spent = found.overlaps, found.spent
    diagnoses = [diagnose(overlap) for overlap in overlapping]
    measured = _measured(overlapping, build, drawn)
    return {
        "protocol": protocol,
        "samples": found.samples,
        "unscored": found.samples - len(overlapping) - found.without_truth,
        "without_truth": found.without_truth,
        "n_failed": found.failures.total(),
        "failures": dict(sorted(found.failures.items())),
        "metrics": measured["metrics"],
        "intervals": measured["intervals"],
        "by_targets": {name: _measured(group, build) for name, group in by_targets(overlapping).items()},
        "by_kind": {kind: _measured(group, build) for kind, group in by_kind(overlapping).items()},
        "latency": latency.latency(spent),
        "calls_per_sample": latency.calls_per_sample(spent),
        "tokens_per_sample": latency.tokens_per_sample(spent),
        "per_correct_instance": latency.per_correct_instance(spent, found.correct),
        "diagnosis": tally(diagnoses),
        "missed_targets": missed_reasons(diagnoses),
        **found.calls,
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
    if overlapping is None:
        overlapping = overlaps((sample for sample, _ in pairs), (answer for _, answer in pairs))
    return [row_of(*asked, overlap) for asked, overlap in with_overlaps(pairs, overlapping)]


def _measured(
    group: Sequence[SampleOverlap], build: Callable[..., Measure], drawn: Mapping[str, Sampled] | None = None
) -> dict[str, Any]:
    measure = build(group)
    metrics = values(measure, len(group))
    bounded = fractions(build, metrics)
    if drawn is None:
        found = intervals([overlap.image_id for overlap in group], measure, bounded)
    else:
        found = {name: interval(one, name in bounded) for name, one in drawn.items()}
    return {
        "samples": len(group),
        "metrics": metrics,
        "intervals": {name: _listed(one) for name, one in found.items()},
    }


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
