"""Phrases that wait for the segmenter at the same time: run together, none at another's cost."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from agents import event_loop as background
from agents.loop.segment_queue import MOST, Asked, PhraseQueue
from tests.agents.scripted import THINGS, ScriptedSegmenter, plain
from workbench.data.predictions import Trace
from workbench.plugins.interfaces import PhraseMasks


class Together(ScriptedSegmenter):
    """Takes several images at once, and waits for `gate` before its first work."""

    def __init__(self) -> None:
        super().__init__(THINGS)
        self.gate = threading.Event()
        self.sizes: list[tuple[str, int]] = []

    def encode_all(self, images: Sequence[Any]) -> list[Any]:
        self.gate.wait(10)
        self.sizes.append(("encode", len(images)))
        return [image.shape for image in images]

    def segment_all(self, asked: Sequence[tuple[Any, str]]) -> list[PhraseMasks]:
        self.sizes.append(("segment", len(asked)))
        return [super(Together, self).segment(features, [phrase])[0] for features, phrase in asked]

    def encode(self, image: Any) -> Any:
        self.gate.wait(10)
        return super().encode(image)


def run(segmenter: ScriptedSegmenter, asked: list[Asked]) -> list[Any]:
    """All at once; the first is alone, as the others come while it is worked on."""

    async def all_of_them() -> list[Any]:
        queue = PhraseQueue(segmenter)
        tasks = [asyncio.create_task(queue.masks(one)) for one in asked]
        await asyncio.sleep(0)
        if isinstance(segmenter, Together):
            segmenter.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    return background.run(all_of_them())


def ask(*phrases: str) -> list[Asked]:
    return [Asked(plain(), phrase, Trace()) for phrase in phrases]


def test_phrases_that_wait_are_run_together_and_answered_in_their_order() -> None:
    segmenter, asked = Together(), ask(*["thing", "box", "ghost"] * 4)
    answers = run(segmenter, asked)
    assert [len(a.masks) for a in answers] == [3, 1, 0] * 4
    assert max(size for _, size in segmenter.sizes) <= MOST
    assert sum(size for kind, size in segmenter.sizes if kind == "segment") + segmenter.encoded == 12
    assert any(size > 1 for _, size in segmenter.sizes)


def test_each_has_its_share_of_the_time_in_its_trace() -> None:
    segmenter, asked = Together(), ask("thing", "box")
    run(segmenter, asked)
    for one in asked:
        assert [call.kind for call in one.trace.calls] == ["encode", "segment"]
        assert all(call.duration > 0 for call in one.trace.calls)
        assert one.trace.calls[1].note.phrase == one.phrase
    (shares,) = {call.note.together or 1 for one in asked for call in one.trace.calls}
    assert shares in (1, 2)


def test_one_that_fails_fails_alone() -> None:
    segmenter, asked = Together(), ask("thing", "unheard of", "box")
    first, second, third = run(segmenter, asked)
    assert len(first.masks) == 3 and len(third.masks) == 1
    assert isinstance(second, KeyError)
    assert [call.kind for call in asked[2].trace.calls] == ["encode", "segment"]


def test_an_image_is_encoded_once_for_all_its_phrases() -> None:
    segmenter = ScriptedSegmenter(THINGS)
    (asked,) = ask("thing")
    run(segmenter, [asked])
    run(segmenter, [Asked(asked.image, "box", asked.trace, asked.features)])
    assert segmenter.encoded == 1 and segmenter.phrases == ["thing", "box"]


def test_one_that_gives_up_waiting_is_not_run() -> None:
    segmenter = Together()

    async def give_up() -> list[Any]:
        queue = PhraseQueue(segmenter)
        tasks = [asyncio.create_task(queue.masks(one)) for one in ask("thing", "box")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        segmenter.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, second = background.run(give_up())
    assert len(first.masks) == 3 and isinstance(second, asyncio.CancelledError)


@pytest.mark.parametrize("count", [1, 3])
def test_a_segmenter_that_takes_one_image_at_a_time_is_enough(count: int) -> None:
    answers = run(ScriptedSegmenter(THINGS), ask(*["thing"] * count))
    assert [len(answer.masks) for answer in answers] == [3] * count
