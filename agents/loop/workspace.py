"""Everything that one sample needs: models, pictures, masks and the trace. The graph's state refers to pictures and
masks by number.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from agents.language_models.interface import (
    LanguageModel,
    Message,
    ModelUnavailableError,
    PassingError,
    Picture,
    PromptTooLongError,
    Reply,
)
from agents.loop.oracle_parts import Oracle
from agents.loop.segment_queue import Asked, PhraseQueue
from agents.loop.suppression import postprocess
from agents.options import Options
from agents.pictures.view import View
from agents.prompts.texts import Prompts
from workbench.data.errors import no_room, said
from workbench.data.masks import Rle, area, bounding_box, decode
from workbench.data.predictions import Call, Candidate, Note, Trace
from workbench.plugins.interfaces import Image, Segmenter

NOTE_LIMIT = 4000
"""Characters of a text that are kept in the trace."""
GRID = 8


@dataclass(frozen=True)
class Ending:
    """Why a sample ends without an answer: a key of `workbench.data.vocabulary.OUTCOMES`, and what happened."""

    outcome: str
    message: str


@dataclass(frozen=True)
class SeenMask:
    """A mask that the language model may see: RLE at image size, its score, and the phrase that the segmenter had."""

    mask: Rle
    score: float
    phrase: str


@dataclass
class Workspace:
    """What one sample needs while the agent works on it.

    `masks` and `drawings` only grow, so that the numbers in the graph's state stay valid. A drawing lists the masks
    that a picture marks; for the plain image the list is empty. After each step, the graph adds to its state what is
    new in the workspace (`news`). A run that continues after a kill restores the workspace from that state (`restore`).
    """

    image: Image
    query: str
    model: LanguageModel
    segmenter: Segmenter
    prompts: Prompts
    options: Options
    oracle: Oracle | None = None
    phrases: PhraseQueue | None = None
    """Where the segmenter is shared with other samples."""
    trace: Trace = field(default_factory=Trace)
    drawings: list[tuple[int, ...]] = field(default_factory=list)
    masks: list[SeenMask] = field(default_factory=list)
    latest: Call | None = None
    """The record of the latest request of the main conversation."""
    lost: Ending | None = None
    """Why the model cannot be asked any more."""
    _pictures: dict[int, Picture] = field(default_factory=dict)
    _features: Any = None
    _told: dict[str, int] = field(default_factory=dict)
    _told_calls: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.queue = self.phrases or PhraseQueue(self.segmenter)
        self.view = View(self.image, self.options)

    @property
    def left(self) -> float:
        """Seconds until the sample's time is up."""
        return self.trace.origin + self.options.time_limit - time.perf_counter()

    def news(self) -> dict[str, list[Any]]:
        """The calls, candidates, masks and drawings that were added since this was last called."""
        ended = [call for call in self.trace.calls if call.duration and id(call) not in self._told_calls]
        self._told_calls |= {id(call) for call in ended}
        grown: dict[str, list[Any]] = {
            "candidates": self.trace.candidates,
            "masks": self.masks,
            "drawings": self.drawings,
        }
        new = {name: items[self._told.get(name, 0) :] for name, items in grown.items()}
        self._told = {name: len(items) for name, items in grown.items()}
        return {"calls": ended, **new}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore masks, drawings and calls from a stored state. The time of those calls counts as spent."""
        self.trace.calls[:] = sorted(state["calls"], key=lambda call: call.start)
        self.trace.candidates[:], self.masks[:] = state["candidates"], state["masks"]
        self.drawings[:] = map(tuple, state["drawings"])
        self._told_calls = {id(call) for call in self.trace.calls}
        self._told = {name: len(state[name]) for name in ("candidates", "masks", "drawings")}
        spent = max((call.start + call.duration for call in self.trace.calls), default=0.0)
        self.trace.origin = time.perf_counter() - spent
        self.latest = next((call for call in reversed(self.trace.calls) if call.note.request == "main"), None)

    async def ask(self, messages: Sequence[Message], note: Note) -> tuple[Reply, Call]:
        """One request to the language model, recorded whether or not there is a reply; raises what the model raises."""
        note = replace(note)  # a copy for each request: the same note may be sent again
        with self.trace.call("llm", note) as call:
            try:
                answer = await self.model.complete(messages, self.options.max_tokens)
            except (ModelUnavailableError, PromptTooLongError) as error:
                note.failed = str(error)[:NOTE_LIMIT]
                note.mistake = "too_long" if isinstance(error, PromptTooLongError) else "model_unavailable"
                if isinstance(error, ModelUnavailableError) and not isinstance(error, PassingError):
                    self.lost = Ending("model_unavailable", str(error))
                raise
            except asyncio.CancelledError:
                note.failed, note.mistake = "no reply in time", "timed_out"
                raise
            # files and tokenizers take no half surrogate pairs, but a server can send them
            text = answer.text.encode("utf-8", "replace").decode()
            call.tokens_in, call.tokens_out = answer.tokens_in, answer.tokens_out
            note.reply, note.finish_reason = text[:NOTE_LIMIT], answer.finish_reason
            note.remark = answer.remark[:NOTE_LIMIT] or None
        return Reply(text, answer.finish_reason, answer.tokens_in, answer.tokens_out), call

    async def segment(self, phrase: str) -> list[int] | Ending:
        """The masks of a phrase as the model will see them, as indices into `masks`: overlapping ones suppressed,
        sorted by score, empty ones dropped.
        """
        asked = Asked(self.image, phrase, self.trace, self._features)
        try:
            answer = await self.queue.masks(asked)
        except Exception as error:  # any failure of a segmenter is this sample's outcome, whatever it raises
            if no_room(error):
                raise
            return Ending("segmenter_failed", f"{phrase!r}: {said(error)}")
        self._features = asked.features
        kept = postprocess(answer.masks, answer.scores, self.options.overlap)
        for index in kept.suppressed:
            self.trace.candidates.append(Candidate(answer.masks[index], answer.scores[index], "suppressed", phrase))
        for index in kept.empty:
            self.trace.candidates.append(Candidate(answer.masks[index], answer.scores[index], "empty", phrase))
        first = len(self.masks)
        self.masks += [SeenMask(answer.masks[index], answer.scores[index], phrase) for index in kept.shown]
        return list(range(first, len(self.masks)))

    def drop(self, masks: Sequence[int], reason: str) -> None:
        """Record masks that were shown and are not in the answer."""
        for index in masks:
            mask = self.masks[index]
            self.trace.candidates.append(Candidate(mask.mask, mask.score, reason, mask.phrase))

    def draw(self, masks: Sequence[int] = ()) -> int:
        """Plan a picture, the plain image or the image with numbered masks, and return its number."""
        self.drawings.append(tuple(masks))
        return len(self.drawings) - 1

    def picture(self, number: int) -> Picture:
        """A picture, drawn when it is first sent."""
        if number not in self._pictures:
            masks = self.drawings[number]
            self._pictures[number] = Picture(self._marks(masks) if masks else self.view.raw)
        return self._pictures[number]

    def _marks(self, masks: Sequence[int]) -> Image:
        rles = [self.masks[m].mask for m in masks]
        with self.trace.call("render", Note(picture="all_masks", marked=[rle["counts"] for rle in rles])):
            return self.view.all_masks(rles)

    def render_check(self, mask: int) -> tuple[Picture, Picture]:
        """The two pictures of a check: the mask alone, and the zoomed pair."""
        rle = self.masks[mask].mask
        with self.trace.call("render", Note(picture="check", marked=[rle["counts"]])):
            return Picture(self.view.single_mask(rle)), Picture(self.view.zoom_pair(rle))

    def describe(self, masks: Sequence[int]) -> str:
        """One line per mask by the prompts' `mask_line`; nothing where masks are not described."""
        if not self.options.describe_masks:
            return ""
        return "".join("\n" + self._line(number, self.masks[m].mask) for number, m in enumerate(masks, start=1))

    def _line(self, number: int, mask: Rle) -> str:
        height, width = mask["size"]
        left, top, w, h = (int(v) for v in bounding_box(mask))
        ys, xs = np.nonzero(decode(mask)[top : top + h, left : left + w])
        x, y = (left + xs.mean()) / width, (top + ys.mean()) / height
        share = area(mask) / (height * width)
        return self.prompts.mask_line.format(
            number=number, x=int(x * GRID), y=int(y * GRID), size=size_letter(share), percent=100 * share
        )


def size_letter(share: float) -> str:
    """The size class of a mask by its share of the image: `a` up to 1/1024; the limit of each further letter is 1.5
    times the one before.
    """
    steps = np.log(max(share, 1e-9) * 1024) / np.log(1.5)
    return "abcdefghijklmnopqrstuvwxyz"[int(np.clip(np.ceil(steps), 0, 25))]
