"""How systems differ on the same samples: every metric, failure rate and latency, with what chance would make of it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.predictions import Prediction
from workbench.data.results import PairDifference
from workbench.data.vocabulary import INSTANCE_CATEGORIES, MATCHED, MISSED, SAMPLE_CATEGORIES
from workbench.failures.taxonomy import diagnose
from workbench.metrics.latency import durations, enough_images
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import (
    DRAWS,
    MIN_IMAGES,
    Measure,
    Spread,
    Weights,
    draw,
    estimate,
    holm,
    mcnemar,
    paired,
    spread,
    spreads,
    values,
)
from workbench.plugins.registry import load
from workbench.runs.files import finite

RATES = (*SAMPLE_CATEGORIES, *(category for category in INSTANCE_CATEGORIES if category != MATCHED), MISSED)
"""Shares of samples: those in the category, or with at least one instance or target in it."""

DRAWS_PER_TEST = 100
"""A corrected p-value is at least 2 * tests / draws, here 0.02: with fewer, nothing could be told from chance."""

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
    draws: int | None = None,
    repeated: Repeated | None = None,
) -> list[PairDifference]:
    """How each pair of systems differs, first minus second. The systems must have answered the same samples, in the
    same order.

    `overlaps_of`: the overlaps of each system's answers with the truth, by system. `pairs`: the pairs of names to
    compare; all pairs where it is None. `answers`: the systems' answers, of which the latencies are compared; without
    them, no latencies are compared. `repeated`: the times of samples that were asked again in turns; for a pair that
    has them, each sample's medians of these are compared instead. `draws`: how many draws the bootstrap over images
    takes. None means 100 for each metric of each pair, and at least 2,000.

    The p-values of `RATES` are McNemar's, all others the bootstrap's. `p_holm` is corrected for all metrics, rates or
    latencies of all pairs. Intervals and p-values are None where there is too little data; `note` then says so.
    """
    sides = list(combinations(overlaps_of, 2) if pairs is None else pairs)
    if draws is None:
        draws = max(DRAWS, DRAWS_PER_TEST * len(sides) * (_n_metrics(overlaps_of, protocol) if sides else 0))
    build = load("metrics", protocol)
    # every system is measured on every draw once, however many pairs it is in
    drawn = {name: _drawn(overlaps_of[name], build, draws) for name in dict.fromkeys(chain.from_iterable(sides))}
    compared = [_pair(a, b, overlaps_of, drawn, draws) for a, b in sides]
    for pair in compared:
        names = (pair["a"], pair["b"])
        ours, theirs, repeats = in_turns(*((repeated or {}).get(name, {}) for name in names))
        if not repeats:
            ours, theirs = (_latencies((answers or {}).get(name, ())) for name in names)
        pair |= {**paces(overlaps_of[pair["a"]], ours, theirs, draws), "repeats": repeats}
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


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The metrics of a system, on its samples and in every draw."""

    values: dict[str, float]
    draws: dict[str, NDArray[np.float64]]


def _drawn(overlaps: Sequence[SampleOverlap], build: Callable[..., Measure], draws: int) -> _Drawn:
    measure = build(overlaps)
    images = [overlap.image_id for overlap in overlaps]
    return _Drawn(estimate(measure, len(images)), draw(images, measure, draws))


def _minus(a: _Drawn, b: _Drawn) -> dict[str, Difference]:
    """Every metric of one system minus that of another, on the same samples and draws."""
    found = {}
    for name, value in a.values.items():
        difference = value - b.values[name]
        drawn = spread(a.draws[name] - b.draws[name], difference) if name in a.draws else None
        found[name] = _difference(difference, drawn)
    return found


def _pair(
    a: str, b: str, overlaps_of: Mapping[str, Sequence[SampleOverlap]], drawn: Mapping[str, _Drawn], draws: int
) -> dict[str, Any]:
    ours, theirs = overlaps_of[a], overlaps_of[b]
    if [overlap.sample_id for overlap in ours] != [overlap.sample_id for overlap in theirs]:
        raise ValueError(f"expected answers of {a} and {b} to the same samples in the same order")
    images = [overlap.image_id for overlap in ours]
    n_images = len(set(images))
    shown, shown_by_b = flags(ours), flags(theirs)
    rates = _differences(images, paired(_shares(shown), _shares(shown_by_b)), draws)
    for place, name in enumerate(RATES):
        mine, other = shown[:, place], shown_by_b[:, place]
        rates[name] |= {
            "p": mcnemar(images, mine, other),
            "only_a": int((mine & ~other).sum()),
            "only_b": int((other & ~mine).sum()),
        }
    return {
        "a": a,
        "b": b,
        "metrics": _minus(drawn[a], drawn[b]),
        "rates": rates,
        "note": None if n_images >= MIN_IMAGES else f"too little data: {n_images} images, {MIN_IMAGES} needed",
    }


def _n_metrics(overlaps_of: Mapping[str, Sequence[SampleOverlap]], protocol: str) -> int:
    overlaps = next(iter(overlaps_of.values()))
    return len(values(load("metrics", protocol)(overlaps), len(overlaps)))


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
    samples: Sequence[SampleOverlap], a: Mapping[str, float], b: Mapping[str, float], draws: int = DRAWS
) -> dict[str, Any]:
    """`latency` and `timed` of a pair whose latencies in seconds are given by sample id, over the samples of both."""
    common = [sample for sample in samples if sample.sample_id in a and sample.sample_id in b]
    if not common:
        return {"latency": {}, "timed": 0}
    images = [sample.image_id for sample in common]
    of_a, of_b = (durations([side[s.sample_id] for s in common], names=PACES[:-1]) for side in (a, b))

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
    spread_of = spreads(images, measure, draws)
    return {name: _difference(value, spread_of[name]) for name, value in estimate(measure, len(images)).items()}


def _difference(value: float, drawn: Spread | None) -> Difference:
    return {
        "difference": None if math.isnan(value) else value,
        "interval": None if drawn is None else list(drawn.interval),
        "p": None if drawn is None else drawn.p,
    }


def _shares(shown: NDArray[np.bool_]) -> Measure:
    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        total = weights.sum(axis=0)
        counts = shown.T.astype(np.float64) @ weights
        shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
        return dict(zip(RATES, shares, strict=True))

    return measure
