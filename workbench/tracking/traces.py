"""Shows predictions in MLflow as traces: a span for the sample, and a span for each of its calls."""

import os
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from workbench.data.predictions import OK, Call, Prediction
from workbench.data.samples import Sample

LIMIT = 20
"""Samples of a system that get a trace, the first ones: MLflow takes a tenth of a second for each. The Parquet table
has all of them."""
_TYPES = {"llm": "CHAT_MODEL", "segment": "TOOL", "encode": "EMBEDDING", "decode": "PARSER", "render": "TOOL"}
_TEXT = 4000  # characters of one value
_MASKS = ("masks", "marked")  # run lengths, of which the number is shown


def log_traces(
    uri: str, experiment_id: str, run_id: str, samples: Sequence[Sample], predictions: Sequence[Prediction]
) -> int:
    """Log the first `LIMIT` predictions as traces of a run, and wait until they have arrived; returns how many.

    Calls keep their times relative to the beginning of their sample. When a sample began is not stored, so the samples
    are placed one after the other, up to the present. MLflow's tracking URI is set for the duration, as its exporter
    takes it from nowhere else.
    """
    import mlflow

    chosen = list(islice(zip(samples, predictions, strict=True), LIMIT))
    # MLflow would set for good what it was given, or what stands in the environment
    environment = os.environ.get("MLFLOW_TRACKING_URI")
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    before = None if before == environment else before
    mlflow.set_tracking_uri(uri)
    try:
        begun = time.time() - sum(_seconds(prediction) for _, prediction in chosen)
        for sample, prediction in chosen:
            _log(experiment_id, run_id, sample, prediction, begun)
            begun += _seconds(prediction)
        mlflow.flush_trace_async_logging()
    finally:
        mlflow.set_tracking_uri(before)
        if environment is not None:
            os.environ["MLFLOW_TRACKING_URI"] = environment
    return len(chosen)


def _log(experiment_id: str, run_id: str, sample: Sample, prediction: Prediction, begun: float) -> None:
    import mlflow

    root = mlflow.start_span_no_context(
        name=sample.sample_id,
        span_type="AGENT",
        inputs={"instruction": sample.instruction, "image": sample.image_id},
        metadata={"mlflow.sourceRun": run_id},
        tags={"outcome": prediction.outcome},
        experiment_id=experiment_id,
        start_time_ns=_ns(begun),
    )
    for call in prediction.calls:
        given, made, rest = _parts(call)
        span = mlflow.start_span_no_context(
            name=call.note.tool or call.note.request or call.kind,
            span_type=_TYPES.get(call.kind, "UNKNOWN"),
            parent_span=root,
            inputs=given,
            attributes=rest,
            start_time_ns=_ns(begun + call.start),
        )
        status = "ERROR" if call.note.failed else "OK"
        span.end(outputs=made, status=status, end_time_ns=_ns(begun + call.start + call.duration))
    outputs = {
        "outcome": prediction.outcome,
        "message": prediction.message,
        "scores": [instance.score for instance in prediction.instances],
        "dropped": [f"{c.dropped} {c.score:.2f} {c.phrase}".rstrip() for c in prediction.candidates],
    }
    status = "OK" if prediction.outcome == OK else "ERROR"
    root.end(outputs=outputs, status=status, end_time_ns=_ns(begun + _seconds(prediction)))


def _parts(call: Call) -> tuple[Any, Any, dict[str, Any]]:
    """The inputs, the outputs, and the remaining fields of a call's note."""
    note = _short(call.note.to_json())
    given = note.pop("sent", None) or {key: note[key] for key in ("phrase", "picture", "about") if key in note}
    made = note.pop("reply", None) or note.get("failed") or {"masks": note.get("masks", note.get("marked"))}
    tokens = {"input_tokens": call.tokens_in, "output_tokens": call.tokens_out}
    if call.kind == "llm":
        note["mlflow.chat.tokenUsage"] = {**tokens, "total_tokens": call.tokens_in + call.tokens_out}
    return given, made, note


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_TEXT]
    if isinstance(value, Mapping):
        return {
            key: len(item) if key in _MASKS and isinstance(item, list) else _short(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value


def _seconds(prediction: Prediction) -> float:
    return max([prediction.latency or 0.0, *(call.start + call.duration for call in prediction.calls)])


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
