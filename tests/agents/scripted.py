"""A language model and a segmenter that answer from a script, and prompts whose texts say which they are."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.language_models.interface import Message, ModelUnavailableError, Reply
from agents.loop.workspace import Workspace
from agents.options import Options
from agents.prompts.texts import Prompts
from workbench.data.masks import Rle, encode
from workbench.plugins.interfaces import Image, PhraseMasks

MARKERS = Prompts(
    version="markers",
    system="system_prompt",
    query="initial_query|{query}",
    query_used="initial_query_with_used_phrases|{query}|{used}",
    masks_shown="masks_rendered|{query}|{count}",
    no_masks="zero_masks|{query}|{phrase}",
    duplicate="duplicate_phrase|{phrase}|{used}",
    duplicate_shown="duplicate_phrase|{phrase}|{used}|shown {count}",
    masks_moved="masks_placeholder_after_examine",
    masks_left="examined_masks_left|{query}|{count}",
    none_left="examined_all_rejected|{query}",
    mask_line="{number} {x} {y} {size}",
    mistake="mistake|{kind}|{problem}",
    checking="checking_prompt",
    check_image="label_raw",
    check_query="label_query|{query}",
    check_mask="label_mask",
    check_zoom="label_zoom",
    verdict_mistake="mistake|{problem}",
)


class ScriptedModel:
    """Replies from a list; None and the end of the list are a model that cannot be reached."""

    concurrency = 1

    def __init__(self, script: Sequence[str | Reply | None]) -> None:
        self.script = list(script)
        self.requests: list[list[Message]] = []

    def identity(self) -> dict[str, Any]:
        return {"kind": "scripted"}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        self.requests.append(list(messages))
        reply = self.script[len(self.requests) - 1] if len(self.requests) <= len(self.script) else None
        if reply is None:
            raise ModelUnavailableError("no reply in the script")
        if isinstance(reply, Reply):
            return reply
        return Reply(reply, "stop", sum(len(m.parts) for m in messages), len(reply.split()))


class ScriptedSegmenter:
    """Masks and scores by phrase; an unknown phrase raises, `slow` seconds are slept for each."""

    def __init__(self, answers: Mapping[str, Sequence[tuple[Rle, float]]], slow: float = 0.0) -> None:
        self.answers, self.slow = answers, slow
        self.phrases: list[str] = []
        self.encoded = 0

    def identity(self) -> dict[str, Any]:
        return {"segmenter": "scripted"}

    def encode(self, image: Image) -> Any:
        self.encoded += 1
        return image.shape

    def segment(self, features: Any, phrases: Sequence[str]) -> list[PhraseMasks]:
        time.sleep(self.slow)
        self.phrases += phrases
        return [PhraseMasks([m for m, _ in self.answers[p]], [s for _, s in self.answers[p]]) for p in phrases]


def square(x: int, y: int, side: int, size: tuple[int, int] = (64, 96)) -> Rle:
    """A square mask with its top left at x, y in an image of `size` (height, width)."""
    mask = np.zeros(size, dtype=bool)
    mask[y : y + side, x : x + side] = True
    return encode(mask)


def plain(size: tuple[int, int] = (64, 96)) -> Image:
    """A grey image."""
    return np.full((*size, 3), 120, dtype=np.uint8)


def call(name: str, **parameters: Any) -> str:
    """A reply that calls a tool."""
    import json

    return f"<think>so.</think><tool>{json.dumps({'name': name, 'parameters': parameters})}</tool>"


def segment(phrase: str) -> str:
    return call("segment_phrase", text_prompt=phrase)


def select(*numbers: int) -> str:
    return call("select_masks_and_return", final_answer_masks=list(numbers))


EXAMINE = call("examine_each_mask")
REPORT = call("report_no_mask")
ACCEPT, REJECT = "<verdict>Accept</verdict>", "<verdict>Reject</verdict>"

THINGS: dict[str, list[tuple[Rle, float]]] = {
    "thing": [(square(4, 4, 20), 0.9), (square(40, 8, 16), 0.8), (square(70, 30, 24), 0.7)],
    "box": [(square(40, 8, 16), 0.6)],
    "ghost": [],
}


def workspace(script: Sequence[str | Reply | None], query: str = "the boxes", **options: Any) -> Workspace:
    """A sample over `THINGS` with the marker prompts."""
    return Workspace(plain(), query, ScriptedModel(script), ScriptedSegmenter(THINGS), MARKERS, Options(**options))
