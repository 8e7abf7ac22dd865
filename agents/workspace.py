"""What one sample works with and on: models, pictures, masks, trace. The graph's state refers to it by number."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents import canvas
from agents.language_model import (
    LanguageModel,
    Message,
    ModelUnavailableError,
    OutOfTimeError,
    Picture,
    PromptTooLongError,
    Reply,
)
from agents.options import Options
from agents.prompts import Prompts
from agents.suppression import postprocess
from workbench.masks import Rle, area, bounding_box, decode
from workbench.predictions import Call, Candidate, Dropped, Trace
from workbench.systems import Image, PhraseMasks, Segmenter

NOTE_LIMIT = 2000
"""Characters of a reply that are kept in the trace."""
GRID = 8


@dataclass(frozen=True)
class Ending:
    """Why a sample ends without an answer: a key of `workbench.predictions.OUTCOMES`, and what happened."""

    outcome: str
    message: str


@dataclass(frozen=True)
class Found:
    """A mask that was found: as RLE at image size, with its score and the phrase that found it."""

    mask: Rle
    score: float
    phrase: str


@dataclass
class Workspace:
    """One sample. `pictures` and `found` only grow, so their indices stay valid."""

    image: Image
    query: str
    model: LanguageModel
    segmenter: Segmenter
    prompts: Prompts
    options: Options
    trace: Trace = field(default_factory=Trace)
    pictures: list[Picture] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    latest: Call | None = None
    """The record of the latest request of the main conversation."""
    _lost: Ending | None = None
    _features: Any = None
    _encoded: bool = False
    _begun: float = field(default_factory=time.perf_counter)

    @property
    def deadline(self) -> float:
        """Reading of `time.perf_counter` at which the sample's time is up."""
        return self._begun + self.options.time_limit

    def ask(self, messages: Sequence[Message], **note: Any) -> tuple[Reply | Ending, Call]:
        """One request to the language model, recorded; what the model cannot do is an `Ending`."""
        answer: Reply | Ending
        if self._lost:  # other checks of the same round need not wait for a model that is gone
            return self._lost, Call("llm", 0.0)
        with self.trace.call("llm", **note) as call:
            try:
                if time.perf_counter() >= self.deadline:
                    raise OutOfTimeError("no time left for another request")
                answer = self.model.complete(messages, self.options.max_tokens, self.deadline)
            except ModelUnavailableError as error:
                answer = self._lost = Ending("model_unavailable", str(error))
            except PromptTooLongError as error:
                answer = Ending("too_long", str(error))
            except OutOfTimeError as error:
                answer = Ending("timed_out", f"{self.options.time_limit:g} s: {error}")
            if isinstance(answer, Ending):
                call.note["failed"] = answer.outcome
            else:
                # files and tokenizers take no half surrogate pairs, but a server can send them
                text = answer.text.encode("utf-8", "replace").decode()
                answer = Reply(text, answer.finish_reason, answer.tokens_in, answer.tokens_out)
                call.tokens_in, call.tokens_out = answer.tokens_in, answer.tokens_out
                call.note |= {"reply": text[:NOTE_LIMIT], "finish_reason": answer.finish_reason}
        return answer, call

    def segment(self, phrase: str) -> list[int] | Ending:
        """Masks of a phrase as they are shown: suppressed, sorted, without empty ones; as indices into `found`."""
        if time.perf_counter() >= self.deadline:
            return Ending("timed_out", f"{self.options.time_limit:g} s: no time left to segment {phrase!r}")
        try:
            answer = self._run_segmenter(phrase)
        except Exception as error:  # any failure of a segmenter is this sample's outcome, whatever it raises
            return Ending("segmenter_failed", f"{phrase!r}: {type(error).__name__}: {error}")
        kept = postprocess(answer.masks, answer.scores, self.options.overlap)
        for index in kept.suppressed:
            self.trace.candidates.append(Candidate(answer.masks[index], answer.scores[index], "suppressed", phrase))
        for index in kept.empty:
            self.trace.candidates.append(Candidate(answer.masks[index], answer.scores[index], "empty", phrase))
        first = len(self.found)
        self.found += [Found(answer.masks[index], answer.scores[index], phrase) for index in kept.shown]
        return list(range(first, len(self.found)))

    def _run_segmenter(self, phrase: str) -> PhraseMasks:
        if not self._encoded:
            with self.trace.call("encode"):
                self._features = self.segmenter.encode(self.image)
            self._encoded = True
        with self.trace.call("segment", phrase=phrase) as call:
            answer = self.segmenter.segment(self._features, [phrase])[0]
            call.note["masks"] = len(answer.masks)
        return answer

    def drop(self, masks: Sequence[int], reason: Dropped) -> None:
        """Record masks that were shown and are not in the answer."""
        for index in masks:
            found = self.found[index]
            self.trace.candidates.append(Candidate(found.mask, found.score, reason, found.phrase))

    def add(self, pixels: Image) -> int:
        """Keep a picture; its number."""
        self.pictures.append(Picture(pixels))
        return len(self.pictures) - 1

    def render(self, masks: Sequence[int]) -> int:
        """The numbered marks of masks, as a picture."""
        with self.trace.call("render", picture="all_masks", masks=len(masks)):
            return self.add(canvas.all_masks(self.image, [self.found[m].mask for m in masks], self.options.min_side))

    def render_check(self, mask: int) -> tuple[Picture, Picture]:
        """The two pictures of a check: the mask alone, and the zoomed pair."""
        rle = self.found[mask].mask
        with self.trace.call("render", picture="single_mask and zoomed", masks=1):
            alone = canvas.single_mask(self.image, rle, self.options.min_side)
            return Picture(alone), Picture(canvas.zoom_pair(self.image, rle, self.options.zoom_side))

    def describe(self, masks: Sequence[int]) -> str:
        """One line per mask by the prompts' `mask_line`; nothing where masks are not described."""
        if not self.options.describe_masks:
            return ""
        return "".join("\n" + self._line(number, self.found[m].mask) for number, m in enumerate(masks, start=1))

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
    """Size class of a mask by its share of the image: `a` up to 1/1024, each further letter half as large again as the
    one before."""
    steps = np.log(max(share, 1e-9) * 1024) / np.log(1.5)
    return "abcdefghijklmnopqrstuvwxyz"[int(np.clip(np.ceil(steps), 0, 25))]
