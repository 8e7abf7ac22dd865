"""What an answer costs: seconds of samples that ran alone, model calls, tokens, and each of these per correct instance.

Intervals are the central 95 % of a bootstrap over images (`workbench.metrics.statistics`).
`docs/latency.md` says what is timed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.numbers import many
from workbench.data.predictions import BAD_SAMPLE
from workbench.data.prices import Price
from workbench.metrics.spent import Pair, Spent
from workbench.metrics.statistics import LEVEL, MIN_IMAGES, Measure, Weights, estimate, percentile_intervals

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
TARGET_BINS = {"0": 0, "1": 1, "2": 2, "3-5": 3, "6+": 6}
"""The least number of targets of each bin."""
MANY_DURATIONS = 50_000
"""Durations from which on percentiles are looked for near their place first: most of a draw need not be summed."""
REACH = 0.04
"""How far from there, as a share of all durations."""


def percentiles(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, float | None]:
    """p50, p90, p95 and p99 (linear between neighbours) of durations; None without any."""
    values = np.quantile(seconds, list(QUANTILES.values())) if len(seconds) else [None] * len(QUANTILES)
    return {name: None if v is None else float(v) for name, v in zip(QUANTILES, values, strict=True)}


def durations(
    seconds: Sequence[float] | NDArray[np.float64],
    owners: Sequence[int] | NDArray[np.int64] | None = None,
    names: Iterable[str] = QUANTILES,
) -> Measure:
    """A measure of N durations: percentiles (`names`) and the mean. In a resampled data set, each duration occurs as
    often as its sample.

    owners: the sample of each duration, `[N]`; without it, there is one duration for each sample.
    """
    order = np.argsort(seconds, kind="stable")
    ranked = np.asarray(seconds, dtype=np.float64)[order]
    owner = order if owners is None else np.asarray(owners, dtype=np.int64)[order]
    shares = {name: QUANTILES[name] for name in names}
    whole = _Band(0, len(ranked), tuple(shares))
    bands = [whole] if len(ranked) < MANY_DURATIONS else [_near(name, len(ranked)) for name in shares]
    owned = int(owner.max(initial=-1)) + 1
    # of each sample: its durations, their sum, and how many of them lie before each band
    of_sample = [np.bincount(owner, minlength=owned), np.bincount(owner, ranked, minlength=owned)]
    sums = np.stack([*of_sample, *(np.bincount(owner[: band.first], minlength=owned) for band in bands)])

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        if not len(ranked):
            return dict.fromkeys((*shares, "mean"), np.full(weights.shape[1], np.nan))
        count, total, *before = sums @ weights[:owned].astype(np.float64)

        def within(band: _Band, passed: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
            inside = slice(band.first, band.last)
            reached = passed.astype(np.int64) + weights[owner[inside]].cumsum(axis=0, dtype=np.int64)
            places = {name: shares[name] * (count - 1) for name in band.names}
            return {name: _quantile(ranked[inside], passed, reached, place) for name, place in places.items()}

        found: dict[str, NDArray[np.float64]] = {}
        for band, passed in zip(bands, before, strict=True):
            found |= within(band, passed)
        beyond = tuple(name for name, values in found.items() if np.isnan(values[count > 0]).any())
        if beyond:
            found |= within(replace(whole, names=beyond), np.zeros(len(count)))
        return found | {"mean": _ratio(total, count)}

    return measure


@dataclass(frozen=True)
class _Band:
    """The ranks from `first` to before `last`, of durations in rising order, among which these percentiles lie."""

    first: int
    last: int
    names: tuple[str, ...]


def _near(name: str, durations: int) -> _Band:
    """Where a percentile of so many durations lies in almost any draw: the standard error of its rank is at most 0.5 %
    of 10,000 images."""
    rank, reach = QUANTILES[name] * durations, REACH * durations
    return _Band(max(0, int(rank - reach)), min(durations, int(rank + reach) + 1), (name,))


def enough_images(name: str, images: int) -> bool:
    """Whether this many images bound a percentile from above: the chance that all of them lie below it is at most 2.5
    %. That takes 10 images for the median, 36 for p90, 72 for p95 and 368 for p99.
    """
    return images >= MIN_IMAGES and bool(QUANTILES.get(name, 0.5) ** images <= (1 - LEVEL) / 2)


def latency(pairs: Iterable[Pair] | Spent) -> dict[str, Any]:
    """Latency of the samples that were timed alone (`latency` is not None), whatever their outcome.

    pairs: samples with their answers, in the order they were asked. The result has the seconds of all samples, and
    separately by number of targets, kind of instruction, whether the sample was the first about its image that the
    system saw, and number of rounds (see `workbench.metrics.rounds`): `{"samples", "p50", ..., "mean", "intervals",
    "note"}` each. `by_call`: see `_by_call`. `processor` is the mean of processor seconds, `waiting` the share of the
    time in which the process waited for a processor; None where that is not known of any sample.
    """
    costs = Spent.of(pairs)
    return {
        **_summary(costs, costs.timed),
        **_processors(costs),
        "by_call": _by_call(costs),
        "by_targets": _grouped(costs, [_target_bin(targets) for targets in costs.counts("targets").tolist()]),
        "by_kind": _grouped(costs, costs.kinds),
        "by_image": _grouped(costs, _is_first_of_image(costs)),
        "by_rounds": _grouped(costs, costs.counts("rounds").tolist()),
        "rounds": _per_round(costs),
    }


def calls_per_sample(costs: Spent) -> float | None:
    """Mean number of model calls of a sample, timed alone or not; None without predictions."""
    return int(costs.counts("calls").sum()) / len(costs) if len(costs) else None


def tokens_per_sample(costs: Spent) -> dict[str, float | None]:
    """Mean tokens read and written by language models for a sample; None without predictions."""
    if not len(costs):
        return {"in": None, "out": None}
    return {name: int(costs.counts(f"tokens_{name}").sum()) / len(costs) for name in ("in", "out")}


def per_correct_instance(pairs: Iterable[Pair] | Spent, correct: Mapping[str, int]) -> dict[str, Any]:
    """The cost of all samples for each correct instance, as sums over sums: `{"correct", "seconds", "calls",
    "tokens_in", "tokens_out", "intervals"}`; None where no instance is correct.

    correct: how many instances of a sample match a target at IoU 0.5, by sample id; 0 for samples that it leaves out.
    Seconds, and the correct instances that divide them, are those of the samples that were timed alone; calls and
    tokens are those of all samples.
    """
    costs = Spent.of(pairs)
    instances = _correct(costs, correct)
    timed = ~np.isnan(costs.latency)
    spent: dict[str, NDArray[Any]] = {"seconds": np.where(timed, costs.latency, 0.0)}
    spent |= {name: costs.counts(name) for name in ("calls", "tokens_in", "tokens_out")}

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        counts = {name: instances * timed if name == "seconds" else instances for name in spent}
        return {name: _ratio(cost @ weights, counts[name] @ weights) for name, cost in spent.items()}

    return {"correct": int(instances.sum()), **_estimated(costs.image_ids, measure)}


def cost(
    pairs: Iterable[Pair] | Spent, seconds: Sequence[float], correct: Mapping[str, int], price: Price
) -> dict[str, Any]:
    """The price of all samples: `{"total", "per_thousand_samples", "per_correct_instance", "intervals"}`.

    seconds: `[S]`, how long the system worked on each sample. correct: as for `per_correct_instance`.
    """
    costs = Spent.of(pairs)
    tokens = (costs.counts(name).tolist() for name in ("tokens_in", "tokens_out"))
    spent = np.array([price.of(*one) for one in zip(seconds, *tokens, strict=True)])
    instances = _correct(costs, correct)

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        return {
            "per_thousand_samples": 1000 * _ratio(spent @ weights, weights.sum(axis=0)),
            "per_correct_instance": _ratio(spent @ weights, instances @ weights),
        }

    return {"total": float(spent.sum()), **_estimated(costs.image_ids, measure)}


def _correct(costs: Spent, correct: Mapping[str, int]) -> NDArray[np.float64]:
    return np.array([correct.get(sample_id, 0) for sample_id in costs.sample_ids], dtype=np.float64)


def _summary(costs: Spent, chosen: NDArray[np.int64]) -> dict[str, Any]:
    """Of the samples at these places, all of which were timed alone."""
    seconds = costs.latency[chosen]
    images = [costs.image_ids[place] for place in chosen.tolist()]
    n_images = len(set(images))
    missing = [name for name in QUANTILES if not enough_images(name, n_images)]
    given = many(n_images, "image")
    return {
        "samples": len(chosen),
        **percentiles(seconds),
        "mean": float(np.mean(seconds)) if len(seconds) else None,
        "intervals": _intervals(images, durations(seconds), n_images),
        "note": f"too little data for an interval of {', '.join(missing)}: {given}" if missing else None,
    }


def _processors(costs: Spent) -> dict[str, float | None]:
    latency, processor, waited = (side[costs.timed] for side in (costs.latency, costs.processor, costs.waited))
    processor = processor[~np.isnan(processor)]
    counted = ~np.isnan(waited) & (latency > 0)
    whole, wait = sum(latency[counted].tolist()), sum(waited[counted].tolist())
    return {
        "processor": float(np.mean(processor)) if len(processor) else None,
        "waiting": wait / whole if counted.any() else None,
    }


def _grouped(costs: Spent, keys: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """The summary of each group of timed samples, by rising key; samples whose key is None are in none. keys: `[S]`."""
    groups: dict[Any, list[int]] = {}
    for place in costs.timed.tolist():
        groups.setdefault(keys[place], []).append(place)
    groups.pop(None, None)
    return {str(name): _summary(costs, np.array(groups[name])) for name in sorted(groups)}


def _target_bin(targets: int) -> str:
    return next(name for name, least in reversed(TARGET_BINS.items()) if targets >= least)


def _is_first_of_image(costs: Spent) -> list[str]:
    """`first` or `later` about its image, `[S]`. Samples that never reached the system do not count."""
    first: dict[str, str] = {}
    for image, sample, outcome in zip(costs.image_ids, costs.sample_ids, costs.outcomes, strict=True):
        if outcome != BAD_SAMPLE:
            first.setdefault(image, sample)
    found = set(first.values())
    return ["first" if sample in found else "later" for sample in costs.sample_ids]


def _by_call(costs: Spent) -> dict[str, dict[str, Any]]:
    """For each kind of call that occurs, over the timed samples: the means `calls_per_sample`, `seconds_per_sample`,
    `wall_per_sample` and `processor_per_sample`, the `share` of the clock, `seconds_per_call`, and percentiles of the
    duration of one call, with intervals. A kind that a system named itself stands under `other: NAME`.

    `seconds_per_sample` counts calls that ran side by side in full; `wall_per_sample` and `share` are of the clock, see
    `workbench.metrics.rounds.wall_clock`."""
    total = costs.latency[costs.timed]
    images = [costs.image_ids[place] for place in costs.timed.tolist()]
    rank = np.full(len(costs), -1)  # of each sample among the timed ones
    rank[costs.timed] = np.arange(len(total))
    result = {}
    for kind, calls in costs.calls_of.items():
        owners = rank[np.array(calls.owners, dtype=np.int64)]
        told = owners >= 0
        if not told.any():
            continue
        clock = np.zeros(len(costs))
        clock[np.array(calls.clocked, dtype=np.int64)] = calls.clock
        owners, seconds, processors = owners[told], np.array(calls.durations)[told], np.array(calls.processors)[told]
        measure = _calls(owners, seconds, processors, total, clock[costs.timed])
        n_images = len({images[n] for n in owners.tolist()})
        result[kind] = {"calls": len(owners), **_estimated(images, measure, n_images)}
    return result


def _calls(
    owners: NDArray[np.int64],
    seconds: NDArray[np.float64],
    processors: NDArray[np.float64],
    total: NDArray[np.float64],
    clock: NDArray[np.float64],
) -> Measure:
    """owners, seconds, processors: of each call the sample, its duration and its seconds of all processors. total,
    clock: `[S]`, seconds of each sample, and those of the clock that its calls took."""
    each = durations(seconds, owners)
    number, spent, processed = (
        np.bincount(owners, of_call, minlength=len(total)) for of_call in (None, seconds, processors)
    )
    known = not np.isnan(processors).any()  # they are not in runs of earlier versions
    columns = np.stack([np.ones(len(total)), number, spent, clock, processed, total])

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        samples, calls, called, wall, busy, whole = columns @ weights.astype(np.float64)
        figures = dict(each(weights))
        return {
            "calls_per_sample": _ratio(calls, samples),
            "seconds_per_sample": _ratio(called, samples),
            "wall_per_sample": _ratio(wall, samples),
            "processor_per_sample": _ratio(busy, samples) if known else np.full(samples.shape, np.nan),
            "share": _ratio(wall, whole),
            "seconds_per_call": figures.pop("mean"),
            **figures,
        }

    return measure


def _per_round(costs: Spent) -> dict[str, Any]:
    """Mean rounds of a sample and seconds for each round (all seconds over all rounds; None without any)."""
    number = costs.counts("rounds")[costs.timed].astype(np.float64)
    seconds = costs.latency[costs.timed]

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        done = number @ weights
        return {"per_sample": _ratio(done, weights.sum(axis=0)), "seconds_per_round": _ratio(seconds @ weights, done)}

    return _estimated([costs.image_ids[place] for place in costs.timed.tolist()], measure)


def _estimated(images: Sequence[str], measure: Measure, n_images: int | None = None) -> dict[str, Any]:
    """The values of a measure and their intervals, None where undefined. n_images: how many images the measure rests
    on.
    """
    values = {name: None if np.isnan(value) else value for name, value in estimate(measure, len(images)).items()}
    return {**values, "intervals": _intervals(images, measure, len(set(images)) if n_images is None else n_images)}


def _intervals(images: Sequence[str], measure: Measure, n_images: int) -> dict[str, list[float] | None]:
    bounds = percentile_intervals(images, measure)
    return {name: list(one) if one and enough_images(name, n_images) else None for name, one in bounds.items()}


def _quantile(
    ranked: NDArray[np.float64], passed: NDArray[np.float64], reached: Weights, place: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The value at a position of each data set, `[D]`. Positions are counted from 0; between neighbours the value is
    linear. nan where a data set is empty, and where its value is not among these.

    ranked: `[N]` values, rising. passed: `[D]`, how many values of a data set lie before them. reached: `[N, D]`, how
    many are at or before each of them.
    """
    below, above = np.floor(place), np.ceil(place)
    last = len(ranked) - 1
    low, high = (ranked[np.minimum(_count_upto(reached, at), last)] for at in (below, above))
    return np.where(
        (place >= 0) & (below >= passed) & (above < reached[-1]), low + (place - below) * (high - low), np.nan
    )


def _count_upto(rising: Weights, limit: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many entries of each column are at most its limit, `[D]`; columns of `[N, D]` rise. By halving: few of the
    entries are read."""
    low, high = np.zeros(len(limit), np.int64), np.full(len(limit), len(rising), np.int64)
    columns = np.arange(len(limit))
    while (low < high).any():
        middle = (low + high) // 2
        inside = rising[np.minimum(middle, len(rising) - 1), columns] <= limit
        open_ = low < high
        low = np.where(open_ & inside, middle + 1, low)
        high = np.where(open_ & ~inside, middle, high)
    return low


def _ratio(over: NDArray[Any], under: NDArray[Any]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.divide(over, under, out=np.full(np.shape(under), np.nan), where=under > 0)
    return result
