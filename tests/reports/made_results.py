"""Small results as JSON, with every field that the schema asks for."""

from typing import Any


def made_results(
    values: dict[str, float | None], interval: list[float] | None, seconds: dict[str, float | None]
) -> dict[str, Any]:
    """Results of systems with these mAP values and median latencies; every difference has the same interval."""
    names = list(values)
    benchmark = {"name": "made", "protocol": "inst2seg", "identity": {}, "image_root": "/images", "samples": 100}
    return {
        "run": "/runs/made",
        "benchmark": benchmark,
        "protocol": "inst2seg",
        "systems": {name: made_system(values[name], seconds.get(name)) for name in names},
        "differences": [
            {"a": a, "b": b, "metrics": {"mAP": {"difference": values[a] - values[b], "interval": interval}}}  # type: ignore[operator]
            for i, a in enumerate(names)
            for b in names[i + 1 :]
            if values[a] is not None and values[b] is not None
        ],
    }


def made_system(value: float | None, seconds: float | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("calls_per_sample", "cold_start", "load", "warm_up", "samples_per_second", "report"), None)
    return {
        "protocol": "inst2seg",
        "samples": 100,
        "n_failed": 0,
        "failures": {},
        "metrics": {"mAP": value},
        "intervals": {"mAP": None},
        "by_targets": {},
        "by_kind": {},
        "latency": {"samples": 100, "p50": seconds, "mean": None},
        "tokens_per_sample": {"in": None, "out": None},
        "diagnosis": {},
        "missed_targets": {},
        "store": "/runs/made/made/system",
        **nothing,
    }
