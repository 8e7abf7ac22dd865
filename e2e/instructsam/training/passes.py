"""One pass of the training: pictures with questions become what the model takes, on the CPU, and then losses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.training.examples import Convention, collate
from e2e.instructsam.training.forward import (
    TrainingBatch,
    TrainingOutput,
    answer_loss,
    language_states,
    slot_states,
    training_forward,
)
from e2e.instructsam.training.losses import NO_AIDS, Aids
from e2e.instructsam.training.slot_head import SlotHead, SlotTruth, slot_truth
from e2e.single_pass.examples import Example
from e2e.single_pass.feed import Feed, conversations
from e2e.single_pass.processor import Processor
from workbench.foundations.training.data.questions import Picture
from workbench.foundations.training.data.tally import Report
from workbench.foundations.training.precision import autocast

SLOT_WEIGHT = 4.0


@dataclass(frozen=True)
class Prepared:
    """Conversations as the model takes them: patches of the images and their grids, the conversations' batch, for the
    detector the images' pixels `[images, 3, S, S]`, and for the slot head what is true of the slots."""

    patches: Tensor
    grids: Tensor
    batch: TrainingBatch
    pixels: Tensor | None = None
    truth: SlotTruth | None = None

    def to(self, device: torch.device) -> "Prepared":
        """All of it on a device."""
        return Prepared(
            self.patches.to(device),
            self.grids.to(device),
            self.batch.to(device),
            None if self.pixels is None else self.pixels.to(device),
            None if self.truth is None else self.truth.to(device),
        )


@dataclass(frozen=True)
class Pass:
    """What one forward pass takes: conversations with the detector, those without, and what they were made of."""

    shown: Prepared | None
    told: Prepared | None
    report: Report


def prepared(model: InstructSAM, processor: Processor, feed: Feed, place: int, convention: Convention) -> Pass:
    """The pass at a place among all passes of all processes, on the CPU."""
    fed = feed.of(place)
    shown = prepare(model, processor, *conversations(fed.shown, model.slots), convention) if fed.shown else None
    told = prepare_told(model, processor, fed.told, convention) if fed.told else None
    return Pass(shown, told, fed.report)


def prepare(
    model: InstructSAM,
    processor: Processor,
    images: Sequence[NDArray[np.uint8]],
    examples: Sequence[Example],
    convention: Convention,
) -> Prepared:
    """What `step` takes, on the CPU: conversations about one image share its features."""
    patches, grids = processor.qwen_images(images)
    batch = collate(model, processor, examples, grids, convention)
    return Prepared(patches, grids, batch, pixels=processor.sam_images(images))


def prepare_told(
    model: InstructSAM, processor: Processor, pictures: Sequence[Picture], convention: Convention
) -> Prepared:
    """What `tell` takes, on the CPU."""
    images, examples = conversations(pictures, model.slots)
    patches, grids = processor.qwen_images(images)
    batch = collate(model, processor, examples, grids, convention)
    if not model.config.query_bank:
        return Prepared(patches, grids, replace(batch, targets=[]))
    about = [pictures[batch.images[target.item]].scene for target in batch.targets]
    truth = slot_truth(model.starts().detach().cpu(), batch.targets, about)
    return Prepared(patches, grids, replace(batch, targets=[]), truth=truth)


def step(
    model: InstructSAM,
    seen: Prepared,
    precision: torch.dtype = torch.bfloat16,
    aids: Aids = NO_AIDS,
) -> TrainingOutput:
    """Forward pass of one batch that has `pixels`, by default in bfloat16."""
    seen = seen.to(model.device)
    assert seen.pixels is not None
    with autocast(model.device.type, precision):
        tokens = model.encode_images(seen.patches, seen.grids)
        vision = model.detector.encode(seen.pixels)
        return training_forward(model, seen.batch, tokens, vision, aids=aids)


def tell(
    model: InstructSAM, head: SlotHead | None, seen: Prepared, precision: torch.dtype = torch.bfloat16
) -> tuple[Tensor, Tensor, Tensor]:
    """The losses of text, targets and what stands at each slot, without the detector: a third of the time of `step`.
    The last two are 0 where there are no slots."""
    seen = seen.to(model.device)
    with autocast(model.device.type, precision):
        hidden = language_states(model, seen.batch, model.encode_images(seen.patches, seen.grids))
        text = answer_loss(model, seen.batch, hidden)
    if head is None or seen.truth is None:
        return text, text.new_zeros(()), text.new_zeros(())
    return text, *head(slot_states(model, seen.batch, hidden), seen.truth)


def losses(
    model: InstructSAM,
    head: SlotHead | None,
    seen: Pass,
    precision: torch.dtype,
    aids: Aids = NO_AIDS,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a pass to minimise, and its parts by name."""
    loss, parts = torch.zeros((), device=model.device), dict[str, float]()
    if seen.shown:
        output = step(model, seen.shown, precision, aids)
        loss, parts = output.loss, _parts(output)
    if seen.told:
        text, slot, named = tell(model, head, seen.told, precision)
        loss = loss + text + SLOT_WEIGHT * slot + named
        further = {**({"slot": slot, "named": named} if head else {}), **({} if seen.shown else {"text": text})}
        parts |= {name: float(value.detach()) for name, value in further.items()}
    return loss, parts


def _parts(output: TrainingOutput) -> dict[str, float]:
    parts = {"text": float(output.text.detach())}
    if output.slots is not None:
        parts |= {name: float(loss.detach()) for name, loss in output.slots.parts.items()}
    return parts
