"""How systems differ on the same samples: every metric, failure rate and latency, with what chance would make of it."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.numbers import many
from workbench.data.predictions import Prediction
from workbench.data.results import PairDifference
from workbench.data.vocabulary import INSTANCE_CATEGORIES, MATCHED, MISSED, SAMPLE_CATEGORIES
from workbench.failures.taxonomy import diagnose
from workbench.metrics.latency import durations, enough_images
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import (
    DRAWS,
    LEVEL,
    MIN_IMAGES,
    Measure,
    Spread,
    Weights,
    estimate,
    holm,
    mcnemar,
    paired,
    percentile_spreads,
)
from workbench.metrics.uncertainty import Sampled, sampled, spread
from workbench.plugins.registry import load
from workbench.runs.files import finite
from workbench.scoring.system import fractions

RATES = (*SAMPLE_CATEGORIES, *(category for category in INSTANCE_CATEGORIES if category != MATCHED), MISSED)
"""Shares of samples: those in the category, or with at least one instance or target in it."""

DRAWS_PER_TEST = 100
"""Of latencies, whose p-values are shares of draws: a corrected one is at least 2 * tests / draws, here 0.02, and with
fewer draws nothing could be told from chance."""

PACES = ("p50", "p90", "mean")
"""What is compared of two systems' latencies."""

Difference = dict[str, Any]
Answers = Mapping[str, Sequence[Prediction]]
Repeated = Mapping[str, Mapping[str, Sequence[float]]]
"""By system and sample id: the seconds of a sample that was asked again in turns."""


def pairwise_differences(
    overlaps_of: Mapping[str, Sequence[SampleOverlap]],
    protocol: str = "inst2seg",
    answers: Answers | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
    draws: int = DRAWS,
    repeated: Repeated | None = None,
) -> list[PairDifference]:
    """How each pair of systems differs, first minus second. The systems must have answered the same samples, in the
    same order.

    `overlaps_of`: the overlaps of each system's answers with the truth, by system. `pairs`: the pairs of names to
    compare; all pairs where it is None. `answers`: the systems' answers, of which the latencies are compared; without
    them, no latencies are compared. `repeated`: the times of samples that were asked again in turns; for a pair that
    has them, each sample's medians of these are compared instead. `draws`: how many draws the bootstrap over images
    takes.

    Intervals and p-values of metrics are those of `workbench.metrics.uncertainty`. The p-values of `RATES` are
    McNemar's. `p_holm` is corrected for all metrics, rates or latencies of all pairs. An interval leaves out 0 where
    the p-value is below 0.05 before that correction. Both are None where there is too little data; `note` then says so.
    """
    compared = list(combinations(overlaps_of, 2) if pairs is None else pairs)
    build = load("metrics", protocol)
    # every system is measured on every draw once, however many pairs it is in
    sides = {
        name: side_of(overlaps_of[name], build, _latencies((answers or {}).get(name, ())), draws)
        for name in dict.fromkeys(chain.from_iterable(compared))
    }
    return differences_of(sides, build, compared, draws, repeated)


@dataclass(frozen=True, eq=False)
class Side:
    """What is compared of a system: of S scored samples, which are the same for all systems."""

    sample_ids: Sequence[str]
    """`[S]`"""
    image_ids: Sequence[str]
    """`[S]`"""
    drawn: Mapping[str, Sampled]
    """each metric on bootstrap draws"""
    shown: NDArray[np.bool_]
    """`[S, R]` which of `RATES` each sample shows"""
    latencies: Mapping[str, float]
    """seconds of each sample that was timed alone, by id"""


def side_of(
    overlaps: Sequence[SampleOverlap],
    build: Callable[..., Measure],
    latencies: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> Side:
    """What is compared of a system by the function of a protocol. latencies: of its samples that were timed alone."""
    images = [overlap.image_id for overlap in overlaps]
    drawn = sampled(images, build(overlaps), draws)
    return Side([overlap.sample_id for overlap in overlaps], images, drawn, flags(overlaps), latencies or {})


def differences_of(
    sides: Mapping[str, Side],
    build: Callable[..., Measure],
    pairs: Sequence[tuple[str, str]],
    draws: int = DRAWS,
    repeated: Repeated | None = None,
) -> list[PairDifference]:
    """`pairwise_differences` of what was measured of each system already."""
    compared = [_pair(a, b, sides[a], sides[b], build, draws) for a, b in pairs]
    enough = max(draws, DRAWS_PER_TEST * len(pairs) * len(PACES))
    for pair in compared:
        names = (pair["a"], pair["b"])
        first, second = (sides[name] for name in names)
        ours: Mapping[str, float]
        theirs: Mapping[str, float]
        ours, theirs, repeats = in_turns(*((repeated or {}).get(name, {}) for name in names))
        if not repeats:
            ours, theirs = first.latencies, second.latencies
        pair |= {**paces(first.sample_ids, first.image_ids, ours, theirs, enough), "repeats": repeats}
    for family in ("metrics", "rates", "latency"):
        keys = [(place, name) for place, pair in enumerate(compared) for name in pair[family]]
        corrected = holm({f"{place} {name}": compared[place][family][name]["p"] for place, name in keys})
        for place, name in keys:
            compared[place][family][name]["p_holm"] = corrected[f"{place} {name}"]
    return [PairDifference.from_json(finite(pair), f"{pair['a']} against {pair['b']}") for pair in compared]


def flags(overlaps: Sequence[SampleOverlap]) -> NDArray[np.bool_]:
    """Which of `RATES` each sample shows, `[S, R]`."""
    rows = []
    for overlap in overlaps:
        diagnosis = diagnose(overlap)
        shown = {diagnosis.sample, *diagnosis.instances} | {MISSED for t in diagnosis.targets if t != MATCHED}
        rows.append([name in shown for name in RATES])
    return np.array(rows, dtype=bool).reshape(-1, len(RATES))


def _minus(a: Mapping[str, Sampled], b: Mapping[str, Sampled], fractions: Collection[str]) -> dict[str, Difference]:
    """Every metric of one system minus that of another, on the same samples and draws."""
    apart = {name: one - b[name] for name, one in a.items()}
    return {name: _difference(one.value, spread(one, name in fractions)) for name, one in apart.items()}


def _pair(a: str, b: str, ours: Side, theirs: Side, build: Callable[..., Measure], draws: int) -> dict[str, Any]:
    if ours.sample_ids != theirs.sample_ids:
        raise ValueError(f"expected answers of {a} and {b} to the same samples in the same order")
    images, shown, shown_by_b = ours.image_ids, ours.shown, theirs.shown
    n_images = len(set(images))
    shares = sampled(images, paired(_shares(shown), _shares(shown_by_b)), draws)
    rates = {
        name: _rate(images, shown[:, place], shown_by_b[:, place], shares[name]) for place, name in enumerate(RATES)
    }
    return {
        "a": a,
        "b": b,
        "metrics": _minus(ours.drawn, theirs.drawn, fractions(build, ours.drawn)),
        "rates": rates,
        "note": None if n_images >= MIN_IMAGES else f"too little data: {many(n_images, 'image')}, {MIN_IMAGES} needed",
    }


def _rate(images: Sequence[str], a: NDArray[np.bool_], b: NDArray[np.bool_], share: Sampled) -> Difference:
    """How often `a` is true, less how often `b` is, `[S]` each. Where McNemar's test and the interval disagree on
    whether the difference is beyond chance, it is not."""
    drawn, p = spread(share), mcnemar(images, a, b)
    if drawn is not None and p is not None:
        low, high = drawn.interval
        if p >= 1 - LEVEL:
            drawn = Spread((min(low, 0.0), max(high, 0.0)), p)
        elif drawn.p < 1 - LEVEL:
            drawn = Spread(drawn.interval, p)
    return _difference(share.value, drawn) | {"only_a": int((a & ~b).sum()), "only_b": int((b & ~a).sum())}


def _latencies(answers: Sequence[Prediction]) -> dict[str, float]:
    return {answer.sample_id: answer.latency for answer in answers if answer.latency is not None}


def in_turns(
    ours: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]
) -> tuple[dict[str, float], dict[str, float], int]:
    """The median seconds of each sample that both systems were asked again, of both, and how often they were at least.
    Only the repeats that both completed count.
    """
    common = [sample_id for sample_id in ours if sample_id in theirs]
    turns = min((min(len(ours[name]), len(theirs[name])) for name in common), default=0)
    a, b = ({name: float(np.median(side[name][:turns])) for name in common if turns} for side in (ours, theirs))
    return a, b, turns


def paces(
    sample_ids: Sequence[str],
    image_ids: Sequence[str],
    a: Mapping[str, float],
    b: Mapping[str, float],
    draws: int = DRAWS,
) -> dict[str, Any]:
    """`latency` and `timed` of a pair whose latencies in seconds are given by sample id, over the samples of both.
    sample_ids, image_ids: of the samples that are compared."""
    ids = zip(sample_ids, image_ids, strict=True)
    common = [(sample_id, image_id) for sample_id, image_id in ids if sample_id in a and sample_id in b]
    if not common:
        return {"latency": {}, "timed": 0}
    images = [image_id for _, image_id in common]
    of_a, of_b = (durations([side[sample_id] for sample_id, _ in common], names=PACES[:-1]) for side in (a, b))

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        over, under = of_a(weights), of_b(weights)
        return {name: over[name] - under[name] for name in PACES} | {
            f"{name} ratio": over[name] / under[name] for name in PACES
        }

    differences = _differences(images, measure, draws)
    result = {}
    for name in PACES:
        ratio = differences[f"{name} ratio"]
        result[name] = differences[name] | {"ratio": ratio["difference"], "ratio_interval": ratio["interval"]}
        if not enough_images(name, len(set(images))):
            result[name] |= {"interval": None, "p": None, "ratio_interval": None}
    return {"latency": result, "timed": len(common)}


def _differences(images: Sequence[str], measure: Measure, draws: int) -> dict[str, Difference]:
    spread_of = percentile_spreads(images, measure, draws)
    return {name: _difference(value, spread_of[name]) for name, value in estimate(measure, len(images)).items()}


def _difference(value: float, drawn: Spread | None) -> Difference:
    return {
        "difference": None if math.isnan(value) else value,
        "interval": None if drawn is None else list(drawn.interval),
        "p": None if drawn is None else drawn.p,
    }


def _shares(shown: NDArray[np.bool_]) -> Measure:
    counted = np.ascontiguousarray(shown.T, dtype=np.float64)

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        total = weights.sum(axis=0)
        counts = counted @ weights
        shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
        return dict(zip(RATES, shares, strict=True))

    return measure
