"""What an answer costs: seconds of samples that ran alone, model calls, tokens."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from workbench.predictions import Call, CallKind, Prediction

CALL_KINDS: tuple[str, ...] = get_args(CallKind)


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p90 and p99 (linear between neighbours) of durations; None without any."""
    values = np.percentile(seconds, [50, 90, 99]) if len(seconds) else [None] * 3
    return {name: None if v is None else float(v) for name, v in zip(("p50", "p90", "p99"), values, strict=True)}


def latency(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Latency of the samples that were timed alone (`latency` is not None), whatever their outcome.

    `by_call`: for each kind of call that occurs, how many calls and seconds one sample takes (mean over samples), and
    percentiles of the duration of one call.
    """
    timed = [p for p in predictions if p.latency is not None]
    seconds = [p.latency for p in timed if p.latency is not None]
    return {
        "samples": len(timed),
        **percentiles(seconds),
        "mean": float(np.mean(seconds)) if seconds else None,
        "by_call": _by_call([call for p in timed for call in p.calls], len(timed)),
    }


def calls_per_sample(predictions: Sequence[Prediction]) -> float | None:
    """Mean number of model calls of a sample, timed alone or not; None without predictions."""
    return sum(len(p.calls) for p in predictions) / len(predictions) if predictions else None


def tokens_per_sample(predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Mean tokens read and written by language models for a sample; None without predictions."""
    if not predictions:
        return {"in": None, "out": None}
    calls = [call for p in predictions for call in p.calls]
    return {
        "in": sum(call.tokens_in for call in calls) / len(predictions),
        "out": sum(call.tokens_out for call in calls) / len(predictions),
    }


def _by_call(calls: Sequence[Call], n_samples: int) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, float | None]] = {}
    for kind in CALL_KINDS:
        durations = [call.duration for call in calls if call.kind == kind]
        if durations:
            result[kind] = {
                "calls_per_sample": len(durations) / n_samples,
                "seconds_per_sample": sum(durations) / n_samples,
                **percentiles(durations),
            }
    return result
