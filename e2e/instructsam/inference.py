"""Images and instructions in, instances out: encode, generate with slots, detect, masks at image size."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from e2e.instructsam.checkpoint import locate
from e2e.instructsam.detector import VisionFeatures
from e2e.instructsam.generation import Generated, Prompt, Written, fits, generate
from e2e.instructsam.model import ImageTokens, InstructSAM, LanguageModel, pad_phrases
from e2e.instructsam.processor import Processor
from workbench.masks import Rle, encode_all
from workbench.predictions import Call, CallKind, Trace

if TYPE_CHECKING:
    from workbench.systems import Image

PHRASES_AT_ONCE = 16
"""Phrases per run of the detector: its memory grows with them."""


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
    threshold, `below` all others. `cut_off`: the length limit came first. `too_long`: the instruction does not fit the
    model's context and was not answered.
    """

    text: str = ""
    phrases: tuple[str, ...] = ()
    instances: tuple[Slot, ...] = ()
    below: tuple[Slot, ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cut_off: bool = False
    too_long: bool = False


W = TypeVar("W", bound=Written)


class SinglePass(ABC, Generic[W]):
    """From images and instructions to answers, for any model that writes words and the states of masks in one pass."""

    model: Any
    processor: Processor
    prompt: str

    def segment_instructions(
        self, images: Sequence["Image"], instructions: Sequence[Sequence[str]], trace: Trace | None = None
    ) -> list[list[Answer]]:
        """Answer several instructions about each of several images, in one batch.

        `instructions[i]` are those about `images[i]`; all of them share that image's features, and the answers come
        back in the same order. `trace` receives one call per stage for the whole batch.
        """
        trace = trace or Trace()
        with timed(trace, "encode", self.model):
            patches, grids = self.processor.qwen_images(images)
            tokens = self.model.encode_images(self._place(patches), grids.to(self.model.device))
            vision = self.model.detector.encode(self._place(self.processor.sam_images(images)))
        asked = [(i, text) for i, texts in enumerate(instructions) for text in texts]
        prompts = [self._prompt(text, i, grids[i]) for i, text in asked]
        fitting = [n for n, prompt in enumerate(prompts) if self._fits(len(prompt.token_ids))]
        answers = [Answer(prompt_tokens=len(prompt.token_ids), too_long=True) for prompt in prompts]
        if fitting:
            chosen = [prompts[n] for n in fitting]
            with timed(trace, "llm", self.model):
                written = self._write(chosen, tokens)
            slots = self._slots(written, [p.image for p in chosen], vision, images, trace)
            for n, text, found in zip(fitting, written, slots, strict=True):
                answers[n] = self._answer(len(prompts[n].token_ids), text, found)
        ordered = iter(answers)
        return [[next(ordered) for _ in texts] for texts in instructions]

    def _prompt(self, instruction: str, image: int, grid: Tensor) -> Prompt:
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
    def _write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[W]:
        """What the language model answers to each prompt."""

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


@dataclass(frozen=True)
class Predictor(SinglePass[Generated]):
    """A loaded checkpoint and how to use it. `prompt` is a template with `{instruction}`; `threshold` is exclusive."""

    model: InstructSAM
    processor: Processor
    threshold: float = 0.3
    max_new_tokens: int = 256
    prompt: str = "{instruction}"

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        threshold: float = 0.3,
        max_new_tokens: int = 256,
        prompt: str = "{instruction}",
    ) -> "Predictor":
        """Load a folder or hub name; see `InstructSAM.from_pretrained` for what is refused."""
        folder = locate(checkpoint)
        model = InstructSAM.from_pretrained(folder, dtype=dtype).to(device)
        processor = Processor.from_pretrained(folder, model.config)
        return cls(model, processor, threshold, max_new_tokens, prompt)

    def _fits(self, prompt_length: int) -> bool:
        return fits(self.model, prompt_length)

    def _write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[Generated]:
        return generate(
            self.model, prompts, images, end_token=self.processor.end_token, max_new_tokens=self.max_new_tokens
        )

    def _slots(
        self,
        written: Sequence[Generated],
        image_of: Sequence[int],
        vision: VisionFeatures,
        images: Sequence["Image"],
        trace: Trace,
    ) -> list[list[Slot]]:
        """All slots of each answer, phrase by phrase."""
        owners = [n for n, answer in enumerate(written) for _ in answer.phrases]
        slots: list[list[Slot]] = [[] for _ in written]
        if not owners:
            return slots
        with timed(trace, "segment", self.model):
            logits, masks = self._detect(written, [image_of[n] for n in owners], vision)
        with timed(trace, "decode", self.model):
            scores = logits.float().sigmoid()
            first = {n: owners.index(n) for n in set(owners)}
            for row, owner in enumerate(owners):
                height, width = images[image_of[owner]].shape[:2]
                found = zip(mask_rles(masks[row], height, width), scores[row].tolist(), strict=True)
                slots[owner] += [Slot(rle, score, row - first[owner]) for rle, score in found]
        return slots

    def _detect(
        self, written: Sequence[Generated], image_of: Sequence[int], vision: VisionFeatures
    ) -> tuple[Tensor, Tensor]:
        """Score logits `[P, K]` and mask logits `[P, K, h, w]` of all phrases of all answers."""
        device = self.model.device
        states = torch.cat([answer.slot_states for answer in written])
        phrases = [self.model.conditioning(phrase) for answer in written for phrase in answer.phrases]
        ids, mask = pad_phrases(phrases, device)
        index = torch.tensor(image_of, device=device)
        parts = [
            self.model.detect(vision, *(x[start : start + PHRASES_AT_ONCE] for x in (index, ids, mask, states)))
            for start in range(0, len(index), PHRASES_AT_ONCE)
        ]
        return torch.cat([part.logits for part in parts]), torch.cat([part.mask_logits for part in parts])

    def _answer(self, prompt_tokens: int, written: Generated, slots: Sequence[Slot]) -> Answer:
        return Answer(
            text=self.processor.text(written.token_ids),
            phrases=tuple(self.processor.text(phrase) for phrase in written.phrases),
            instances=tuple(slot for slot in slots if slot.score > self.threshold),
            below=tuple(slot for slot in slots if slot.score <= self.threshold),
            prompt_tokens=prompt_tokens,
            answer_tokens=len(written.token_ids),
            cut_off=written.cut_off,
        )


@torch.no_grad()
def mask_rles(mask_logits: Tensor, height: int, width: int) -> list[Rle]:
    """Masks of an image's size from logits `[N, h, w]`: bilinear to the image, above 0 is foreground."""
    if not len(mask_logits):
        return []
    full = F.interpolate(mask_logits[None].float(), (height, width), mode="bilinear", align_corners=False)[0]
    return encode_all((full > 0).cpu().numpy())


@contextmanager
def timed(trace: Trace, kind: CallKind, model: LanguageModel) -> Iterator[Call]:
    """Record a stage as a call; on a GPU its work is waited for, or its time would count in the next stage."""
    with torch.no_grad(), trace.call(kind) as call:
        yield call
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
