"""From images and instructions to instances: encode, generate with slots, detect, masks at image size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from e2e.instructsam.generation import Generated, fits, generate
from e2e.instructsam.model import InstructSAM, words_of
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.language import ImageTokens
from e2e.single_pass.predictor import Answer, SinglePass, Slot, mask_rles, timed
from e2e.single_pass.processor import Processor
from e2e.single_pass.vision import VisionFeatures
from workbench.data.predictions import Trace
from workbench.foundations.checkpoints import locate
from workbench.foundations.sam3.resizing import LOGITS

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image

PHRASES_AT_ONCE = 16
"""Phrases per run of the detector: its memory grows with them."""


@dataclass(frozen=True)
class Predictor(SinglePass[Generated]):
    """A loaded checkpoint and how to use it. `prompt` is a template with `{instruction}`; `threshold` is exclusive.
    `resize` says what is interpolated to the size of the image. `guess`: an instruction alone is answered in fewer
    passes, see `generate`."""

    model: InstructSAM
    processor: Processor
    threshold: float = 0.3
    max_new_tokens: int = 256
    prompt: str = "{instruction}"
    resize: str = LOGITS
    side_by_side: bool = False
    guess: bool = True

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
        resize: str = LOGITS,
        image_size: int | None = None,
    ) -> "Predictor":
        """Load a folder or hub name; see `InstructSAM.from_pretrained` for what is refused."""
        folder = locate(checkpoint)
        model = InstructSAM.from_pretrained(folder, dtype=dtype, image_size=image_size).to(device)
        model.lay_together()
        processor = Processor.from_pretrained(folder, model.config)
        return cls(model, processor, threshold, max_new_tokens, prompt, resize)

    def _fits(self, prompt_length: int) -> bool:
        return fits(self.model, prompt_length)

    def write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[Generated]:
        end, longest = self.processor.end_token, self.max_new_tokens
        return generate(self.model, prompts, images, end_token=end, max_new_tokens=longest, guess=self.guess)

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
            logits, masks = self.detect(written, [image_of[n] for n in owners], vision)
        with timed(trace, "decode", self.model):
            scores = logits.float().sigmoid()
            first = {n: owners.index(n) for n in set(owners)}
            for row, owner in enumerate(owners):
                height, width = images[image_of[owner]].shape[:2]
                pairs = zip(mask_rles(masks[row], height, width, self.resize), scores[row].tolist(), strict=True)
                slots[owner] += [Slot(rle, score, row - first[owner]) for rle, score in pairs]
        return slots

    def detect(
        self, written: Sequence[Generated], image_of: Sequence[int], vision: VisionFeatures
    ) -> tuple[Tensor, Tensor]:
        """Score logits `[P, K]` and mask logits `[P, K, h, w]` of all phrases of all answers."""
        device = self.model.device
        states = torch.cat([answer.slot_states for answer in written])
        phrases = [self.model.conditioning(phrase) for answer in written for phrase in answer.phrases]
        index = torch.tensor(image_of, device=device)
        parts = []
        for start in range(0, len(index), PHRASES_AT_ONCE):
            chosen = slice(start, start + PHRASES_AT_ONCE)
            ids, mask = words_of(phrases[chosen], device)
            parts.append(self.model.detect(vision, index[chosen], ids, mask, states[chosen]))
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
            repeating=written.repeating,
        )
