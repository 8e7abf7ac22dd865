"""What is kept of a sample: its trace, its masks, its time."""

import errno
from collections import Counter

import pytest

from agents.loop import graph
from agents.loop.workspace import Workspace
from agents.options import Options
from tests.agents.loop.sent import requests
from tests.agents.scripted import (
    ACCEPT,
    EXAMINE,
    MARKERS,
    REJECT,
    THINGS,
    ScriptedModel,
    ScriptedSegmenter,
    plain,
    segment,
    select,
    workspace,
)


def test_a_sample_ends_at_its_time_limit() -> None:
    work = workspace([segment("thing"), segment("box"), select(1)], time_limit=0.5)
    work.segmenter.slow = 0.55  # type: ignore[attr-defined]
    ending = graph.run(work)["ending"]
    assert ending is not None and ending.outcome == "timed_out"
    assert len(requests(work)) == 1


def test_a_full_disk_is_no_failure_of_the_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, features: object, phrases: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ScriptedSegmenter, "segment", full)
    with pytest.raises(OSError, match="No space left"):
        graph.run(workspace([segment("thing"), select(1)]))


def test_the_trace_holds_every_call_with_its_tokens_and_what_it_was_for() -> None:
    work = workspace([segment("thing"), EXAMINE, ACCEPT, REJECT, ACCEPT, select(2)])
    graph.run(work)
    kinds = [c.kind for c in work.trace.calls]
    assert Counter(kinds) == {"llm": 6, "encode": 1, "segment": 1, "render": 5}
    notes = [c.note for c in work.trace.calls if c.kind == "llm"]
    assert [n.request for n in notes] == ["main", "main", *["check_mask"] * 3, "main"]
    assert [n.tool for n in notes if n.request == "main"] == [
        "segment_phrase",
        "examine_each_mask",
        "select_masks_and_return",
    ]
    assert [n.accepted for n in notes if n.request == "check_mask"] == [True, False, True]
    assert all(c.tokens_in > 0 and c.tokens_out > 0 and c.note.reply for c in work.trace.calls if c.kind == "llm")
    assert [c.start for c in work.trace.calls] == sorted(c.start for c in work.trace.calls)


def test_every_mask_that_was_seen_is_selected_or_dropped_for_a_reason() -> None:
    script = [segment("thing"), EXAMINE, ACCEPT, REJECT, ACCEPT, segment("box"), segment("ghost"), segment("all")]
    answers = {**THINGS, "all": [*THINGS["thing"], (THINGS["box"][0][0], 0.3), (THINGS["thing"][0][0], 0.2)]}
    model = ScriptedModel([*script, select(1)])
    work = Workspace(plain(), "x", model, ScriptedSegmenter(answers), MARKERS, Options())
    final = graph.run(work)
    assert len(final["selected"]) == 1
    assert Counter((c.phrase, c.dropped) for c in work.trace.candidates) == {
        ("thing", "rejected"): 1,
        ("thing", "replaced"): 2,
        ("box", "replaced"): 1,
        ("all", "suppressed"): 2,
        ("all", "unselected"): 2,
    }
