"""Runs as tidy pandas frames: one row for each number, difference or model call, and many runs as one frame."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.curves import Curves
from workbench.data.errors import ConfigurationError
from workbench.data.metric_info import FRACTION
from workbench.data.predictions import Prediction
from workbench.data.results import (
    Difference,
    Group,
    OpenInterval,
    PaceDifference,
    RateDifference,
    Results,
    SystemResult,
)
from workbench.data.results import info as metric_info
from workbench.data.stress import StressResults

if TYPE_CHECKING:
    import pandas as pd


def metrics(results: Results, by: str | None = None) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.metrics`."""
    import pandas as pd

    if by not in (None, "kind", "targets"):
        raise ConfigurationError(f"expected by to be None, 'kind' or 'targets', got {by!r}")
    rows: list[dict[str, Any]] = []
    for system, result in results.systems.items():
        if by is None:
            rows += [{"system": system, **row} for row in (*_measured(results, result), *_costs(result))]
            continue
        for name, group in (result.by_kind if by == "kind" else result.by_targets).items():
            rows += [{"system": system, "group": name, **row} for row in _measured(results, group)]
    grouped = [] if by is None else ["group"]
    columns = ["system", *grouped, "metric", "value", "low", "high", "unit", "samples"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("value", "low", "high"), float))


def differences(results: Results) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.differences`; empty for one system."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for pair in results.differences:
        families: Mapping[str, Mapping[str, Difference]] = {
            "metric": pair.metrics,
            "rate": pair.rates,
            "latency": pair.latency,
        }
        for family, differing in families.items():
            named = {"a": pair.a, "b": pair.b, "family": family}
            rows += [
                {**named, "name": name, "unit": _unit(results, family, name), **_differing(one)}
                for name, one in differing.items()
            ]
    numbers, counts = [*_NUMBERS], ["only_a", "only_b"]
    frame = pd.DataFrame(rows, columns=["a", "b", "family", "name", *numbers, *counts, "unit"])
    return frame.astype(dict.fromkeys(numbers, float) | dict.fromkeys(counts, "Int64"))


def _unit(results: Results, family: str, name: str) -> str:
    return "s" if family == "latency" else metric_info(results, name).unit if family == "metric" else FRACTION


_NUMBERS = ("difference", "low", "high", "p", "p_holm", "ratio", "ratio_low", "ratio_high")


def _differing(one: Difference) -> dict[str, Any]:
    low, high = one.interval or (None, None)
    row = {"difference": one.difference, "low": low, "high": high, "p": one.p, "p_holm": one.p_holm}
    if isinstance(one, RateDifference):
        return {**row, "only_a": one.only_a, "only_b": one.only_b}
    if isinstance(one, PaceDifference):
        low, high = one.ratio_interval or (None, None)
        return {**row, "ratio": one.ratio, "ratio_low": low, "ratio_high": high}
    return row


def curve(results: Results, name: str) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.curve`."""
    import pandas as pd

    if name not in _CURVES:
        raise ConfigurationError(f"expected the name of a curve, one of {', '.join(_CURVES)}; got {name!r}")
    columns, rows_of = _CURVES[name]
    rows = [
        {"system": system, **row}
        for system, result in results.systems.items()
        for row in (rows_of(result.curves) if result.curves else ())
    ]
    return pd.DataFrame(rows, columns=["system", *columns])


def _threshold_rows(curves: Curves) -> Iterator[dict[str, Any]]:
    for masks, one in (("answer", curves.threshold), ("answer and unselected", curves.unselected)):
        if one is None:
            continue
        for metric, values in one.values.items():
            for threshold, value in zip(one.thresholds, values, strict=True):
                point = {"masks": masks, "threshold": threshold, "metric": metric, "value": value}
                yield {**point, "operating": threshold == one.operating}


def _reliability_rows(curves: Curves) -> Iterator[dict[str, Any]]:
    return (one.to_json() for one in curves.reliability.bins)


def _risk_rows(curves: Curves) -> Iterator[dict[str, Any]]:
    one = curves.risk
    for confidence, coverage, risk in zip(one.confidence, one.coverage, one.risk, strict=True):
        yield {"confidence": confidence, "coverage": coverage, "risk": risk}


def _suppression_rows(curves: Curves) -> Iterator[dict[str, Any]]:
    for metric, values in curves.suppression.values.items():
        for limit, value in zip(curves.suppression.limits, values, strict=True):
            yield {"limit": limit, "metric": metric, "value": value}


_CURVES: Mapping[str, tuple[Sequence[str], Callable[[Curves], Iterator[dict[str, Any]]]]] = {
    "threshold": (("masks", "threshold", "metric", "value", "operating"), _threshold_rows),
    "reliability": (("instances", "score", "right"), _reliability_rows),
    "risk": (("confidence", "coverage", "risk"), _risk_rows),
    "suppression": (("limit", "metric", "value"), _suppression_rows),
}


def stress(results: Results, table: str) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.stress`."""
    import pandas as pd

    if results.stress is None:
        raise ConfigurationError("expected a run of `workbench stress`, which sweeps an axis; this is another run")
    if table not in _STRESS:
        raise ConfigurationError(f"expected the name of a table, one of {', '.join(_STRESS)}; got {table!r}")
    columns, rows_of = _STRESS[table]
    rows = [{"axis": results.stress.axis.name, **row} for row in rows_of(results.stress)]
    frame = pd.DataFrame(rows, columns=["axis", *columns])
    numbers = ("value", "low", "high", "area", "difference", "p_holm", "drawn")
    return frame.astype({name: float for name in numbers if name in frame})


def _stress_points(one: StressResults) -> Iterator[dict[str, Any]]:
    for system, curves in one.curves.items():
        for metric, curve in curves.items():
            for level, value, interval in zip(one.axis.levels, curve.values, curve.intervals, strict=True):
                low, high = interval or (None, None)
                point = {"level": level, "plain": level == one.axis.plain, "system": system, "metric": metric}
                yield {**point, "value": value, "low": low, "high": high, "unit": one.metrics[metric].unit}


def _stress_areas(one: StressResults) -> Iterator[dict[str, Any]]:
    for system, curves in one.curves.items():
        for metric, curve in curves.items():
            low, high = curve.area_interval or (None, None)
            half_low, half_high = curve.half_interval or (None, None)
            halves = {"half": curve.half, "half_low": half_low, "half_high": half_high}
            yield {"system": system, "metric": metric, "area": curve.area, "low": low, "high": high, **halves}


def _stress_pairs(one: StressResults) -> Iterator[dict[str, Any]]:
    for pair in one.pairs:
        low, high = pair.area_interval or (None, None)
        named = {"a": pair.a, "b": pair.b, "metric": pair.metric}
        yield {**named, "difference": pair.area, "low": low, "high": high, "p_holm": pair.p_holm}


def _stress_crossings(one: StressResults) -> Iterator[dict[str, Any]]:
    for pair in one.pairs:
        for crossing in pair.crossings:
            low, high = crossing.interval or (None, None)
            named = {"a": pair.a, "b": pair.b, "metric": pair.metric}
            yield {**named, "level": crossing.at, "low": low, "high": high, "drawn": crossing.drawn}


_STRESS: Mapping[str, tuple[Sequence[str], Callable[[StressResults], Iterator[dict[str, Any]]]]] = {
    "levels": (("level", "plain", "system", "metric", "value", "low", "high", "unit"), _stress_points),
    "areas": (("system", "metric", "area", "low", "high", "half", "half_low", "half_high"), _stress_areas),
    "pairs": (("a", "b", "metric", "difference", "low", "high", "p_holm"), _stress_pairs),
    "crossings": (("a", "b", "metric", "level", "low", "high", "drawn"), _stress_crossings),
}


def calls(predictions: Mapping[str, Iterable[Prediction]]) -> "pd.DataFrame":
    """See `workbench.runs.run.Run.calls`; predictions by system.

    An agent makes tens of calls a sample: each number takes 8 bytes meanwhile, and equal texts are kept once.
    """
    import pandas as pd

    columns: dict[str, list[str | None] | array[float] | array[int]] = {
        "system": [], "sample_id": [], "call": array("q"), "kind": [], "name": [],
        "start": array("d"), "seconds": array("d"), "processor": array("d"), "tokens_in": array("q"),
        "tokens_out": array("q"), "phrase": [], "failed": [], "mistake": [],
    }  # fmt: skip
    add = [column.append for column in columns.values()]
    known: dict[str | None, str | None] = {}
    for system, answers in predictions.items():
        for answer in answers:
            for place, call in enumerate(answer.calls):
                note = call.note
                name = note.tool or note.request or call.kind
                processor = nan if call.processor is None else call.processor
                spent = (call.start, call.duration, processor, call.tokens_in, call.tokens_out)
                said = (call.kind, name, note.phrase, note.failed, note.mistake)
                kind, named, *about = (known.setdefault(text, text) for text in said)
                row = (system, answer.sample_id, place, kind, named, *spent, *about)
                for append, value in zip(add, row, strict=True):
                    append(value)  # type: ignore[arg-type]
    return pd.DataFrame(
        {name: np.asarray(column) if isinstance(column, array) else column for name, column in columns.items()}
    )


def _measured(results: Results, group: SystemResult | Group) -> Iterator[dict[str, Any]]:
    for name, value in group.metrics.items():
        low, high = group.intervals.get(name) or (None, None)
        unit = metric_info(results, name).unit
        yield {"metric": name, "value": value, "low": low, "high": high, "unit": unit, "samples": group.samples}


def _costs(result: SystemResult) -> Iterator[dict[str, Any]]:
    """Costs under the names that MLflow's metrics have."""
    latency, spent, tokens = result.latency, result.per_correct_instance, result.tokens_per_sample
    for name in ("p50", "p90", "p95", "p99", "mean"):
        yield _cost(f"latency.{name}", getattr(latency, name), "s", latency.samples, latency.intervals.get(name))
    for name, unit in (("seconds", "s"), ("calls", "calls"), ("tokens_in", "tokens"), ("tokens_out", "tokens")):
        bounds = spent.intervals.get(name)
        yield _cost(f"per_correct_instance.{name}", getattr(spent, name), unit, result.samples, bounds)
    for name, unit in (("processor", "s"), ("waiting", "share of time")):
        yield _cost(f"latency.{name}", getattr(latency, name), unit, latency.samples)
    if priced := result.cost:
        for name in ("per_thousand_samples", "per_correct_instance"):
            value, bounds = getattr(priced, name), priced.intervals.get(name)
            yield _cost(f"cost.{name}", value, priced.currency, result.samples, bounds)
    yield _cost("cold_start", result.cold_start, "s", result.samples)
    yield _cost("samples_per_second", result.samples_per_second, "samples/s", result.samples)
    yield _cost("calls_per_sample", result.calls_per_sample, "calls", result.samples)
    yield _cost("tokens_per_sample.in", tokens.read, "tokens", result.samples)
    yield _cost("tokens_per_sample.out", tokens.written, "tokens", result.samples)
    yield _cost("n_failed", result.n_failed, "samples", result.samples)
    yield _cost("asked_again", result.asked_again, "samples", result.samples)


def _cost(
    name: str, value: float | None, unit: str, samples: int, bounds: OpenInterval | None = None
) -> dict[str, Any]:
    low, high = bounds or (None, None)
    return {"metric": name, "value": value, "low": low, "high": high, "unit": unit, "samples": samples}
