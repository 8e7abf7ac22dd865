"""The numbers of a run as MLflow's metrics: a few of each system on the parent run, all of them on its child."""

import math
from collections.abc import Mapping
from typing import Any

from workbench.data.digests import flatten
from workbench.data.results import Difference, Results, SystemResult, defined_metrics, leading_metrics, main_metric
from workbench.runs.run import Run
from workbench.tracking.client import _key

DETAILS = "workbench/"
"""Begins the names of all that is no headline. MLflow's table shows metrics as they were logged, so the headline is
logged first; its charts are sorted by name and grouped by what stands before a slash: the rest is a group at the end.
"""

ANSWERED = ("exact_sets", "latency.p50", "n_failed")
"""What the headline has beside metrics of the protocol."""
COUNTS = ("failures", "diagnosis", "missed_targets", "call_failures", "recovered_calls")
"""Groups of counts: what is not listed for a system happened 0 times."""
MEASURES = ("samples", "unscored", "n_failed", "asked_again", "cold_start", "samples_per_second", "calls_per_sample")
NESTED_MEASURES = ("latency", "tokens_per_sample", "per_correct_instance", "cost")


def headline(results: Results) -> dict[str, float]:
    """Five numbers of each system under `NAME/SYSTEM`, so that those of one name stand together: the two metrics that
    the verdict speaks of first, the share of exactly right sets, the median latency, and how many samples failed. What
    is undefined is left out.
    """
    first = [name for name in _in_order(results) if name in defined_metrics(results)][:2]
    numbers = {
        system: {**{name: result.metrics.get(name) for name in first}, **_answered(result)}
        for system, result in results.systems.items()
    }
    keys = [(name, system) for name in (*first, *ANSWERED) for system in numbers]
    found = {_key(f"{name}/{system}"): numbers[system][name] for name, system in keys}
    return {key: value for key, value in found.items() if value is not None}


def child_values(run: Run) -> dict[str, dict[str, float]]:
    """For each system all its numbers under the same keys: the metrics of the protocol and what `headline` has beside
    them under their names, and all else behind `DETAILS`."""
    arranged = {}
    for system, numbers in metric_values(run).items():
        result = run.results.systems[system]
        answered = {name: math.nan if value is None else value for name, value in _answered(result).items()}
        metrics = {key: numbers[key] for key in map(_key, _in_order(run.results)) if key in numbers}
        details = {DETAILS + key: value for key, value in numbers.items() if key not in metrics | answered}
        arranged[system] = metrics | answered | details
    return arranged


def _in_order(results: Results) -> list[str]:
    """The metrics of the protocol, first those that the verdict speaks of first."""
    metrics = [name for system in results.systems.values() for name in system.metrics]
    return list(dict.fromkeys([main_metric(results), *leading_metrics(results), *results.metrics, *metrics]))


def _answered(result: SystemResult) -> dict[str, float | None]:
    scored = result.samples - result.unscored - result.without_truth
    exact = result.diagnosis.get("exact_set", 0) / scored if scored and result.metrics else None
    return dict(zip(ANSWERED, (exact, result.latency.p50, float(result.n_failed)), strict=True))


def metric_values(run: Run) -> dict[str, dict[str, float]]:
    """For each system its numbers under the same flat keys; nan where one is undefined for a system."""
    numbers_of = {system: _numbers(result.to_json()) for system, result in run.results.systems.items()}
    for row in run.results.oracles:
        for metric, gain in (row.gains or {}).items():
            numbers_of[row.system] |= _gains(f"oracles.{row.oracle}.{metric}", gain)
    keys = sorted({key for numbers in numbers_of.values() for key in numbers})
    return {
        system: {key: numbers.get(key, 0.0 if key.startswith(COUNTS) else math.nan) for key in keys}
        for system, numbers in numbers_of.items()
    }


def _gains(name: str, gain: Difference) -> dict[str, float]:
    """Gain of a metric, bounds of its interval and corrected p-value."""
    low, high = gain.interval or (None, None)
    known = {"": gain.difference, ".low": low, ".high": high, ".p_holm": gain.p_holm}
    return {_key(name + ending): math.nan if value is None else float(value) for ending, value in known.items()}


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    groups = {key: result[key] for key in (*COUNTS, *NESTED_MEASURES) if key in result}
    measures = {key: result[key] for key in MEASURES if key in result}
    tree = {**result["metrics"], **measures, **groups, "intervals": result["intervals"]}
    flat = flatten(_with_bounds(tree))
    return {_key(key): math.nan if value is None else float(value) for key, value in flat.items()}


def _with_bounds(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers with their intervals beside them as `name.low` and `name.high`, at every depth; without notes."""
    bounded: dict[str, Any] = {}
    for key, value in tree.items():
        if key == "intervals":
            known = {name: interval for name, interval in value.items() if interval}
            bounded |= {
                f"{name}.{bound}": v for name, i in known.items() for bound, v in zip(("low", "high"), i, strict=True)
            }
        elif isinstance(value, Mapping):
            bounded[key] = _with_bounds(value)
        elif key not in ("note", "currency"):
            bounded[key] = value
    return bounded
