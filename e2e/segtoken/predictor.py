"""From images and instructions to instances: encode, emit [SEG] tokens, draw their masks, split a single mask into
instances.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from e2e.segtoken.generation import Emitted, fits, generate
from e2e.segtoken.model import SegToken
from e2e.single_pass.decoding import Prompt
from e2e.single_pass.examples import reference_positions
from e2e.single_pass.language import ImageTokens
from e2e.single_pass.predictor import Answer, SinglePass, Slot, mask_rles, timed
from e2e.single_pass.processor import Processor
from e2e.single_pass.vision import VisionFeatures
from workbench.data.masks import Rle, encode_all
from workbench.data.predictions import Trace
from workbench.foundations.checkpoints import locate

if TYPE_CHECKING:
    from workbench.plugins.interfaces import Image


@dataclass(frozen=True)
class Predictor(SinglePass[Emitted]):
    """A loaded checkpoint and how to use it. `smallest`: parts of one mask with fewer pixels are left out."""

    model: SegToken
    processor: Processor
    max_new_tokens: int = 48
    max_masks: int = 20
    smallest: int = 10
    prompt: str = "{instruction}"
    side_by_side: bool = False

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        segmenter: str | Path,
        *,
        max_new_tokens: int = 48,
        max_masks: int = 20,
        smallest: int = 10,
    ) -> "Predictor":
        """Load a checkpoint and the SAM3 that it belongs to; see `SegToken.from_pretrained` for what is refused."""
        model = SegToken.from_pretrained(checkpoint, segmenter)
        model.lay_together()
        processor = Processor.from_pretrained(locate(checkpoint), model.config)
        return cls(model, processor, max_new_tokens, max_masks, smallest)

    def prompt_for(self, instruction: str, image: int, grid: Tensor) -> Prompt:
        prompt = super().prompt_for(instruction, image, grid)
        ids = torch.tensor([prompt.token_ids])
        positions = reference_positions(self.model, ids, torch.ones_like(ids, dtype=torch.bool), grid[None])
        return replace(prompt, positions=positions[:, 0])

    def _fits(self, prompt_length: int) -> bool:
        return fits(self.model, prompt_length, self.max_masks)

    def write(self, prompts: Sequence[Prompt], images: ImageTokens) -> list[Emitted]:
        return generate(
            self.model,
            prompts,
            images,
            end_token=self.processor.end_token,
            max_new_tokens=self.max_new_tokens,
            max_masks=self.max_masks,
        )

    def _slots(
        self,
        written: Sequence[Emitted],
        image_of: Sequence[int],
        vision: VisionFeatures,
        images: Sequence["Image"],
        trace: Trace,
    ) -> list[list[Slot]]:
        """The masks of each answer, in the order in which they were emitted, or the connected parts of its one mask."""
        counts = [len(answer.states) for answer in written]
        if not sum(counts):
            return [[] for _ in written]
        with timed(trace, "segment", self.model):
            index = torch.repeat_interleave(torch.tensor(image_of), torch.tensor(counts))
            states = torch.cat([answer.states for answer in written])
            logits = torch.split(self.model.masks(vision, index, states), counts)
        with timed(trace, "decode", self.model):
            sizes = [images[image].shape[:2] for image in image_of]
            return [self._instances(*answer) for answer in zip(written, logits, sizes, strict=True)]

    def _instances(self, written: Emitted, logits: Tensor, size: tuple[int, int]) -> list[Slot]:
        if self.model.config.tokens == "one":
            return [Slot(rle, score, 0) for mask in logits for rle, score in connected_parts(mask, size, self.smallest)]
        return [Slot(rle, score, 0) for rle, score in zip(mask_rles(logits, *size), written.probabilities, strict=True)]

    def _answer(self, prompt_tokens: int, written: Emitted, slots: Sequence[Slot]) -> Answer:
        return Answer(
            text=self.processor.text(written.token_ids),
            phrases=tuple(self.processor.text(phrase) for phrase in written.phrases),
            instances=() if written.cut_off else tuple(slots),
            prompt_tokens=prompt_tokens,
            answer_tokens=len(written.token_ids),
            cut_off=written.cut_off,
        )


def connected_parts(mask_logits: Tensor, size: tuple[int, int], smallest: int = 1) -> list[tuple[Rle, float]]:
    """The parts of one mask `[h, w]` at image `size` (height, width), from the top, each with its score.

    Pixels with a probability above 0.5 belong to the mask, those that touch by a side or a corner to one part; a part's
    score is the mean probability of its pixels. Parts of fewer than `smallest` pixels are left out.
    """
    from scipy import ndimage

    # InstructSAM's masks are above 0.5 in the same sense: logits, not probabilities, are resized to the image
    full = F.interpolate(mask_logits[None, None].float(), size, mode="bilinear", align_corners=False)[0, 0]
    probabilities = full.sigmoid().cpu().numpy()
    labels, count = ndimage.label((full > 0).cpu().numpy(), structure=np.ones((3, 3)))
    parts = [labels == number for number in range(1, count + 1)]
    kept = [part for part in parts if part.sum() >= smallest]
    if not kept:
        return []
    return [
        (rle, float(probabilities[part].mean())) for rle, part in zip(encode_all(np.stack(kept)), kept, strict=True)
    ]
