"""What a reader has to know of a metric: what it is, in which unit, and which direction is better."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
FRACTION = "fraction"
_DECLARED = "metrics"


@dataclass(frozen=True)
class MetricInfo:
    """One metric of a metric set.

    formula: the definition in a sentence. unit: `fraction` is shown in percent and compared in points; any other unit,
    as `pixels` or `seconds`, is shown as it is. higher_is_better: whether more of it is better. leads: whether tables,
    figures and verdicts show it first; the first one that leads is the main metric of its set.
    """

    formula: str = ""
    unit: str = FRACTION
    higher_is_better: bool = True
    leads: bool = False


def describe(metrics: Mapping[str, MetricInfo]) -> Callable[[F], F]:
    """Decorates the function of a metric set with what each of its metrics is, by name, the leading ones in the order
    of their importance. A name with `*` or `?` describes all metrics that it matches (as in `fnmatch`)."""

    def mark(function: F) -> F:
        setattr(function, _DECLARED, dict(metrics))
        return function

    return mark


def described(function: Callable[..., Any], names: Iterable[str]) -> dict[str, MetricInfo]:
    """What is known of each of these metrics of a set; a metric that is not described is a fraction, more is better.

    Without any leading metric the first one leads.
    """
    declared: Mapping[str, MetricInfo] = getattr(function, _DECLARED, {})
    found = {name: _described(declared, name) for name in names}
    if found and not any(info.leads for info in found.values()):
        first = next(iter(found))
        found[first] = MetricInfo(**{**vars(found[first]), "leads": True})
    order = list(declared)
    leading = [name for name in order if name in found and found[name].leads]
    return {name: found[name] for name in dict.fromkeys([*leading, *found])}


def _described(declared: Mapping[str, MetricInfo], name: str) -> MetricInfo:
    if name in declared:
        return declared[name]
    return next((info for pattern, info in declared.items() if fnmatchcase(name, pattern)), MetricInfo())
