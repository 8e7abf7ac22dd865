"""Predictions come back equal from their JSON, and whatever is not one is refused by the name of the field."""

import json
from typing import Any

import pytest

from workbench.data.errors import SampleError
from workbench.data.masks import Rle
from workbench.data.predictions import Call, Candidate, Instance, Note, Prediction, Sent, Trace

MASK: Rle = {"size": [4, 4], "counts": "04L0"}
ANSWER = Prediction(
    "s1",
    (Instance(MASK, 0.5), Instance(MASK, 1, (0.0, 1.0, 2.0, 3.0))),
    latency=0.25,
    calls=(
        Call("llm", 0.0, 1.0, 7, 3, Note(request="main", sent=[Sent("user", "a cup"), Sent("user", picture="raw")])),
        Call("segment", 1.0, 0.5, note=Note(phrase="cup", masks=2, extra={"crop": [1, 2]})),
        Call("rerank", 1.5),
    ),
    candidates=(Candidate(MASK, 0.1, "nms", "cup"),),
    phrases=("cup",),
    rejected=False,
)


def stored(answer: Prediction = ANSWER) -> Any:
    return json.loads(json.dumps(answer.to_json()))


def test_a_prediction_comes_back_equal() -> None:
    assert Prediction.from_json(stored()) == ANSWER


def test_only_what_a_note_says_is_stored() -> None:
    assert [call["note"] for call in stored()["calls"]] == [
        {
            "request": "main",
            "sent": [{"role": "user", "text": "a cup"}, {"role": "user", "picture": "raw", "masks": []}],
        },
        {"phrase": "cup", "masks": 2, "extra": {"crop": [1, 2]}},
        {},
    ]


def test_notes_of_earlier_versions_are_read_into_fields() -> None:
    single = Note.from_json({"text": "mug", "batch": 3})
    assert (single.reply, single.batch, single.extra) == ("mug", 3, {})
    drawn = Note.from_json({"picture": "all_masks", "masks": ["04L0", "0"]})
    assert (drawn.marked, drawn.masks) == (["04L0", "0"], None)
    asked = Note.from_json(
        {"request": "main", "sent": [{"role": "user", "picture": "all_masks", "masks": ["04L0"]}], "tool": "x"}
    )
    assert asked == Note(request="main", sent=[Sent("user", picture="all_masks", masks=("04L0",))], tool="x")


def test_what_a_note_has_no_field_for_is_kept_as_the_system_s_own() -> None:
    note = Note.from_json({"phrase": ["a", "b"], "prompt": "p", "mistake": "cut_off", "extra": {"seed": 1}})
    assert note == Note(mistake="cut_off", extra={"phrase": ["a", "b"], "prompt": "p", "seed": 1})
    assert Note.from_json(note.to_json()) == note


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
