"""What the curves of a stress axis say, in sentences and in tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.data.intervals import OpenInterval
from workbench.data.numbers import change, many, shown
from workbench.data.results import SIGNIFICANT
from workbench.data.stress import AxisEntry, StressPair, StressResults, label
from workbench.data.units import difference_unit, labelled, value_unit
from workbench.data.vocabulary import EXACT_SETS


def shown_metrics(axes: Iterable[StressResults]) -> list[str]:
    """The first leading metric that is defined at every level of all axes, and exact sets."""
    together = list(axes)
    leading = [name for name, about in together[0].metrics.items() if about.leads] if together else []
    whole = [name for name in leading if all(_is_whole(one, name) for one in together)]
    return list(dict.fromkeys([*whole[:1], EXACT_SETS]))


def _is_whole(stress: StressResults, metric: str) -> bool:
    curves = [curves.get(metric) for curves in stress.curves.values()]
    return all(one is not None and None not in one.values for one in curves)


def findings(stress: StressResults, metric: str) -> list[str]:
    """Where each system falls to half, which has the larger area, and where curves cross, by one metric."""
    unit = stress.metrics[metric].unit
    curves = {system: found[metric] for system, found in stress.curves.items()}
    halves = []
    for system, curve in curves.items():
        plain = curve.values[stress.axis.plain_place]
        if curve.half is not None:
            halves.append(f"{system} at {_level(stress.axis, curve.half)}{_range(curve.half_interval)}")
        elif plain:
            halves.append(f"{system} at no level")
        else:
            halves.append(f"{system} has none to lose")
    said = [f"{metric} falls to half: {'; '.join(halves)}."]
    areas = "; ".join(
        f"{system} {shown(curve.area, unit)}{_bounds(curve.area_interval, unit)}"
        for system, curve in curves.items()
        if curve.area is not None
    )
    said.append(f"Mean height of the curve: {areas} {value_unit(unit)}.")
    return said + [text for pair in stress.pairs if pair.metric == metric for text in _compared(stress, pair)]


def _compared(stress: StressResults, pair: StressPair) -> list[str]:
    unit = stress.metrics[pair.metric].unit
    said = []
    if pair.area is not None and pair.area_interval is not None:
        low, high = pair.area_interval
        sure = pair.p_holm is not None and pair.p_holm < SIGNIFICANT
        said.append(
            f"{pair.a} less {pair.b}: {change(pair.area, unit)} {difference_unit(unit)} "
            f"({change(low, unit)} to {change(high, unit)}), {'beyond chance' if sure else 'which may be chance'}."
        )
    for crossing in pair.crossings[:2]:
        if crossing.interval is None:
            where = ", of too few images for an interval"
        elif crossing.interval == (None, None):
            where = ", but where, if anywhere, is open: the images do not settle it"
        else:
            where = _range(crossing.interval)
        said.append(f"The curves cross at {_level(stress.axis, crossing.at)}{where}.")
    if more := len(pair.crossings) - 2:
        said += [f"They cross {many(more, 'more time')}."] if more > 0 else []
    return said


def table(stress: StressResults) -> dict[str, Any]:
    """Every metric of every system at every level: `levels`, and `rows` of metric, system and cells of text and
    interval."""
    rows = []
    for metric, about in stress.metrics.items():
        for place, (system, curves) in enumerate(stress.curves.items()):
            curve = curves[metric]
            cells = [
                ("\N{EN DASH}" if value is None else shown(value, about.unit), _bounds(interval, about.unit))
                for value, interval in zip(curve.values, curve.intervals, strict=True)
            ]
            name = labelled(metric, about, value_unit(about.unit)) if place == 0 else ""
            rows.append({"metric": name, "system": system, "cells": cells})
    return {"levels": [label(level) for level in stress.axis.levels], "rows": rows}


def about(stress: StressResults) -> str:
    """What was asked: "24 questions at each of 6 levels"."""
    axis = stress.axis
    images = "" if stress.images == stress.questions else f" about {many(stress.images, 'image')}"
    return f"{many(stress.questions, 'question')}{images} at each of {len(axis.levels)} levels"


def unit_of(axis: AxisEntry) -> str:
    """What stands below the levels of a figure."""
    return axis.unit or axis.title.lower()


def summary_rows(axes: Mapping[str, StressResults], metrics: Sequence[str]) -> list[list[str]]:
    """A row for each axis and system: title, system, and for each metric its value at the plain level, the mean height
    of the curve and where it falls to half."""
    rows = []
    for title, stress in axes.items():
        for system, curves in stress.curves.items():
            row = [title, system]
            for metric in metrics:
                curve, unit = curves[metric], stress.metrics[metric].unit
                numbers = (curve.values[stress.axis.plain_place], curve.area)
                row += ["\N{EN DASH}" if one is None else shown(one, unit) for one in numbers]
                row.append("never" if curve.half is None else f"{_text(curve.half)}{_range(curve.half_interval)}")
            rows.append(row)
    return rows


def _level(axis: AxisEntry, level: float | str) -> str:
    return f"{_text(level)} {axis.unit}".strip() if axis.ordered else f"“{level}”"


def _text(level: float | str) -> str:
    return level if isinstance(level, str) else f"{level:.2g}" if abs(level) < 1 else f"{level:.3g}"


def _range(interval: OpenInterval | None) -> str:
    """ " (3.1 to beyond the last level)" """
    if interval is None or interval == (None, None):
        return ""
    low, high = interval
    below = "before the first level" if low is None else _text(low)
    return f" ({below} to {'beyond the last level' if high is None else _text(high)})"


def _bounds(interval: tuple[float, float] | None, unit: str) -> str:
    return "" if interval is None else f" ({shown(interval[0], unit)} to {shown(interval[1], unit)})"
