"""What a curve over levels says: the area under it, where it falls to half, and where two of them cross.

A place is a position among the levels: 1.5 is halfway between the second and the third.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.metric_info import MetricInfo
from workbench.data.stress import AxisEntry, Crossing
from workbench.metrics.statistics import LEVEL as CONFIDENCE
from workbench.metrics.statistics import MIN_IMAGES
from workbench.metrics.uncertainty import Sampled


def area_under(axis: AxisEntry, levels: Sequence[Sampled]) -> Sampled | None:
    """The mean height of a curve over the levels at which it is defined; None where these are none."""
    known = [place for place, one in enumerate(levels) if not math.isnan(one.value)]
    if not known:
        return None
    if axis.ordered and len(known) > 1:
        x = np.array([float(axis.levels[place]) for place in known])
        steps = np.diff(x)
        shares = (np.append(steps, 0) + np.append(0, steps)) / (2 * (x[-1] - x[0]))
    else:
        shares = np.full(len(known), 1 / len(known))
    some = [levels[place] for place in known]

    def mean(of: Callable[[Sampled], Any]) -> Any:
        parts = [of(one) for one in some]
        if len({np.size(part) for part in parts}) > 1:
            return np.zeros(0)
        return sum(share * part for share, part in zip(shares, parts, strict=True))

    return replace(
        some[0],
        value=float(mean(lambda one: one.value)),
        even=float(mean(lambda one: one.even)),
        draws=mean(lambda one: one.draws),
        left_out=mean(lambda one: one.left_out),
        telling=min(one.telling for one in some),
    )


def half_place(axis: AxisEntry, values: NDArray[np.float64], info: MetricInfo) -> NDArray[np.float64]:
    """Where a metric gets half as good as at the plain level, `[D]`: as a place among the levels, between two in
    proportion; nan where it never does. values: `[levels, D]`.

    The levels are searched from the plain one on: to the last, or, where that is the plain one, back to the first. Of a
    metric of which less is better, it is twice its value.
    """
    start = axis.plain_place
    order = list(range(start, len(values))) if start < len(values) - 1 else list(range(start, -1, -1))
    bound = values[start] * (0.5 if info.higher_is_better else 2.0)
    excess = (values - bound) * (1 if info.higher_is_better else -1)
    found = np.full(values.shape[1], np.nan)
    last = np.full(values.shape[1], start)
    for place in order[1:]:
        here = excess[place]
        before = np.take_along_axis(excess, last[None, :], axis=0)[0]
        falls = np.isnan(found) & (here < 0) & (before >= 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = before / (before - here)
        found = np.where(falls, last + (share if axis.ordered else 1.0) * (place - last), found)
        last = np.where(np.isnan(here), last, place)
    return np.where(values[start] > 0, found, np.nan)


def half_interval(
    axis: AxisEntry, levels: Sequence[Sampled], info: MetricInfo, half: float
) -> tuple[float | None, float | None] | None:
    if math.isnan(half) or not axis.ordered or any(len(one.draws) == 0 for one in levels):
        return None
    found = half_place(axis, np.stack([one.draws for one in levels]), info)
    back = axis.plain_place == len(axis.levels) - 1
    return _bounds(axis, np.where(np.isnan(found), -np.inf if back else np.inf, found), half)


def level_at(axis: AxisEntry, place: float) -> float | str | None:
    if math.isnan(place):
        return None
    return _position(axis, place) if axis.ordered else axis.levels[round(place)]


def crossings(axis: AxisEntry, apart: Sequence[Sampled]) -> list[Crossing]:
    """Where a difference changes its sign, with an interval.

    A draw counts by its crossing that is nearest. One without any counts as beyond the last level where it begins as
    the estimate does before the crossing, and as below the first level where it begins the other way.
    """
    places, before = _sign_changes(np.array([one.value for one in apart]))
    if not places:
        return []
    enough = apart[0].images >= MIN_IMAGES and all(len(one.draws) for one in apart)
    draws = np.stack([one.draws for one in apart]).T if enough else np.zeros((0, len(apart)))
    changes = [_sign_changes(one) for one in draws]
    found_at = []
    for place, sign in zip(places, before, strict=True):
        found = np.array([_nearest(place, sign, *change, one) for change, one in zip(changes, draws, strict=True)])
        found_at.append(
            Crossing(
                at=_position(axis, place),
                interval=_bounds(axis, found, place) if len(found) else None,
                drawn=float(np.isfinite(found).mean()) if len(found) else None,
            )
        )
    return found_at


def _sign_changes(difference: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Places among the levels at which a difference `[levels]` changes its sign, and its sign before each. Levels at
    which it is 0 or undefined are passed over."""
    known = [place for place, value in enumerate(difference) if value and not math.isnan(value)]
    places, signs = [], []
    for left, right in pairwise(known):
        here, there = float(difference[left]), float(difference[right])
        if here * there < 0:
            places.append(left + (right - left) * here / (here - there))
            signs.append(math.copysign(1.0, here))
    return places, signs


def _nearest(
    place: float, sign: float, at: Sequence[float], signs: Sequence[float], difference: NDArray[np.float64]
) -> float:
    same = [one for one, before in zip(at, signs, strict=True) if before == sign]
    if same:
        return min(same, key=lambda one: abs(one - place))
    total = float(np.nansum(difference))
    return math.inf if total * sign >= 0 else -math.inf


def _bounds(axis: AxisEntry, places: NDArray[np.float64], value: float) -> tuple[float | None, float | None]:
    """The central 95 % of places among the levels, as levels; None for a side beyond them."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(places, [tail, 1 - tail], method="inverted_cdf")
    low, high = min(float(low), value), max(float(high), value)
    return (
        None if math.isinf(low) else _position(axis, low),
        None if math.isinf(high) else _position(axis, high),
    )


def _position(axis: AxisEntry, place: float) -> float:
    """The level at a place among the levels."""
    return float(np.interp(place, range(len(axis.levels)), [float(level) for level in axis.levels]))


def defined(value: float) -> float | None:
    return None if math.isnan(value) else value
