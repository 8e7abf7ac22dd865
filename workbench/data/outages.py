"""Tells failures of the infrastructure from answers. A sample that failed because of a server may be asked again."""

from collections.abc import Mapping
from typing import Any, TypedDict

from workbench.data.errors import SampleError, short
from workbench.data.predictions import Prediction

UNAVAILABLE = "model_unavailable"
TIMED_OUT = "timed_out"


class Earlier(TypedDict):
    """An earlier failure of a sample, which a later answer to the same sample replaces."""

    outcome: str
    message: str
    when: str | None
    """ISO 8601, None where it is not known."""


def is_outage(prediction: Prediction) -> bool:
    """Whether a sample failed because of a server: its model was not available, or its time ran out and requests
    without a reply had taken more than half of it.
    """
    if prediction.outcome == UNAVAILABLE:
        return True
    if prediction.outcome != TIMED_OUT:
        return False
    waited = sum(call.duration for call in prediction.calls if call.kind == "llm" and call.note.failed)
    whole = max((call.start + call.duration for call in prediction.calls), default=0.0)
    return 0 < whole < 2 * waited


def stood_in_for(record: Mapping[str, Any]) -> list[Earlier]:
    """The earlier failures that a stored answer replaces; empty where the sample was asked once.

    Raises `SampleError` where the value is not a list of failures.
    """
    earlier = record.get("earlier", [])
    if not isinstance(earlier, list) or not all(isinstance(one, dict) for one in earlier):
        raise SampleError(f"earlier: expected a list of failures, got {short(earlier)}")
    for one in earlier:
        if not isinstance(one.get("outcome"), str) or not isinstance(one.get("message"), str):
            raise SampleError(f"earlier: expected outcome and message, got {short(one)}")
    return list(earlier)
