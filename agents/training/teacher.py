"""The training data of the agent's language model: a teacher that knows the answer takes the model's place in the real
graph.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.language_models.interface import Message, Picture, Reply
from agents.loop import tools
from agents.loop.workspace import GRID, SeenMask, Workspace
from agents.training.told import Told
from workbench.data.masks import decode, iou_matrix
from workbench.foundations.qwen.conversations import places

FITS = 0.5
"""IoU with a target from which on a mask is one of the answer."""
_WIDER_TRIES = 2
_BAD_REPLIES = (
    "I do not know.",
    '<tool>{"name": "segment_phrase", "parameters": {"text_prompt": "mug"</tool>',
    '<tool>{"name": "find", "parameters": {}}</tool>',
    '<tool>{"name": "segment_phrase", "parameters": {}}</tool>',
    '<tool>{"name": "select_masks_and_return", "parameters": {"final_answer_masks": []}}</tool>',
)


@dataclass(frozen=True)
class Taught:
    """One turn to learn: what was sent, and the right reply."""

    messages: tuple[Message, ...]
    reply: str


class Teacher:
    """A `LanguageModel` that knows the answer and gives the right reply to every request, as far as the masks allow.

    It asks for the instruction's phrase, and for wider ones while no mask fits a target. Then it selects the masks
    that fit, or reports that there is none. Before each call it writes a short thought in words that the base model
    knows: the phrase, or the cells `x y` of the masks that fit. If a mask that fits and one that does not fit are in
    the same cell, it has the masks checked one by one.

    With probability `slip` it sends a bad reply or repeats a phrase. Such a reply is not learned; the right reply to
    the correction that follows is. With probability `check` it has masks checked without need, so that the model learns
    checks.

    Where a stored run told what its model replied, these replies are sent as long as they do not end the episode: the
    right reply is learned in the situations into which the model brings itself.
    """

    concurrency = 1

    def __init__(self, told: Told, rng: np.random.Generator, *, slip: float, check: float) -> None:
        self.targets = list(told.targets)
        self.rng, self.slip, self.check = rng, slip, check
        self.workspace: Workspace | None = None
        """Of the sample, set before the first request."""
        self.taught: list[Taught] = []
        self._said = list(told.said)
        self._left = list(told.phrases)[: 1 + _WIDER_TRIES]
        self._ran: list[str] = []
        self._shown: list[SeenMask] = []
        self._seen = 0
        self._checked = False
        self._to_check: list[SeenMask] | None = None
        self._accepted: list[SeenMask] = []

    def identity(self) -> dict[str, Any]:
        return {"kind": "teacher"}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """The right reply, recorded in `taught`, or now and then a wrong one, which is not."""
        assert self.workspace is not None
        if messages[0].parts == (self.workspace.prompts.checking,):
            reply, right = self._verdict(), True
        else:
            self._look(messages)
            reply, right = self._remembered(messages) if self._said else self._next()
        if right:
            self.taught.append(Taught(tuple(messages), reply))
        return Reply(reply, "stop", 0, 0)

    def _remembered(self, messages: Sequence[Message]) -> tuple[str, bool]:
        """What the stored model replied, after the right reply was learned; that one where the other would end the
        episode, or says the same."""
        said, before = self._said.pop(0), (list(self._left), list(self._ran), self._checked)
        slip, self.slip = self.slip, 0.0
        reply, _ = self._next()
        self.slip = slip
        call, right = (tools.parse(text, len(self._shown)) for text in (said, reply))
        ends = isinstance(call, tools.ToolCall) and call.name in ("select_masks_and_return", "report_no_mask")
        if ends or call == right:
            self._said = [] if ends else self._said
            return reply, True
        self.taught.append(Taught(tuple(messages), reply))
        self._left, self._ran, self._checked = before
        self._to_check = None
        if isinstance(call, tools.ToolCall) and call.name == "segment_phrase":
            self._ran.append(call.phrase)
            self._left = [one for one in self._left if tools.normalised(one) != tools.normalised(call.phrase)]
        elif isinstance(call, tools.ToolCall):
            self._checked, self._to_check, self._accepted = True, list(self._shown), []
        return said, False

    def _look(self, messages: Sequence[Message]) -> None:
        """Find out which masks are shown now: those of a new phrase, those left by a check, the same as before, or
        none.
        """
        assert self.workspace is not None
        new = self.workspace.masks[self._seen :]
        self._seen += len(new)
        if self._to_check is not None:
            self._shown, self._to_check = self._accepted, None
        elif new:
            self._shown, self._checked = new, False
        if not any(isinstance(part, Picture) for message in messages[2:] for part in message.parts):
            self._shown = []

    def _next(self) -> tuple[str, bool]:
        """The next reply, and whether it is right."""
        if self.rng.random() < self.slip:
            return self._bad_reply(), False
        if not self._ran and self._left:
            return self._segment(), True
        fitting = [number for number, mask in enumerate(self._shown, start=1) if self._fits(mask)]
        if not fitting:
            wider_one = self.targets and self._left
            return (self._segment() if wider_one else _think("none") + _call("report_no_mask")), True
        if not self._checked and (self._crowded() or self.rng.random() < self.check):
            self._checked, self._to_check, self._accepted = True, list(self._shown), []
            return _call("examine_each_mask"), True
        cells = [cell(decode(self._shown[number - 1].mask)) for number in fitting]
        return _think(places(cells)) + _call("select_masks_and_return", final_answer_masks=fitting), True

    def _segment(self) -> str:
        self._ran.append(self._left.pop(0))
        return _think(self._ran[-1]) + _call("segment_phrase", text_prompt=self._ran[-1])

    def _bad_reply(self) -> str:
        if self._ran and self.rng.random() < 0.5:
            return _call("segment_phrase", text_prompt=self._ran[-1])
        return _BAD_REPLIES[self.rng.integers(len(_BAD_REPLIES))]

    def _verdict(self) -> str:
        # one request at a time, so the checks come in the order of the masks
        assert self._to_check is not None
        mask = self._to_check.pop(0)
        if self._fits(mask):
            self._accepted.append(mask)
        return f"<verdict>{'Accept' if self._fits(mask) else 'Reject'}</verdict>"

    def _fits(self, seen: SeenMask) -> bool:
        return bool((iou_matrix([seen.mask], self.targets) >= FITS).any())

    def _crowded(self) -> bool:
        """Whether a mask that fits and one that does not fit are in the same cell, so that cells cannot tell them
        apart.
        """
        fits = {cell(decode(seen.mask)) for seen in self._shown if self._fits(seen)}
        return any(cell(decode(seen.mask)) in fits for seen in self._shown if not self._fits(seen))


def _call(name: str, **parameters: Any) -> str:
    return f"<tool>{json.dumps({'name': name, 'parameters': parameters})}</tool>"


def _think(thought: str) -> str:
    return f"<think>{thought}</think>"


def cell(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Column and row, of 8 x 8, of the mean of a mask's pixels."""
    rows, columns = np.nonzero(mask)
    return int(columns.mean() * GRID / mask.shape[1]), int(rows.mean() * GRID / mask.shape[0])
