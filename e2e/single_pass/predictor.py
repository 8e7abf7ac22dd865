"""From images and instructions to instances: the part that is the same for every single-pass model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import Tensor

from e2e.single_pass.beside import beside
from e2e.single_pass.decoding import Prompt, Written
from e2e.single_pass.language import ImageTokens, LanguageModel
from e2e.single_pass.processor import Processor
from e2e.single_pass.vision import VisionFeatures
from workbench.data.masks import Rle
from workbench.data.predictions import Call, Trace
from workbench.foundations.sam3.resizing import LOGITS, rles_at

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


@dataclass(frozen=True)
class Slot:
    """One slot's mask at image size; `phrase` is the place of its phrase in the answer."""

    mask: Rle
    score: float
    phrase: int


@dataclass(frozen=True)
class Answer:
    """The answer to one instruction.

    `text` is what the model wrote, `phrases` the noun phrases in it. `instances` are the slots above the score
    threshold, `below` all others. `cut_off`: the length limit came first. `repeating`: it was ended in a phrase that
    repeats itself. `too_long`: the instruction does not fit the model's context and was not answered.
    """

    text: str = ""
    phrases: tuple[str, ...] = ()
    instances: tuple[Slot, ...] = ()
    below: tuple[Slot, ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cut_off: bool = False
    repeating: bool = False
    too_long: bool = False


W = TypeVar("W", bound=Written)


class SinglePass(ABC, Generic[W]):
    """From images and instructions to answers, for any model that writes words and the states of masks in one pass."""

    model: Any
    processor: Processor
    prompt: str
    side_by_side: bool
    """Whether the detector's image encoder runs beside the language model, see `beside`."""

    def segment_instructions(
        self, images: Sequence["Image"], instructions: Sequence[Sequence[str]], trace: Trace | None = None
    ) -> list[list[Answer]]:
        """Answer several instructions about each of several images, in one batch.

        `instructions[i]` are those about `images[i]`; all of them share that image's features, and the answers come
        back in the same order. `trace` receives one call per stage for the whole batch.
        """
        trace = trace or Trace()
        if not self.side_by_side:
            with timed(trace, "encode", self.model):
                tokens, grids = self.read(images)
                vision = self.see(images)
            return self._answers(images, instructions, tokens, grids, lambda: vision, trace)
        with torch.inference_mode(), beside(lambda: self.see(images), self.model.device) as seen:
            with timed(trace, "encode", self.model, wait=False):
                tokens, grids = self.read(images)
            return self._answers(images, instructions, tokens, grids, seen, trace)

    def read(self, images: Sequence["Image"]) -> tuple[ImageTokens, Tensor]:
        """The images as the language model reads them, and their grids `[images, 3]`."""
        patches, grids = self.processor.qwen_images(images)
        return self.model.encode_images(self._place(patches), grids.to(self.model.device)), grids

    def see(self, images: Sequence["Image"]) -> VisionFeatures:
        """The images as the detector sees them."""
        seen: VisionFeatures = self.model.detector.encode(self._place(self.processor.sam_images(images)))
        return seen

    def _answers(
        self,
        images: Sequence["Image"],
        instructions: Sequence[Sequence[str]],
        tokens: ImageTokens,
        grids: Tensor,
        seen: Callable[[], VisionFeatures],
        trace: Trace,
    ) -> list[list[Answer]]:
        """The answers about encoded images; `seen` gives their features to the detector, when it needs them."""
        asked = [(i, text) for i, texts in enumerate(instructions) for text in texts]
        prompts = [self.prompt_for(text, i, grids[i]) for i, text in asked]
        fitting = [n for n, prompt in enumerate(prompts) if self._fits(len(prompt.token_ids))]
        answers = [Answer(prompt_tokens=len(prompt.token_ids), too_long=True) for prompt in prompts]
        if fitting:
            chosen = [prompts[n] for n in fitting]
            with timed(trace, "llm", self.model, wait=not self.side_by_side):
                written = self.write(chosen, tokens)
            if self.side_by_side:
                with timed(trace, "encode", self.model):  # what is left of it
                    vision = seen()
            else:
                vision = seen()
            slots = self._slots(written, [p.image for p in chosen], vision, images, trace)
            for n, text, own_slots in zip(fitting, written, slots, strict=True):
                answers[n] = self._answer(len(prompts[n].token_ids), text, own_slots)
        ordered = iter(answers)
        return [[next(ordered) for _ in texts] for texts in instructions]

    def prompt_for(self, instruction: str, image: int, grid: Tensor) -> Prompt:
        """The prompt for an instruction about the image of that number, whose grid is `[3]`, see `read`."""
        # not str.format: braces in an instruction are its own
        text = self.prompt.replace("{instruction}", instruction)
        frames, rows, columns = grid.tolist()
        return Prompt(self.processor.prompt(text, (frames, rows, columns)), image)

    def _place(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.model.device, self.model.dtype)

    @abstractmethod
    def _fits(self, prompt_length: int) -> bool:
        """Whether the model's context has room for a prompt and an answer."""

    @abstractmethod
    def write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[W]:
        """The language model's answer to each prompt."""

    @abstractmethod
    def _slots(
        self,
        written: Sequence[W],
        image_of: Sequence[int],
        vision: VisionFeatures,
        images: Sequence["Image"],
        trace: Trace,
    ) -> list[list[Slot]]:
        """The masks of each answer."""

    @abstractmethod
    def _answer(self, prompt_tokens: int, written: W, slots: Sequence[Slot]) -> Answer: ...


@torch.no_grad()
def mask_rles(mask_logits: Tensor, height: int, width: int, resize: str = LOGITS) -> list[Rle]:
    """Masks of an image's size from logits `[N, h, w]`, see `workbench.foundations.sam3.resizing`."""
    return rles_at(mask_logits, (height, width), resize)


@contextmanager
def timed(trace: Trace, kind: str, model: LanguageModel, wait: bool = True) -> Iterator[Call]:
    """Record a stage as a call. On a GPU its work is awaited, because it would otherwise be counted in the next stage,
    unless other work is to go on beside it.
    """
    with torch.inference_mode(), trace.call(kind) as call:
        yield call
        if wait and model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
