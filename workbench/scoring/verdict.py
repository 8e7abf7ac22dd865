"""The verdict of a comparison, in words computed from its results: what speaks for each side, and what is open.

A difference is beyond chance where its p-value, corrected by Holm's method for all that is compared together, is below
0.05. Anything else is open, however large it looks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.numbers import change, listed, many, seconds, shown, times
from workbench.data.results import (
    Difference,
    Interval,
    PairDifference,
    Results,
    SystemResult,
    defined_metrics,
    info,
    leading_metrics,
    main_metric,
    ranked,
)
from workbench.data.units import LESS_IS_BETTER, difference_unit
from workbench.metrics.statistics import samples_to_settle
from workbench.scoring import frontier

EXACT = "exact_set"
BUSY = 0.05
"""The share of its time that a system may wait for a processor before it is said that the machine was busy."""
MANY = 100_000
"""Where more samples than this would be needed, the verdict says so instead of giving their number."""


@dataclass(frozen=True)
class Lead:
    """A difference between two systems, seen from the one that is ahead."""

    metric: str
    """a leading metric of the protocol, or `exact sets`"""
    unit: str
    ahead: str
    by: float
    """in the metric's unit, at least 0"""
    interval: Interval
    """of `by`"""
    needed: int | None = None
    """samples that would settle an open lead, see `samples_to_settle`; None where it cannot be said"""


@dataclass(frozen=True)
class Sides:
    """What speaks for each of two systems, and what is open between them."""

    leads: Mapping[str, list[Lead]]
    """those beyond chance, by system"""
    open: list[Lead] = field(default_factory=list)


def verdict(results: Results) -> str:
    """In which metrics the best system leads the second best beyond chance, in which that one leads, how fast each is,
    and what is open; without truth, only how fast. The best is that of the main metric. Further systems are named with
    their values.
    """
    return " ".join(sentences(results))


def sentences(results: Results) -> list[str]:
    """The verdict as sentences: who leads in what; what is open; who is behind. The first is always there."""
    metric = main_metric(results)
    systems = results.systems
    if not results.has_truth:
        return _without_truth(results)
    if said := frontier.sentences(results):
        return said
    if all(s.n_failed == s.samples for s in systems.values()):
        return [f"No verdict: {'every system' if len(systems) > 1 else next(iter(systems))} failed on every sample."]
    order = [name for name in ranked(results, metric) if systems[name].metrics.get(metric) is not None]
    if not order:
        return [f"No verdict: {metric} is not defined for any system here."]
    about = info(results, metric)
    values = [shown(systems[name].metrics[metric] or 0.0, about.unit) for name in order]
    if len(order) == 1:
        alone = _alone(systems[order[0]], metric, about.unit)
        return [f"{order[0]} reaches {values[0]} {_named(metric, about)}{alone}."]
    pair = (order[0], order[1])
    found = sides(results, *pair)
    numbers = f"{values[0]} against {values[1]} {_named(metric, about)}"
    said = [_who_leads(results, found, pair, metric, numbers), _what_is_open(results.benchmark.samples, found)]
    said.append(_behind(systems, order[2:], values[2:]))
    return [sentence for sentence in said if sentence]


def _without_truth(results: Results) -> list[str]:
    """What can be said of answers that nothing is known to be the truth of: that, and how long they took."""
    said = ["No verdict: no truth was given, so the answers are shown but not scored."]
    systems = results.systems
    medians = {name: one.latency.p50 for name, one in systems.items() if one.latency.p50}
    if len(systems) == 2:
        fast, pace = _pace(results, *systems)
        said += [f"{fast} is {pace}." if fast else f"Both take {pace}."] if pace else []
    elif medians:
        said.append(f"Median time: {listed([f'{name} {seconds(value)}' for name, value in medians.items()])}.")
    return said


def busy(results: Results) -> list[str]:
    """A sentence where systems waited for a processor more than `BUSY` of the time that they were timed."""
    shares = {name: system.latency.waiting or 0.0 for name, system in results.systems.items()}
    waited = [f"{name} {share:.0%}" for name, share in shares.items() if share > BUSY]
    if not waited:
        return []
    return [f"The machine was busy, and latencies are too high. Waiting for a processor: {listed(waited)} of the time."]


def sides(results: Results, a: str, b: str) -> Sides:
    """The leading metrics and the exact sets of two systems of a run: who is ahead, and whether beyond chance."""
    found = Sides({a: [], b: []})
    pair = next((pair for pair in results.differences if {pair.a, pair.b} == {a, b}), None)
    if pair is None:
        return found
    defined = defined_metrics(results)
    names = dict.fromkeys([main_metric(results), *(name for name in leading_metrics(results) if name in defined)])
    infos = {name: info(results, name) for name in names}
    return sides_of(pair, infos, results.benchmark.samples, results.differences)


def sides_of(
    pair: PairDifference, infos: Mapping[str, MetricInfo], samples: int, together: Sequence[PairDifference]
) -> Sides:
    """The same from the difference of two systems on so many samples. infos: the metrics to look at. together: all
    pairs whose p-values were corrected together."""
    found = Sides({pair.a: [], pair.b: []})
    compared = [("metrics", name, name, about) for name, about in infos.items()]
    for family, key, name, about in [*compared, ("rates", EXACT, "exact sets", MetricInfo())]:
        one: Difference | None = getattr(pair, family).get(key)
        if one is None or one.difference is None:
            continue
        tests = sum(other.p is not None for some in together for other in getattr(some, family).values())
        lead = _lead(pair, name, about, one, samples, max(tests, 1))
        (found.leads[lead.ahead] if one.beyond_chance else found.open).append(lead)
    return found


def both_sides(found: Sides, samples: int) -> str:
    """What speaks for each of two systems, and what is open, in a sentence or two."""
    said = [f"{name} leads in {listed([_led(lead) for lead in leads])}" for name, leads in found.leads.items() if leads]
    return " ".join(filter(None, [f"{'; '.join(said)}." if said else "", _what_is_open(samples, found)]))


def superior(metric: MetricInfo) -> str:
    """What a system with the better value of a metric is: only a fraction of which more is better is accuracy."""
    return "more accurate" if metric.higher_is_better and metric.unit == FRACTION else "better"


def _lead(pair: PairDifference, name: str, about: MetricInfo, one: Difference, samples: int, tests: int) -> Lead:
    difference = one.difference or 0.0
    ahead = pair.a if (difference >= 0) == about.higher_is_better else pair.b
    interval = one.interval
    if interval and difference < 0:
        interval = (-interval[1], -interval[0])
    needed = samples_to_settle(abs(difference), interval, samples, tests) if interval else None
    return Lead(name, about.unit, ahead, abs(difference), interval, needed)


def _who_leads(results: Results, found: Sides, pair: tuple[str, str], metric: str, numbers: str) -> str:
    fast, pace = _pace(results, *pair)
    said = []
    for name in pair:
        own = [f"leads in {listed([_led(lead) for lead in found.leads[name]])}"] if found.leads[name] else []
        own += [f"is {pace}"] if name == fast else []
        said += [f"{name} {' and '.join(own)}"] if own else []
    said += [f"both take {pace}"] if pace and not fast else []
    decided = any(lead.metric == metric for leads in found.leads.values() for lead in leads)
    if decided:
        return f"{numbers}: {'; '.join(said)}."
    known = any(lead.interval for lead in found.open) or any(found.leads.values())
    why = "the lead is not beyond chance" if known else "too few images for an interval"
    return "; ".join([f"Undecided between {pair[0]} and {pair[1]}: {numbers}, {why}", *said]) + "."


def _led(lead: Lead) -> str:
    spread = f" ({_between(lead)})" if lead.interval else ""
    return f"{lead.metric} by {_amount(lead)}{spread}"


def _what_is_open(samples: int, found: Sides) -> str:
    opened = [lead for lead in found.open if lead.interval]
    if not opened:
        return ""
    parts = []
    for lead in opened:
        ahead = f"{_amount(lead)} for {lead.ahead}" if lead.by else "no difference"
        enough = f"; {_count(lead.needed)} would settle it" if lead.needed else ""
        parts.append(f"{lead.metric} ({ahead}, {_between(lead)}{enough})")
    return f"Open at {many(samples, 'sample')}: {listed(parts)}."


def _amount(lead: Lead) -> str:
    return f"{shown(lead.by, lead.unit)} {difference_unit(lead.unit)}".rstrip()


def _between(lead: Lead) -> str:
    low, high = lead.interval or (math.nan, math.nan)
    return f"{change(low, lead.unit)} to {change(high, lead.unit)}"


def _count(samples: int) -> str:
    if samples > MANY:
        return f"more than {MANY:,}"
    step = 10 ** max(0, len(str(samples)) - 2)
    return f"about {math.ceil(samples / step) * step:,}"


def _named(name: str, metric: MetricInfo) -> str:
    """What stands behind the value of a metric: its name, or `pixels (edge, less is better)`."""
    direction = "" if metric.higher_is_better else LESS_IS_BETTER
    if metric.unit in (FRACTION, ""):
        return f"{name} ({direction})" if direction else name
    return f"{metric.unit} ({', '.join(filter(None, (name, direction)))})"


def _pace(results: Results, best: str, second: str) -> tuple[str, str]:
    """The faster of two systems and how much faster it is; or nobody and how long both take; or nothing."""
    ours, theirs = (results.systems[name].latency.p50 for name in (best, second))
    if not ours or not theirs:
        return "", ""
    pair = next((pair for pair in results.differences if {pair.a, pair.b} == {best, second}), None)
    median = pair.latency.get("p50") if pair else None
    ratio, bounds = ours / theirs, median.ratio_interval if median else None
    if pair and median and median.ratio:
        in_order = pair.a == best
        ratio = median.ratio if in_order else 1 / median.ratio
        bounds = bounds if in_order or not bounds else (1 / bounds[1], 1 / bounds[0])
    if max(ratio, 1 / ratio) < 1.05:
        return "", f"{seconds(ours)} a sample (median)"
    if ratio < 1:
        fast, factor, bounds = best, 1 / ratio, (1 / bounds[1], 1 / bounds[0]) if bounds else None
    else:
        fast, factor = second, ratio
    said = [f"{seconds(min(ours, theirs))} against {seconds(max(ours, theirs))} a sample, median"]
    said += [f"95 % interval {times(bounds[0])} to {times(bounds[1])} times"] if bounds else []
    turns = "1 repeat" if pair and pair.repeats == 1 else f"{pair.repeats} repeats" if pair and pair.repeats else ""
    said += [f"ratio of {turns} in turns"] if turns else []
    return fast, f"{times(factor)} times as fast ({'; '.join(said)})"


def _behind(systems: Mapping[str, SystemResult], names: Sequence[str], values: Sequence[str]) -> str:
    others = []
    for name, value in zip(names, values, strict=True):
        middle = systems[name].latency.p50
        others.append(f"{name} with {value}{f' at {seconds(middle)}' if middle else ''}")
    return f"Behind them: {', '.join(others)}." if others else ""


def _alone(system: SystemResult, metric: str, unit: str) -> str:
    interval = system.intervals.get(metric)
    spread = f" (95 % interval {shown(interval[0], unit)} to {shown(interval[1], unit)})" if interval else ""
    middle = system.latency.p50
    return spread + (f" at {seconds(middle)} a sample (median)" if middle else "")
