"""Metrics in their units: a `fraction` is shown in percent and compared in points, any other unit as it is."""

from workbench.data.metric_info import FRACTION, MetricInfo

LESS_IS_BETTER = "less is better"


def factor(unit: str) -> int:
    """What a value is multiplied by to be shown: 100 for a fraction, else 1."""
    return 100 if unit == FRACTION else 1


def value_unit(unit: str) -> str:
    """The unit that stands beside a shown value: `%` for a fraction."""
    return "%" if unit == FRACTION else unit


def difference_unit(unit: str) -> str:
    """The unit that stands beside a shown difference: `points` for a fraction."""
    return "points" if unit == FRACTION else unit


def in_unit(value: float, unit: str) -> str:
    """A value without its unit: `41.3` for a fraction of 0.413, else with three digits: `2.1`, `37.5`, `1,204`."""
    return f"{100 * value:.1f}" if unit == FRACTION else _three_digits(value)


def change_in_unit(change: float, unit: str) -> str:
    """A signed difference without its unit: `+4.1`, `-0.32`; no sign for none at all."""
    if not change:
        return in_unit(0.0, unit)
    return f"{100 * change:+.1f}" if unit == FRACTION else f"{'+' if change > 0 else ''}{_three_digits(change)}"


def with_direction(info: MetricInfo, unit: str) -> str:
    """A unit as tables and axes name it; it also says where less of the metric is better."""
    return unit if info.higher_is_better else ", ".join(filter(None, (unit, LESS_IS_BETTER)))


def labelled(name: str, info: MetricInfo, unit: str) -> str:
    """The name of a metric with its unit and direction in brackets: `edge (pixels, less is better)`."""
    known = with_direction(info, unit)
    return f"{name} ({known})" if known else name


def definition(info: MetricInfo) -> str:
    """What a metric is, in words, with its unit where it is no fraction and its direction where less is better."""
    unit = "" if info.unit == FRACTION else info.unit
    known = with_direction(info, f"in {unit}" if unit else "")
    return " ".join(filter(None, (info.formula, f"{known[0].upper()}{known[1:]}." if known else "")))


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
