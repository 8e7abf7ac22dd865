"""The agent with one part replaced by the truth of the sample."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.loop.oracle_parts import Oracle
from agents.loop.tools import ToolCall, parse
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.scripted import (
    EXAMINE,
    MARKERS,
    REPORT,
    THINGS,
    ScriptedModel,
    ScriptedSegmenter,
    call,
    plain,
    segment,
    select,
    square,
)
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Rerunnable

SAMPLE = Sample("s1", "i", Path("unused.png"), 96, 64, "the boxes", targets=(square(40, 8, 16),), phrase="box")


def agent(script: list[Any], **options: Any) -> Sam3Agent:
    return Sam3Agent(ScriptedSegmenter(THINGS), ScriptedModel(script), MARKERS, Options(**options))


def predict(system: Sam3Agent, sample: Sample = SAMPLE) -> Prediction:
    (prediction,) = system.predict([sample], [plain()])
    return prediction


def test_a_perfect_rewriter_sends_the_phrase_of_the_benchmark() -> None:
    system = agent([segment("thing"), select(1)]).with_oracle("rewriter")
    prediction = predict(system)
    assert prediction.phrases == ("box",)
    assert [instance.score for instance in prediction.instances] == [0.6]
    sent = [part for message in system.model.requests[1] for part in message.parts]  # type: ignore[attr-defined]
    assert segment("box") in sent and not any("thing" in part for part in sent if isinstance(part, str))


def test_a_second_phrase_is_then_a_repeated_one() -> None:
    prediction = predict(agent([segment("thing"), segment("ghost"), select(1)]).with_oracle("rewriter"))
    assert prediction.outcome == OK and prediction.phrases == ("box",)
    assert [c.note.mistake for c in prediction.calls if c.kind == "llm"] == [None, "repeated_phrase", None]


def test_without_a_phrase_the_agent_keeps_its_own() -> None:
    system = agent([segment("thing"), select(1)]).with_oracle("rewriter")
    assert predict(system, replace(SAMPLE, phrase=None)).phrases == ("thing",)


def test_a_perfect_checker_decides_by_the_targets_and_asks_nobody() -> None:
    prediction = predict(agent([segment("thing"), EXAMINE, select(1)]).with_oracle("checker"))
    assert [instance.mask for instance in prediction.instances] == [SAMPLE.targets[0]]
    assert [c.dropped for c in prediction.candidates] == ["rejected", "rejected"]
    assert len([c for c in prediction.calls if c.kind == "llm"]) == 3


def test_a_perfect_checker_rejects_all_where_there_is_no_target() -> None:
    prediction = predict(agent([segment("thing"), EXAMINE, REPORT]).with_oracle("checker"), replace(SAMPLE, targets=()))
    assert prediction.outcome == OK and prediction.instances == ()


def test_a_failure_under_an_oracle_is_counted_as_usual() -> None:
    assert predict(agent(["?"] * 3).with_oracle("rewriter")).outcome == "malformed_call"


def test_an_oracle_is_part_of_the_identity_and_shares_the_models() -> None:
    system = agent([])
    assert isinstance(system, Rerunnable)
    changed = {name: system.with_oracle(name) for name in ("rewriter", "checker")}
    assert "perfect" not in system.identity()
    assert {name: one.identity()["perfect"] for name, one in changed.items()} == {n: n for n in changed}
    assert all(one.model is system.model and one.options is system.options for one in changed.values())


@pytest.mark.parametrize("reply", [segment("thing"), segment('a "thing"'), segment("text_prompt") + " and more"])
def test_the_rewritten_reply_reads_as_the_call(reply: str) -> None:
    said = parse(reply, 0)
    assert isinstance(said, ToolCall)
    right, written = Oracle("rewriter", (), 'the "box"').rewritten(said, reply)
    assert right == parse(written, 0) == ToolCall("segment_phrase", phrase='the "box"')


def test_other_calls_are_left_alone() -> None:
    said = call("report_no_mask")
    read = parse(said, 0)
    assert isinstance(read, ToolCall)
    assert Oracle("rewriter", (), "box").rewritten(read, said) == (read, said)
