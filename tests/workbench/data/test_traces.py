"""Long traces are packed where they are stored, and come back equal."""

from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.predictions import Call, Note, Prediction
from workbench.data.secrets import HIDDEN, forget, remember
from workbench.data.traces import TRACE, packed, unpacked
from workbench.runs.files import read_records
from workbench.runs.store import Store
from workbench.runs.stored import Stored

LONG = Note.from_json(
    {
        "request": "main",
        "sent": [{"role": "user", "text": "look again at the picture " * 400}, {"role": "user", "picture": "raw"}],
        "reply": "<think>the cup</think>",
        "marked": ["04L0"],
        "tool": "segment_phrase",
        "extra": {"own": [1, 2]},
    }
)
ANSWER = Prediction("s0", calls=(Call("llm", 0.0, 1.0, 900, 20, LONG), Call("segment", 1.0, 0.5), Call("llm", 2.0)))


def test_a_long_trace_is_packed_to_a_fraction_and_comes_back_equal() -> None:
    record = ANSWER.to_json()
    small = packed(record)
    assert len(small[TRACE]) * 20 < len(str(record))
    assert unpacked(small) == record
    assert [call["note"].get("tool") for call in small["calls"]] == ["segment_phrase", None, None]


def test_a_short_trace_stays_as_it_is() -> None:
    record = Prediction("s0", calls=(Call("llm", 0.0, note=Note(reply="a cup")),)).to_json()
    assert packed(record) is record and unpacked(record) is record


def test_an_answer_can_be_read_without_what_was_said() -> None:
    stored = Stored.from_json({**packed(ANSWER.to_json()), "seconds": 2.0}, traces=False)
    assert stored.about == {"seconds": 2.0}
    first = stored.prediction.calls[0]
    assert (first.tokens_in, first.note.tool, first.note.reply, first.note.sent) == (900, "segment_phrase", None, [])


def test_the_store_packs_and_a_line_of_an_earlier_version_is_read_all_the_same(tmp_path: Path) -> None:
    with Store(tmp_path, {}) as store:
        store.append(ANSWER, "image", "words", 0.5)
    (record,) = read_records(tmp_path / "predictions.jsonl")
    assert TRACE in record
    plain = {**ANSWER.to_json(), "image": "image", "instruction": "words", "seconds": 0.5}
    assert Stored.from_json(record) == Stored.from_json(plain)
    assert Stored.from_json(record).prediction == ANSWER


def test_keys_are_hidden_before_a_trace_is_packed(tmp_path: Path) -> None:
    remember("sk-0123456789abcdef")
    try:
        said = Note(reply="my key is sk-0123456789abcdef " * 300)
        with Store(tmp_path, {}) as store:
            store.append(Prediction("s0", calls=(Call("llm", 0.0, note=said),)), "image", "words", 0.5)
    finally:
        forget()
    (record,) = read_records(tmp_path / "predictions.jsonl")
    reply = Stored.from_json(record).prediction.calls[0].note.reply or ""
    assert "sk-0123" not in reply and reply.count(HIDDEN) == 300


@pytest.mark.parametrize("trace", ["", "no base64!", "AAAA", 7, "KLUv/SAAAQAA"])
def test_a_trace_that_cannot_be_read_is_an_error_of_its_sample(trace: object) -> None:
    with pytest.raises(SampleError, match="trace: it cannot be read"):
        unpacked({**packed(ANSWER.to_json()), TRACE: trace})


def test_a_trace_that_cannot_be_read_is_named_by_its_line(tmp_path: Path) -> None:
    from tests.workbench.metrics.scenes import sample
    from workbench.runs.answers import StoredAnswers
    from workbench.runs.files import write_lines

    write_lines(tmp_path / "predictions.jsonl", [{**packed(ANSWER.to_json()), TRACE: "AAAA"}])
    with pytest.raises(ConfigurationError, match=r"line 1 is damaged: sample 's0': trace: it cannot be read"):
        StoredAnswers(tmp_path / "predictions.jsonl", [sample("s0")])
