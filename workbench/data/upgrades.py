"""Converts files of older versions into the present layout, once, when they are loaded."""

from collections.abc import Iterable, Mapping
from typing import Any

LEADING = ("mAP", "gIoU", "N_acc", "T_acc")
"""Metrics that led a report in workbench 0.1.0, in this order."""
FORMULAS = {
    "mAP": "Average precision, mean over IoU thresholds .50 to .95: one ranking of all predicted instances by score; "
    "duplicates and answers to no-target samples count as false positives.",
    "AP50": "Average precision where an instance counts as found at IoU 0.5.",
    "AP75": "Average precision where an instance counts as found at IoU 0.75.",
    "gIoU": "Mean over samples of the IoU between all predicted and all target pixels; two empty masks give 1, "
    "a failed answer 0.",
    "cIoU": "Sum of intersections over sum of unions, of pixels of all samples: large objects weigh more.",
    "N_acc": "Share of the no-target samples that were answered with no instance.",
    "T_acc": "Share of the samples with targets that were answered with an instance, right or wrong.",
}
"""How the reports of workbench 0.1.0 explained its metrics."""
LOWER_IS_BETTER = "dAP_"
"""Prefix of the metrics for which lower is better: TIDE's costs of errors."""

# what the first versions of 0.1.0 did not count
_SYSTEM: Mapping[str, Any] = {
    "unscored": 0,
    "call_failures": {},
    "recovered_calls": {},
    "funnel": {},
    "per_correct_instance": {
        **dict.fromkeys(("correct", "seconds", "calls", "tokens_in", "tokens_out")),
        "intervals": {},
    },
}
_LATENCY: Mapping[str, Any] = {
    **{name: {} for name in ("intervals", "by_call", "by_targets", "by_kind", "by_image", "by_rounds")},
    "note": None,
    "rounds": None,
}
_CALL: Mapping[str, Any] = {
    **dict.fromkeys(("calls_per_sample", "seconds_per_sample", "share", "seconds_per_call")),
    "intervals": {},
}
_PAIR: Mapping[str, Any] = {"metrics": {}, "rates": {}, "latency": {}, "timed": 0, "note": None}


def results_of_0_1(value: object) -> object:
    """Convert results of workbench 0.1.0, which have no `version`, into layout 2.

    Other values are returned unchanged. Damage stays as it is and is found when the fields are checked.
    """
    if not isinstance(value, Mapping) or not value or "version" in value:
        return value
    systems = _each(value.get("systems"), _system)
    pairs = value.get("differences")
    return {
        "version": 2,
        "metrics": _metrics(systems),
        "oracles": [],
        "report": None,
        "mlflow": None,
        **value,
        "systems": systems,
        "differences": [_filled(pair, _PAIR) for pair in pairs] if isinstance(pairs, list) else pairs,
    }


def metric_info_of_0_1(name: str) -> dict[str, Any]:
    """The description that workbench 0.1.0 assumed for a metric."""
    return {
        "formula": FORMULAS.get(name, ""),
        "unit": "fraction",
        "higher_is_better": not name.startswith(LOWER_IS_BETTER),
        "leads": name in LEADING,
    }


def _metrics(systems: object) -> dict[str, Any]:
    scored = systems.values() if isinstance(systems, Mapping) else ()
    values = [system["metrics"] for system in scored if isinstance(system, Mapping) and "metrics" in system]
    names = dict.fromkeys(name for metrics in values if isinstance(metrics, Mapping) for name in metrics)
    return {name: metric_info_of_0_1(name) for name in leading_of_0_1(names)}


def leading_of_0_1(names: Iterable[str]) -> list[str]:
    """The metrics in the order of workbench 0.1.0: those that led first."""
    return sorted(dict.fromkeys(names), key=lambda name: LEADING.index(name) if name in LEADING else len(LEADING))


def _system(value: object) -> object:
    system = _filled(value, _SYSTEM)
    if not isinstance(system, Mapping) or "latency" not in system:
        return system
    latency = _filled(system["latency"], _LATENCY)
    if isinstance(latency, Mapping):
        latency = {**latency, "by_call": _each(latency["by_call"], lambda call: _filled(call, _CALL))}
    return {**system, "latency": latency}


def _filled(value: object, missing: Mapping[str, Any]) -> object:
    """The mapping with its missing keys added; other values are returned unchanged."""
    return {**missing, **value} if isinstance(value, Mapping) else value


def _each(value: object, change: Any) -> object:
    return {name: change(item) for name, item in value.items()} if isinstance(value, Mapping) else value
