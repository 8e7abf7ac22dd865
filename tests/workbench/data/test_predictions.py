"""Predictions come back equal from their JSON, and whatever is not one is refused by the name of the field."""

from typing import Any

import pytest

from tests.workbench.data.stored import ANSWER, stored
from workbench.data.errors import SampleError
from workbench.data.predictions import Note, Prediction, Trace


def test_a_prediction_comes_back_equal() -> None:
    assert Prediction.from_json(stored()) == ANSWER


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("sample_id",), 17, "prediction.sample_id: expected text, got 17"),
        (("outcome",), None, "prediction.outcome: expected text, got None"),
        (("instances",), {}, "prediction.instances: expected a list"),
        (("instances", 1), "x", r"prediction.instances\[1\]: expected an object, got 'x'"),
        (("instances", 0, "score"), "0.5", r"prediction.instances\[0\].score: expected a number, got '0.5'"),
        (("instances", 0, "score"), True, r"instances\[0\].score: expected a number, got True"),
        (("instances", 0, "mask", "size"), [4], r"instances\[0\].mask.size: expected \[height, width\]"),
        (("instances", 0, "mask", "counts"), 3, r"instances\[0\].mask.counts: expected text"),
        (("instances", 1, "box"), [1, 2], r"instances\[1\].box: expected \[x, y, width, height\]"),
        (("latency",), "fast", "prediction.latency: expected a number"),
        (("calls", 2, "kind"), 1, r"calls\[2\].kind: expected text"),
        (("calls", 0, "tokens_in"), 1.5, r"calls\[0\].tokens_in: expected a whole number"),
        (("calls", 1, "note"), "x", r"calls\[1\].note: expected an object"),
        (("candidates", 0, "dropped"), None, r"candidates\[0\].dropped: expected text"),
        (("phrases",), ["cup", 3], r"phrases\[1\]: expected text, got 3"),
        (("rejected",), 1, "prediction.rejected: expected true or false"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_holds(path: tuple[Any, ...], value: object, message: str) -> None:
    record = stored()
    *way, last = path
    place = record
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(SampleError, match=message):
        Prediction.from_json(record)


@pytest.mark.parametrize("name", ["sample_id", "instances", "outcome", "calls", "candidates", "phrases"])
def test_a_missing_field_is_named(name: str) -> None:
    record = stored()
    del record[name]
    with pytest.raises(SampleError, match=f"prediction.{name}: expected .*, but the field is missing"):
        Prediction.from_json(record)


@pytest.mark.parametrize("record", [None, [], "x", 3])
def test_what_is_no_object_is_refused(record: object) -> None:
    with pytest.raises(SampleError, match="prediction: expected an object"):
        Prediction.from_json(record)


def test_a_call_is_recorded_also_where_its_block_raises() -> None:
    trace = Trace()
    with pytest.raises(RuntimeError), trace.call("llm", Note(request="main"), seed=3) as call:
        call.note.failed = "gone"
        raise RuntimeError
    (recorded,) = trace.calls
    assert recorded.note == Note(request="main", failed="gone", extra={"seed": 3})
    assert recorded.duration > 0
