"""What the graph does with a model that errs, fails or is slow, and what it records."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from agents.language_models.interface import Message, PassingError, PromptTooLongError, Reply
from agents.loop import graph
from agents.loop.workspace import Workspace
from agents.options import Options
from tests.agents.loop.sent import pictures, requests, texts
from tests.agents.scripted import (
    ACCEPT,
    EXAMINE,
    MARKERS,
    REJECT,
    REPORT,
    THINGS,
    ScriptedModel,
    ScriptedSegmenter,
    call,
    plain,
    segment,
    select,
    workspace,
)
from workbench.data.vocabulary import OUTCOMES


def test_a_phrase_and_a_selection_are_an_answer() -> None:
    work = workspace([segment("thing"), select(3, 1)])
    final = graph.run(work)
    assert final["ending"] is None
    assert [work.masks[i].score for i in final["selected"]] == [0.9, 0.7]
    assert final["phrases"] == ["thing"]


def test_report_no_mask_is_an_empty_answer() -> None:
    work = workspace([segment("thing"), REPORT])
    final = graph.run(work)
    assert final["ending"] is None and final["selected"] == []
    assert Counter(c.dropped for c in work.trace.candidates) == {"unselected": 3}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("nothing to do", "malformed_call"),
        (call("zoom_in"), "unknown_tool"),
        (select(1), "wrong_order"),
        (EXAMINE, "wrong_order"),
        (call("segment_phrase", phrase="x"), "bad_parameters"),
        (Reply("<think>and then", "length", 5, 9), "cut_off"),
    ],
)
def test_a_mistake_is_told_back_and_after_three_in_a_row_ends_the_sample(reply: str | Reply, kind: str) -> None:
    work = workspace([reply] * 5)
    final = graph.run(work)
    assert final["ending"] is not None
    assert final["ending"].outcome == kind
    assert len(requests(work)) == 3
    told = texts(requests(work)[1][-1])
    assert told.startswith(f"mistake|{kind.replace('_', ' ')}|") and len(told) > 30
    assert [c.note.mistake for c in work.trace.calls] == [kind] * 3


def test_mistakes_are_counted_in_a_row_and_forgotten_with_the_next_good_call() -> None:
    script = ["?", "?", segment("thing"), "?", "?", select(1)]
    work = workspace(script)
    assert graph.run(work)["ending"] is None
    assert [len(request) for request in requests(work)] == [2, 4, 6, 4, 6, 8]
    assert not any("mistake" in texts(message) for message in requests(work)[3])


def test_a_reply_that_is_cut_off_after_a_whole_call_counts() -> None:
    work = workspace([Reply(REPORT + " and", "length", 1, 1)])
    assert graph.run(work)["ending"] is None


def test_a_phrase_that_differs_in_case_alone_is_not_run_again() -> None:
    work = workspace([segment("ghost"), segment(" Ghost"), segment("thing"), select(1)])
    graph.run(work)
    assert work.segmenter.phrases == ["ghost", "thing"]  # type: ignore[attr-defined]
    assert texts(requests(work)[2][-1]) == 'duplicate_phrase| Ghost|"ghost"'
    mistakes = [c.note.mistake for c in work.trace.calls if c.kind == "llm"]
    assert mistakes == [None, "repeated_phrase", None, None]


def test_rounds_are_limited() -> None:
    work = workspace([segment("ghost")] * 20, max_generations=4)
    final = graph.run(work)
    assert final["ending"] is not None
    assert final["ending"].outcome == "budget_spent"
    assert len(requests(work)) == 5


def test_a_hundred_rounds_stay_within_the_recursion_limit() -> None:
    work = workspace([segment("box"), *[EXAMINE, ACCEPT] * 100, select(1)])
    final = graph.run(work)
    assert final["ending"] is not None and final["ending"].outcome == "budget_spent"
    assert len([c for c in work.trace.calls if c.note.request == "main"]) == 101


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [(PromptTooLongError("9 tokens"), "too_long"), (PassingError("busy"), "model_unavailable")],
)
def test_what_the_model_cannot_do_is_an_outcome(raised: Exception, outcome: str) -> None:
    work = workspace([], retries=0)

    async def complete(*_: Any) -> Reply:
        raise raised

    work.model.complete = complete  # type: ignore[method-assign]
    ending = graph.run(work)["ending"]
    assert ending is not None and ending.outcome == outcome and str(raised) in ending.message
    assert [c.note.mistake for c in work.trace.calls] == [outcome]


def test_a_failing_segmenter_is_an_outcome_with_its_message() -> None:
    ending = graph.run(workspace([segment("not in the script")]))["ending"]
    assert ending is not None
    assert ending.outcome == "segmenter_failed" and "KeyError" in ending.message


def test_a_verdict_is_asked_for_again_until_it_can_be_read() -> None:
    work = workspace([segment("box"), EXAMINE, "hm", "<verdict>maybe</verdict>", ACCEPT, select(1)])
    assert graph.run(work)["ending"] is None
    assert [len(request) for request in requests(work)[2:5]] == [2, 4, 6]
    assert "neither word" in texts(requests(work)[3][-1])


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [("hm", "unreadable_verdict"), (Reply("hm", "length", 1, 1), "cut_off"), (None, "model_unavailable")],
)
def test_a_check_without_a_verdict_ends_the_sample(reply: Any, outcome: str) -> None:
    work = workspace([segment("box"), EXAMINE, reply, reply, reply, select(1)])
    ending = graph.run(work)["ending"]
    assert ending is not None and ending.outcome == outcome


def test_a_model_that_is_gone_is_not_asked_about_the_other_masks() -> None:
    work = workspace([segment("thing"), EXAMINE, None, ACCEPT, ACCEPT])
    ending = graph.run(work)["ending"]
    assert ending is not None and ending.outcome == "model_unavailable"
    assert len(requests(work)) == 3


def test_checks_run_side_by_side_where_the_model_can_do_it() -> None:
    class Concurrent(ScriptedModel):
        concurrency = 3
        barrier = asyncio.Barrier(3)

        async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
            if len(pictures(messages)) == 3:
                await self.barrier.wait()  # only three requests at once get past
                return Reply(ACCEPT, "stop", 1, 1)
            return await super().complete(messages, max_tokens)

    model = Concurrent([segment("thing"), EXAMINE, select(2)])
    work = Workspace(plain(), "x", model, ScriptedSegmenter(THINGS), MARKERS, Options())
    final = graph.run(work)
    assert final["ending"] is None and [work.masks[i].score for i in final["selected"]] == [0.8]


def test_nothing_a_model_says_makes_the_graph_raise() -> None:
    rng = random.Random(1)
    good = [
        segment("thing"),
        segment("box"),
        segment("ghost"),
        EXAMINE,
        select(1),
        select(2, 3),
        REPORT,
        ACCEPT,
        REJECT,
    ]
    pieces = [
        "<tool>",
        "</tool>",
        "<verdict>",
        "{",
        "}",
        "[[1]]",
        '{"name":',
        '"segment_phrase"',
        "\x00",
        "\ud83d",
        "é",
    ]

    def reply() -> str | Reply | None:
        dice = rng.random()
        if dice < 0.6:
            return rng.choice(good)
        text = rng.choice(good)
        if dice < 0.75:
            cut = rng.randrange(len(text))
            return Reply(text[:cut], rng.choice(["stop", "length"]), 1, 1)
        if dice < 0.98:
            return "".join(rng.choice([*pieces, *text]) for _ in range(rng.randrange(40)))
        return None

    outcomes = Counter()
    for _ in range(150):
        script = list(itertools.islice(iter(reply, object()), 60))
        work = workspace(script, max_generations=rng.randrange(8))
        ending = graph.run(work)["ending"]
        outcomes[ending.outcome if ending else "ok"] += 1
        assert ending is None or (ending.outcome in OUTCOMES and ending.outcome != "crashed")
        json.dumps([c.note.to_json() for c in work.trace.calls]).encode()
        for request in requests(work):
            assert len(pictures(request)) <= 3
            texts(request[-1]).encode()
    assert len(outcomes) >= 5


def test_state_holds_no_pixels() -> None:
    final = graph.run(workspace([segment("thing"), select(1)]))
    assert not any(isinstance(value, np.ndarray) for value in _leaves(final))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return _leaves(vars(value)) if hasattr(value, "__dict__") else [value]
