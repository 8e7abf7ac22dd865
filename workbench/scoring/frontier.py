"""What variants of a system cost and save against the first of them."""

from dataclasses import dataclass

from workbench.data.metric_info import MetricInfo
from workbench.data.numbers import NONE, change, listed, many, seconds, shown, size
from workbench.data.results import Difference, Results, SystemResult, info, main_metric
from workbench.data.units import difference_unit


@dataclass(frozen=True)
class Variant:
    """A variant against the first, which has no `difference`: the main metric's, in its unit; and the samples whose
    answer changed. `times` is how large a number of it is beside the first one's; None where one of both is not known.
    """

    name: str
    system: SystemResult
    difference: Difference | None = None
    changed: int | None = None

    def number(self, what: str) -> float | None:
        """One of `COSTS`."""
        value = self.system.latency.p50 if what == "p50" else getattr(self.system, what)
        return None if value is None else float(value)

    def times(self, what: str, first: "Variant") -> float | None:
        """One of `COSTS` over that of the first."""
        own, other = self.number(what), first.number(what)
        return own / other if own is not None and other else None


COSTS = {
    "p50": "median latency",
    "peak_memory": "memory at the peak",
    "peak_gpu_memory": "GPU memory at the peak",
    "weights": "size on disk",
    "load": "load time",
}
"""What variants are compared in beside accuracy: fields of a system's results, and the median latency."""


def variants(results: Results) -> list[Variant]:
    """All variants of a frontier, the first of them first; empty for any other run."""
    if results.frontier is None:
        return []
    first, *others = results.systems
    metric = main_metric(results)
    pairs = {pair.a: pair for pair in results.differences if pair.b == first}
    return [Variant(first, results.systems[first])] + [
        Variant(name, results.systems[name], pairs[name].metrics.get(metric), pairs[name].changed)
        for name in others
        if name in pairs
    ]


def costs(found: list[Variant]) -> list[str]:
    """Those of `COSTS` that any variant has a number of."""
    return [what for what in COSTS if any(one.number(what) is not None for one in found)]


DIFFERENCE = 1
"""Which cell of a row has the difference to the first."""


@dataclass(frozen=True)
class Row:
    """What the table says of a variant, as text: `cells` under the heads of `heads`. `decided`: whether the difference,
    the cell number `DIFFERENCE`, is beyond chance."""

    name: str
    cells: list[str]
    decided: bool


def heads(results: Results) -> list[str]:
    """The columns of the table: the main metric and its difference to the first, times, sizes, and changed answers."""
    found = variants(results)
    about = info(results, main_metric(results))
    unit = difference_unit(about.unit)
    named = [main_metric(results), f"against {found[0].name}{f' ({unit})' if unit else ''}", "p50", "p90"]
    return [*named, *(COSTS[what] for what in costs(found) if what != "p50"), "changed"]


def rows(results: Results) -> list[Row]:
    """The table of a frontier, a row for each variant."""
    found = variants(results)
    metric = main_metric(results)
    unit = info(results, metric).unit
    kept = [what for what in costs(found) if what != "p50"]
    table = []
    for one in found:
        value = one.system.metrics.get(metric)
        cells = [NONE if value is None else shown(value, unit), _difference(one, unit)]
        cells += [NONE if x is None else seconds(x) for x in (one.system.latency.p50, one.system.latency.p90)]
        for what in kept:
            number = one.number(what)
            cells.append(NONE if number is None else seconds(number) if what == "load" else size(number))
        cells.append(NONE if one.changed is None else f"{one.changed / one.system.samples:.0%}")
        table.append(Row(one.name, cells, one.difference is not None and one.difference.beyond_chance))
    return table


def _difference(one: Variant, unit: str) -> str:
    if one.difference is None or one.difference.difference is None:
        return NONE
    text = change(one.difference.difference, unit)
    if one.difference.interval is None:
        return text
    low, high = one.difference.interval
    return f"{text} ({change(low, unit)} to {change(high, unit)})"


def sentences(results: Results) -> list[str]:
    """The verdict on a frontier: which variants are worse beyond chance, and what the smallest of the others saves."""
    found = variants(results)
    if len(found) < 2:
        return []
    first, *others = found
    metric = main_metric(results)
    about = info(results, metric)
    worse = [one for one in others if _is_worse(one.difference, about)]
    said = f"Of {many(len(others), 'variant')} of {results.frontier}, "
    if worse:
        losses = [f"{one.name} ({_by(one, about)})" for one in worse]
        said += f"{len(worse)} {'is' if len(worse) == 1 else 'are'} worse than {first.name} in {metric} beyond chance: "
        said += f"{listed(losses)}."
    else:
        said += f"none is worse than {first.name} in {metric} beyond chance."
    lines = [said]
    kept = [one for one in others if one not in worse]
    of = "of the others " if worse else ""
    for what, best, more in (("weights", "smallest", "smaller"), ("p50", "quickest", "quicker")):
        ratios = {one.name: ratio for one in kept if (ratio := one.times(what, first)) is not None}
        name = min(ratios, key=lambda one: ratios[one], default="")
        if name and ratios[name] < 1:
            begin = f"Of the others {name}" if worse else name
            lines.append(f"{begin} is the {best}: {ratios[name]:.2f} times the {COSTS[what]}.")
        elif name:
            lines.append(f"None {of}is {more}.")
    return lines


def _is_worse(difference: Difference | None, about: MetricInfo) -> bool:
    if difference is None or difference.difference is None or not difference.beyond_chance:
        return False
    return (difference.difference < 0) == about.higher_is_better


def _by(one: Variant, about: MetricInfo) -> str:
    assert one.difference is not None and one.difference.difference is not None
    unit = difference_unit(about.unit)
    return f"{change(one.difference.difference, about.unit)}{f' {unit}' if unit else ''}"
