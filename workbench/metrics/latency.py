"""What an answer costs: seconds of samples that ran alone, model calls, tokens, and each of these per correct instance.

Intervals are the central 95 % of a bootstrap over images (`workbench.metrics.statistics`).
`docs/latency.md` says what is timed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.numbers import many
from workbench.data.predictions import BAD_SAMPLE, Call, Prediction
from workbench.data.prices import Price
from workbench.data.samples import Sample
from workbench.data.vocabulary import CALL_KINDS, counted_as
from workbench.metrics.statistics import LEVEL, MIN_IMAGES, Measure, Weights, estimate, percentile_intervals

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
TARGET_BINS = {"0": 0, "1": 1, "2": 2, "3-5": 3, "6+": 6}
"""The least number of targets of each bin."""

Pair = tuple[Sample, Prediction]


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p90, p95 and p99 (linear between neighbours) of durations; None without any."""
    values = np.quantile(seconds, list(QUANTILES.values())) if len(seconds) else [None] * len(QUANTILES)
    return {name: None if v is None else float(v) for name, v in zip(QUANTILES, values, strict=True)}


def durations(
    seconds: Sequence[float], owners: Sequence[int] | None = None, names: Iterable[str] = QUANTILES
) -> Measure:
    """A measure of N durations: percentiles (`names`) and the mean. In a resampled data set, each duration occurs as
    often as its sample.

    owners: the sample of each duration, `[N]`; without it, there is one duration for each sample.
    """
    order = np.argsort(seconds, kind="stable")
    ranked = np.asarray(seconds, dtype=np.float64)[order]
    owner = order if owners is None else np.asarray(owners)[order]
    shares = {name: QUANTILES[name] for name in names}

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        if not len(ranked):
            return dict.fromkeys((*shares, "mean"), np.full(weights.shape[1], np.nan))
        own = weights[owner]
        reached = own.cumsum(axis=0)
        count = reached[-1].astype(np.float64)
        quantiles = {name: _quantile(ranked, reached, share * (count - 1)) for name, share in shares.items()}
        return quantiles | {"mean": _ratio(ranked @ own, count)}

    return measure


def enough_images(name: str, images: int) -> bool:
    """Whether this many images bound a percentile from above: the chance that all of them lie below it is at most 2.5
    %. That takes 10 images for the median, 36 for p90, 72 for p95 and 368 for p99.
    """
    return images >= MIN_IMAGES and bool(QUANTILES.get(name, 0.5) ** images <= (1 - LEVEL) / 2)


def latency(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Latency of the samples that were timed alone (`latency` is not None), whatever their outcome.

    pairs: samples with their answers, in the order they were asked. The result has the seconds of all samples, and
    separately by number of targets, kind of instruction, whether the sample was the first about its image that the
    system saw, and number of rounds (see `rounds`): `{"samples", "p50", ..., "mean", "intervals", "note"}` each.
    `by_call`: see `_by_call`. `processor` is the mean of processor seconds, `waiting` the share of the time in which
    the process waited for a processor; None where that is not known of any sample.
    """
    first = _first_of_image(pairs)
    timed = [(sample, answer) for sample, answer in pairs if answer.latency is not None]
    return {
        **_summary(timed),
        **_processors([answer for _, answer in timed]),
        "by_call": _by_call(timed),
        "by_targets": _grouped(timed, lambda sample, _: _target_bin(len(sample.targets))),
        "by_kind": _grouped(timed, lambda sample, _: sample.kind),
        "by_image": _grouped(timed, lambda sample, _: "first" if sample.sample_id in first else "later"),
        "by_rounds": _grouped(timed, lambda _, answer: rounds(answer)),
        "rounds": _per_round(timed),
    }


def wall_clock(calls: Sequence[Call]) -> dict[str, float]:
    """Seconds of the clock by kind of call. A moment in which calls of several kinds run side by side is shared equally
    by the kinds, so that the seconds of all kinds never add up to more than the clock's.
    """
    ends = sorted({end for call in calls for end in (call.start, call.start + call.duration)})
    spent = dict.fromkeys((call.kind for call in calls), 0.0)
    for begun, ended in pairwise(ends):
        running = {call.kind for call in calls if call.start <= begun and call.start + call.duration >= ended}
        for kind in running:
            spent[kind] += (ended - begun) / len(running)
    return spent


def rounds(answer: Prediction) -> int:
    """The requests of the conversation: all `llm` calls, except those whose note names another `request` than `main`,
    such as an agent's mask checks.
    """
    return sum(call.kind == "llm" and call.note.request in (None, "main") for call in answer.calls)


def calls_per_sample(predictions: Sequence[Prediction]) -> float | None:
    """Mean number of model calls of a sample, timed alone or not; None without predictions."""
    return sum(len(p.calls) for p in predictions) / len(predictions) if predictions else None


def tokens_per_sample(predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Mean tokens read and written by language models for a sample; None without predictions."""
    if not predictions:
        return {"in": None, "out": None}
    calls = [call for p in predictions for call in p.calls]
    return {
        "in": sum(call.tokens_in for call in calls) / len(predictions),
        "out": sum(call.tokens_out for call in calls) / len(predictions),
    }


def per_correct_instance(pairs: Sequence[Pair], correct: Mapping[str, int]) -> dict[str, Any]:
    """The cost of all samples for each correct instance, as sums over sums: `{"correct", "seconds", "calls",
    "tokens_in", "tokens_out", "intervals"}`; None where no instance is correct.

    correct: how many instances of a sample match a target at IoU 0.5, by sample id; 0 for samples that it leaves out.
    Seconds, and the correct instances that divide them, are those of the samples that were timed alone; calls and
    tokens are those of all samples.
    """
    instances = np.array([correct.get(sample.sample_id, 0) for sample, _ in pairs], dtype=np.float64)
    timed = np.array([answer.latency is not None for _, answer in pairs], dtype=bool)
    spent = {
        "seconds": [answer.latency or 0.0 for _, answer in pairs],
        "calls": [len(answer.calls) for _, answer in pairs],
        "tokens_in": [answer.tokens[0] for _, answer in pairs],
        "tokens_out": [answer.tokens[1] for _, answer in pairs],
    }

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        counts = {name: instances * timed if name == "seconds" else instances for name in spent}
        return {name: _ratio(np.array(cost) @ weights, counts[name] @ weights) for name, cost in spent.items()}

    return {"correct": int(instances.sum()), **_estimated([sample.image_id for sample, _ in pairs], measure)}


def cost(pairs: Sequence[Pair], seconds: Sequence[float], correct: Mapping[str, int], price: Price) -> dict[str, Any]:
    """The price of all samples: `{"total", "per_thousand_samples", "per_correct_instance", "intervals"}`.

    seconds: `[S]`, how long the system worked on each sample. correct: as for `per_correct_instance`.
    """
    spent = np.array([price.of(time, *answer.tokens) for (_, answer), time in zip(pairs, seconds, strict=True)])
    instances = np.array([correct.get(sample.sample_id, 0) for sample, _ in pairs], dtype=np.float64)

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        return {
            "per_thousand_samples": 1000 * _ratio(spent @ weights, weights.sum(axis=0)),
            "per_correct_instance": _ratio(spent @ weights, instances @ weights),
        }

    return {"total": float(spent.sum()), **_estimated([sample.image_id for sample, _ in pairs], measure)}


def _summary(timed: Sequence[Pair]) -> dict[str, Any]:
    seconds = [answer.latency for _, answer in timed if answer.latency is not None]
    images = [sample.image_id for sample, _ in timed]
    n_images = len(set(images))
    missing = [name for name in QUANTILES if not enough_images(name, n_images)]
    given = many(n_images, "image")
    return {
        "samples": len(timed),
        **percentiles(seconds),
        "mean": float(np.mean(seconds)) if seconds else None,
        "intervals": _intervals(images, durations(seconds), n_images),
        "note": f"too little data for an interval of {', '.join(missing)}: {given}" if missing else None,
    }


def _processors(answers: Sequence[Prediction]) -> dict[str, float | None]:
    processor = [answer.processor for answer in answers if answer.processor is not None]
    waited = [(answer.waited, answer.latency) for answer in answers if answer.waited is not None and answer.latency]
    return {
        "processor": float(np.mean(processor)) if processor else None,
        "waiting": sum(wait for wait, _ in waited) / sum(whole for _, whole in waited) if waited else None,
    }


def _grouped(timed: Sequence[Pair], key: Callable[[Sample, Prediction], Any]) -> dict[str, dict[str, Any]]:
    """The summary of each group that has samples, by rising key; samples whose key is None are in none."""
    groups: dict[Any, list[Pair]] = {}
    for sample, answer in timed:
        groups.setdefault(key(sample, answer), []).append((sample, answer))
    groups.pop(None, None)
    return {str(name): _summary(groups[name]) for name in sorted(groups)}


def _target_bin(targets: int) -> str:
    return next(name for name, least in reversed(TARGET_BINS.items()) if targets >= least)


def _first_of_image(pairs: Sequence[Pair]) -> set[str]:
    """Ids of the samples that were the first about their image. Samples that never reached the system do not count."""
    first: dict[str, str] = {}
    for sample, answer in pairs:
        if answer.outcome != BAD_SAMPLE:
            first.setdefault(sample.image_id, sample.sample_id)
    return set(first.values())


def _by_call(timed: Sequence[Pair]) -> dict[str, dict[str, Any]]:
    """For each kind of call that occurs, over the timed samples: the means `calls_per_sample`, `seconds_per_sample`,
    `wall_per_sample` and `processor_per_sample`, the `share` of the clock, `seconds_per_call`, and percentiles of the
    duration of one call, with intervals. A kind that a system named itself stands under `other: NAME`.

    `seconds_per_sample` counts calls that ran side by side in full; `wall_per_sample` and `share` are of the clock, see
    `wall_clock`."""
    total = np.array([answer.latency for _, answer in timed], dtype=np.float64)
    images = [sample.image_id for sample, _ in timed]
    result = {}
    wall = [wall_clock(answer.calls) for _, answer in timed]
    by_kind: dict[str, list[tuple[int, Call]]] = {kind: [] for kind in CALL_KINDS}
    for n, (_, answer) in enumerate(timed):
        for call in answer.calls:
            by_kind.setdefault(counted_as(call.kind, CALL_KINDS), []).append((n, call))
    for kind, calls in by_kind.items():
        if not calls:
            continue
        owners = [n for n, _ in calls]
        clock = np.array([wall[n].get(calls[0][1].kind, 0.0) for n in range(len(timed))])
        measure = _calls([call for _, call in calls], owners, total, clock)
        result[kind] = {"calls": len(calls), **_estimated(images, measure, len({images[n] for n in owners}))}
    return result


def _calls(
    calls: Sequence[Call], owners: Sequence[int], total: NDArray[np.float64], clock: NDArray[np.float64]
) -> Measure:
    """clock: `[S]`, seconds of the clock that the calls of each sample took."""
    seconds = [call.duration for call in calls]
    each = durations(seconds, owners)
    spent = np.bincount(owners, seconds, minlength=len(total))
    number = np.bincount(owners, minlength=len(total))
    known = all(call.processor is not None for call in calls)  # not so in runs of earlier versions
    processors = np.bincount(owners, [call.processor or 0.0 for call in calls], minlength=len(total))

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        samples = weights.sum(axis=0)
        figures = dict(each(weights))
        return {
            "calls_per_sample": _ratio(number @ weights, samples),
            "seconds_per_sample": _ratio(spent @ weights, samples),
            "wall_per_sample": _ratio(clock @ weights, samples),
            "processor_per_sample": _ratio(processors @ weights, samples) if known else np.full(samples.shape, np.nan),
            "share": _ratio(clock @ weights, total @ weights),
            "seconds_per_call": figures.pop("mean"),
            **figures,
        }

    return measure


def _per_round(timed: Sequence[Pair]) -> dict[str, Any]:
    """Mean rounds of a sample and seconds for each round (all seconds over all rounds; None without any)."""
    number = np.array([rounds(answer) for _, answer in timed], dtype=np.float64)
    seconds = np.array([answer.latency for _, answer in timed], dtype=np.float64)

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        done = number @ weights
        return {"per_sample": _ratio(done, weights.sum(axis=0)), "seconds_per_round": _ratio(seconds @ weights, done)}

    return _estimated([sample.image_id for sample, _ in timed], measure)


def _estimated(images: Sequence[str], measure: Measure, n_images: int | None = None) -> dict[str, Any]:
    """The values of a measure and their intervals, None where undefined. n_images: how many images the measure rests
    on.
    """
    values = {name: None if np.isnan(value) else value for name, value in estimate(measure, len(images)).items()}
    return {**values, "intervals": _intervals(images, measure, len(set(images)) if n_images is None else n_images)}


def _intervals(images: Sequence[str], measure: Measure, n_images: int) -> dict[str, list[float] | None]:
    bounds = percentile_intervals(images, measure)
    return {name: list(one) if one and enough_images(name, n_images) else None for name, one in bounds.items()}


def _quantile(ranked: NDArray[np.float64], reached: Weights, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value at a position of each data set, `[D]`. Positions are counted from 0; between neighbours the value is
    linear. nan where a data set is empty.

    ranked: `[N]` values, rising. reached: `[N, D]`, how many values of a data set are at or before each of them.
    """
    below = np.floor(place)
    last = len(ranked) - 1
    low, high = (ranked[np.minimum(_count_upto(reached, at), last)] for at in (below, np.ceil(place)))
    return np.where(place >= 0, low + (place - below) * (high - low), np.nan)


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
