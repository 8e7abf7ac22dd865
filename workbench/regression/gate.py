"""Did results get worse? Compares a candidate run with a baseline run of the same benchmark, by rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError, short
from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.results import Difference, PairDifference
from workbench.data.stress import AxisEntry, axis_of
from workbench.data.units import change_in_unit, difference_unit, factor
from workbench.data.yaml_files import read_mapping
from workbench.failures.taxonomy import diagnose
from workbench.metrics.overlaps import SampleOverlap
from workbench.metrics.statistics import DRAWS, holm
from workbench.metrics.uncertainty import spread
from workbench.plugins.registry import load
from workbench.runs.run import Run
from workbench.scoring.differences import RATES, pairwise_differences
from workbench.scoring.joined import check_same_samples
from workbench.scoring.stress import areas
from workbench.scoring.system import metrics_of
from workbench.scoring.verdict import both_sides, sides_of

BOUND = 0.01
ROBUSTNESS = "robustness (area under the curve) of"
"""Begins the name of a rule about a stress axis."""
BASELINE, CANDIDATE = "the baseline", "the candidate"
RATE = MetricInfo("Share of the samples that show a failure.", higher_is_better=False)
FAILURES = tuple(name for name in RATES if name != "exact_set")


@dataclass(frozen=True)
class Rules:
    """By how much a number may get worse. Metrics and rates without a bound are not checked.

    `metrics`: bounds by name, in the metric's own unit. None stands for the usual bounds: 0.01 (a point) for each
    metric that is a fraction, and 0 for metrics in other units. Which direction is worse depends on the metric (see
    `workbench.data.metric_info`). `rates`: bounds in fractions, by name, one of `FAILURES`. `level`: the accepted
    chance, over all rules together, that an unchanged system is called worse.
    """

    metrics: Mapping[str, float] | None = None
    rates: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FAILURES, BOUND))
    level: float = 0.05


@dataclass(frozen=True)
class Check:
    """One rule on one system. `change` is candidate - baseline, in the `unit`; None where undefined. `p_holm` is None
    where there is too little data to tell a change from chance, which never fails."""

    system: str
    name: str
    change: float | None
    interval: tuple[float, float] | None
    bound: float
    p_holm: float | None
    failed: bool
    unit: str = FRACTION


@dataclass(frozen=True)
class Changed:
    """A sample whose failure category changed between the two runs."""

    system: str
    sample_id: str
    was: str
    now: str


@dataclass(frozen=True)
class Verdict:
    checks: list[Check]
    changed: list[Changed]
    notes: list[str]
    sides: dict[str, str] = field(default_factory=dict)
    """What speaks for the candidate and what for the baseline, in words, of each system that answered differently."""

    @property
    def failed(self) -> bool:
        return any(check.failed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        return {"failed": self.failed, **asdict(self)}

    def to_text(self) -> str:
        """The failed rules, the samples that changed, what speaks for either run, and the verdict."""
        lines = [f"note: {note}" for note in self.notes]
        for check in self.checks:
            if check.failed and check.change is not None and check.interval is not None:
                change, low, high = (change_in_unit(value, check.unit) for value in (check.change, *check.interval))
                allowed, unit = factor(check.unit) * check.bound, difference_unit(check.unit)
                lines.append(
                    f"{check.system}: {check.name} changed by {f'{change} {unit}'.rstrip()} "
                    f"(95 % interval {low} to {high}; {allowed:g} allowed)"
                )
        lines += [f"{one.system}: {one.sample_id} was {one.was}, is {one.now}" for one in self.changed]
        lines += [f"{system}: {said}" for system, said in self.sides.items()]
        lines.append("FAILED" if self.failed else "passed: nothing got worse beyond its bound and beyond chance")
        return "\n".join(lines)


def read_rules(path: Path) -> Rules:
    """Rules from a YAML file with any of the keys `metrics`, `rates` and `level`; raises `ConfigurationError`."""
    given = read_mapping(path)
    if not set(given) <= {"metrics", "rates", "level"}:
        raise ConfigurationError(f"{path}: expected the keys metrics, rates and level, got {short(given)}")
    for family, fits, range_ in (("metrics", _bound, "of at least 0"), ("rates", _fraction, "from 0 to 1")):
        bounds = given.get(family, {})
        if not isinstance(bounds, dict) or not all(isinstance(name, str) and fits(b) for name, b in bounds.items()):
            raise ConfigurationError(f"{path}: {family}: expected names with bounds {range_}, got {short(bounds)}")
    if unknown := set(given.get("rates", {})) - set(FAILURES):
        raise ConfigurationError(f"{path}: no rates {sorted(map(str, unknown))}; there are {', '.join(FAILURES)}")
    if not _fraction(given.get("level", 0.05)):
        raise ConfigurationError(f"{path}: level: expected a number from 0 to 1, got {short(given['level'])}")
    return Rules(**given)


def gate(baseline: Run, candidate: Run, rules: Rules | None = None) -> Verdict:
    """Compare the systems that both runs have. Where each run has a single system, compare these two.

    Raises `ConfigurationError` where the runs have different samples or protocols, no truth or no system in common, or
    lack predictions.
    """
    check_same_samples(baseline, candidate)
    if not any(sample.has_truth for sample in baseline.samples()):
        raise ConfigurationError("the runs have no truth, so nothing can be judged")
    protocol = baseline.manifest.benchmark.protocol
    pairs = [(name, name) for name in baseline.systems if name in candidate.systems]
    if len(baseline.systems) == len(candidate.systems) == 1:
        pairs = [(baseline.systems[0], candidate.systems[0])]
    if not pairs:
        raise ConfigurationError(
            f"the runs share no system: {', '.join(baseline.systems)} against {', '.join(candidate.systems)}"
        )
    before = {now: baseline.overlaps(was) for was, now in pairs}
    after = {now: candidate.overlaps(now) for _, now in pairs}
    axis = axis_of(baseline.manifest.benchmark.identity, str(baseline.path))
    return judge(before, after, protocol, rules, axis=axis)


def judge(
    before: Mapping[str, list[SampleOverlap]],
    after: Mapping[str, list[SampleOverlap]],
    protocol: str,
    rules: Rules | None = None,
    draws: int = DRAWS,
    axis: AxisEntry | None = None,
) -> Verdict:
    """The verdict on two sets of answers to the same samples, before and after, by system.

    A rule fails where the change is worse than its bound and its p-value, corrected for all rules of all systems, is
    below the level. `axis`: that of a stress run, which has rules about robustness as well: the area under the curve
    of each leading metric over the levels. `draws`: how many draws the bootstrap takes. Raises `ConfigurationError` for
    a rule about a metric that the protocol does not have.
    """
    rules = rules or Rules()
    pairs = {
        name: pairwise_differences({CANDIDATE: after[name], BASELINE: before[name]}, protocol, draws=draws)[0]
        for name in after
    }
    infos = metrics_of(protocol, (name for pair in pairs.values() for name in pair.metrics))
    rows: list[tuple[str, str, Difference, float, MetricInfo]] = []
    for system, pair in pairs.items():
        bounds = _usual({name: infos[name] for name in pair.metrics}) if rules.metrics is None else rules.metrics
        if unknown := set(bounds) - set(pair.metrics):
            raise ConfigurationError(f"{protocol} has no metrics {sorted(unknown)}; it has {', '.join(pair.metrics)}")
        _check_bounds(bounds, infos)
        rows += [(system, name, pair.metrics[name], bound, infos[name]) for name, bound in bounds.items()]
        rows += [(system, name, pair.rates[name], bound, RATE) for name, bound in rules.rates.items()]
        if axis is not None:
            fallen = robustness(axis, before[system], after[system], protocol, infos)
            rows += [
                (system, f"{ROBUSTNESS} {name}", one, bounds[name], infos[name])
                for name, one in fallen.items()
                if name in bounds
            ]
    corrected = holm({str(place): row[2].p for place, row in enumerate(rows)})
    checks = []
    for place, (system, name, one, bound, info) in enumerate(rows):
        p, change = corrected[str(place)], one.difference
        worse = -1 if info.higher_is_better else 1
        failed = p is not None and change is not None and worse * change > bound and p < rules.level
        checks.append(Check(system, name, change, one.interval, bound, p, failed, info.unit))
    changed = [
        Changed(system, now.sample_id, diagnose(was).sample, diagnose(now).sample)
        for system in after
        for was, now in zip(before[system], after[system], strict=True)
        if diagnose(was).sample != diagnose(now).sample
    ]
    notes = [f"{name}: {pair.note}" for name, pair in pairs.items() if pair.note]
    return Verdict(checks, changed, notes, _sides(pairs, infos, len(next(iter(after.values())))))


def robustness(
    axis: AxisEntry,
    before: Sequence[SampleOverlap],
    after: Sequence[SampleOverlap],
    protocol: str,
    infos: Mapping[str, MetricInfo],
) -> dict[str, Difference]:
    """By how much the area under the curve of each leading metric changed."""
    build = load("metrics", protocol)
    leading = [name for name, info in infos.items() if info.leads]
    was, now = (areas(axis, found, build, leading) for found in (before, after))
    changes = {}
    for name in was:
        apart = now[name] - was[name]
        chance = spread(apart, infos[name].unit == FRACTION)
        interval, p = (None, None) if chance is None else (chance.interval, chance.p)
        changes[name] = Difference(difference=apart.value, interval=interval, p=p)
    return changes


def _sides(pairs: Mapping[str, PairDifference], infos: Mapping[str, MetricInfo], samples: int) -> dict[str, str]:
    """What speaks for either run, of the systems of which any leading metric differs."""
    leading = {name: info for name, info in infos.items() if info.leads}
    found = {system: sides_of(pair, leading, samples, [pair]) for system, pair in pairs.items()}
    differ = {
        system: both_sides(one, samples)
        for system, one in found.items()
        if any(lead.by for lead in chain(one.open, *one.leads.values()))
    }
    return {system: said for system, said in differ.items() if said}


def _usual(metrics: Mapping[str, MetricInfo]) -> dict[str, float]:
    """The usual bound of each metric: 0.01 (a point) for a fraction, 0 for another unit, since nobody can say which
    change is large there.
    """
    return {name: BOUND if info.unit == FRACTION else 0.0 for name, info in metrics.items()}


def _check_bounds(bounds: Mapping[str, float], metrics: Mapping[str, MetricInfo]) -> None:
    for name, bound in bounds.items():
        if metrics[name].unit == FRACTION and bound > 1:
            raise ConfigurationError(f"rule {name}: expected a bound from 0 to 1 (0.01 is a point), got {bound:g}")


def _bound(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
