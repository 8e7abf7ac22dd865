"""The verdict of a comparison, in words that are computed from its results."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports.text.numbers import change, seconds, shown, times
from workbench.data.manifest import Manifest
from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.results import Interval, Results, SystemResult, info, main_metric, ranked
from workbench.data.units import LESS_IS_BETTER, difference_unit

REMARKS = 5
"""Remarks about the benchmark's files that are listed; the results have more of them."""


def verdict(results: Results) -> str:
    """One plain sentence: which system is better in the main metric, by how much, how sure that is, and who is faster
    by how much.

    With more than two systems it compares the two best and names the rest. A lead whose 95 % interval covers 0, or is
    unknown, is called undecided.
    """
    metric = main_metric(results)
    systems = results.systems
    if all(s.n_failed == s.samples for s in systems.values()):
        return f"No verdict: {'every system' if len(systems) > 1 else next(iter(systems))} failed on every sample."
    values = {name: s.metrics.get(metric) for name, s in systems.items()}
    known = {name: value for name, value in values.items() if value is not None}
    order = [name for name in ranked(results, metric) if name in known]
    if not order:
        return f"No verdict: {metric} is not defined for any system here."
    best, about = order[0], info(results, metric)
    unit, named = about.unit, _named(metric, about)
    if len(order) == 1:
        return f"{best} reaches {shown(known[best], unit)} {named}{_alone(systems[best], metric, unit)}."
    second = order[1]
    ahead, behind = (best, second) if about.higher_is_better else (second, best)
    lead, interval = _difference(results, ahead, behind, metric)
    numbers = f"{shown(known[best], unit)} against {shown(known[second], unit)} {named}"
    pace = _pace(results, best, second) + _rest(systems, order[2:], metric, unit)
    if interval is None:
        return f"Undecided between {best} and {second}: {numbers}, too few images for an interval{pace}."
    spread = f"95 % interval {change(interval[0], unit)} to {change(interval[1], unit)}"
    if interval[0] <= 0 <= interval[1]:
        return f"Undecided between {best} and {second}: {numbers}, and the {spread} of the difference covers 0{pace}."
    ahead_by = f"{shown(lead, unit)} {difference_unit(unit)}".rstrip()
    return f"{best} is {superior(about)} than {second}: {numbers}, a lead of {ahead_by} ({spread}){pace}."


def superior(metric: MetricInfo) -> str:
    """What a system with the better value of a metric is: only a fraction of which more is better is accuracy."""
    return "more accurate" if metric.higher_is_better and metric.unit == FRACTION else "better"


def caveats(results: Results, manifest: Manifest) -> list[str]:
    """What a reader should know before relying on the verdict; often nothing."""
    notes = []
    for name, system in results.systems.items():
        if system.n_failed:
            how = ", ".join(f"{outcome.replace('_', ' ')} {count}" for outcome, count in system.failures.items())
            notes.append(f"{name} failed on {system.n_failed} of {system.samples} samples ({how}).")
        timed = system.latency.samples
        if timed < system.samples:
            notes.append(f"The latency of {name} rests on the {timed} of {system.samples} samples that were timed.")
    unscored = max((s.unscored for s in results.systems.values()), default=0)
    if unscored:
        notes.append(f"{unscored} samples have an unusable annotation and are not scored.")
    remarks = results.benchmark.remarks
    notes += [f"Benchmark files: {remark}" for remark in remarks[:REMARKS]]
    if len(remarks) > REMARKS:
        notes.append(f"Benchmark files: {len(remarks) - REMARKS} more remarks, which `workbench check` lists.")
    if manifest.git.dirty:
        notes.append("The code had uncommitted changes.")
    return notes


def mixed(manifests: Sequence[Manifest]) -> list[str]:
    """What differs between compared runs, apart from their systems, where that matters."""
    notes = []
    if len({_text(m.machine.to_json()) for m in manifests}) > 1:
        notes.append("The runs were made on different machines: their times do not compare.")
    if len({m.options.mode for m in manifests}) > 1:
        notes.append("The runs were made in different modes (latency, throughput): their times do not compare.")
    commits = list(dict.fromkeys(str(m.git.commit)[:7] for m in manifests))
    if len(commits) > 1:
        notes.append(f"The runs were made by different versions of the code ({', '.join(commits)}).")
    libraries = {name for m in manifests for name in m.versions}
    changed = sorted(name for name in libraries if len({m.versions.get(name) for m in manifests}) > 1)
    if changed:
        notes.append(f"The runs were made with different versions of {', '.join(changed)}.")
    return notes


def _named(name: str, metric: MetricInfo) -> str:
    """What stands behind the value of a metric: its name, or `pixels (edge, less is better)`."""
    direction = "" if metric.higher_is_better else LESS_IS_BETTER
    if metric.unit in (FRACTION, ""):
        return f"{name} ({direction})" if direction else name
    return f"{metric.unit} ({', '.join(filter(None, (name, direction)))})"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _difference(results: Results, a: str, b: str, metric: str) -> tuple[float, Interval]:
    """`a - b` and its interval, in whichever order the results hold the pair."""
    for pair in results.differences:
        one = pair.metrics.get(metric)
        if {pair.a, pair.b} == {a, b} and one and one.difference is not None:
            if pair.a == a:
                return one.difference, one.interval
            return -one.difference, (-one.interval[1], -one.interval[0]) if one.interval else None
    ours, theirs = (results.systems[name].metrics[metric] for name in (a, b))
    assert ours is not None and theirs is not None  # only systems with a value are ranked
    return ours - theirs, None


def _pace(results: Results, best: str, second: str) -> str:
    ours, theirs = (results.systems[name].latency.p50 for name in (best, second))
    if not ours or not theirs:
        return ""
    if max(ours, theirs) / min(ours, theirs) < 1.05:
        return f"; both take {seconds(ours)} a sample (median)"
    fast, slow = (best, second) if ours < theirs else (second, best)
    factor = max(ours, theirs) / min(ours, theirs)
    pair = f"{seconds(min(ours, theirs))} against {seconds(max(ours, theirs))} a sample, median"
    return f"; {fast} is {times(factor)} times as fast as {slow} ({pair}{_ratio_interval(results, slow, fast)})"


def _ratio_interval(results: Results, a: str, b: str) -> str:
    """The interval of the median latency of `a` over that of `b`, in whichever order the results hold the pair."""
    for pair in results.differences:
        interval = pair.latency["p50"].ratio_interval if "p50" in pair.latency else None
        if {pair.a, pair.b} == {a, b} and interval:
            low, high = interval if pair.a == a else (1 / interval[1], 1 / interval[0])
            return f"; 95 % interval {times(low)} to {times(high)} times"
    return ""


def _rest(systems: Mapping[str, SystemResult], names: list[str], metric: str, unit: str) -> str:
    others = []
    for name in names:
        middle = systems[name].latency.p50
        pace = f" at {seconds(middle)}" if middle else ""
        others.append(f"{name} with {shown(systems[name].metrics[metric] or 0.0, unit)}{pace}")
    return f"; behind them {', '.join(others)}" if others else ""


def _alone(system: SystemResult, metric: str, unit: str) -> str:
    interval = system.intervals.get(metric)
    spread = f" (95 % interval {shown(interval[0], unit)} to {shown(interval[1], unit)})" if interval else ""
    middle = system.latency.p50
    return spread + (f" at {seconds(middle)} a sample (median)" if middle else "")
