"""What a reader needs to know about a metric: its formula, its unit, and whether higher or lower is better."""

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

    formula: the definition in one sentence. unit: a `fraction` is shown in percent and compared in points; any other
    unit, such as `pixels` or `seconds`, is shown unchanged. higher_is_better: whether a larger value is better. leads:
    whether tables, figures and verdicts show it first. The first metric that leads is the main metric of its set.
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
    """The description of each of these metrics of a set. A metric without a description is a fraction, and higher is
    better.

    If no metric leads, the first one does.
    """
    declared: Mapping[str, MetricInfo] = getattr(function, _DECLARED, {})
    infos = {name: _described(declared, name) for name in names}
    if infos and not any(info.leads for info in infos.values()):
        first = next(iter(infos))
        infos[first] = MetricInfo(**{**vars(infos[first]), "leads": True})
    order = list(declared)
    leading = [name for name in order if name in infos and infos[name].leads]
    return {name: infos[name] for name in dict.fromkeys([*leading, *infos])}


def _described(declared: Mapping[str, MetricInfo], name: str) -> MetricInfo:
    if name in declared:
        return declared[name]
    return next((info for pattern, info in declared.items() if fnmatchcase(name, pattern)), MetricInfo())
