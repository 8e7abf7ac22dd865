"""Training conversations: an instruction about an image, and the answer that names each phrase before its slots."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.training.forward import TrainingBatch, reference_blocks
from e2e.instructsam.training.losses import PhraseTargets
from e2e.single_pass.attention import slot_blocks
from e2e.single_pass.examples import Example, reference_positions
from e2e.single_pass.losses import IGNORED
from e2e.single_pass.processor import Processor
from workbench.data.errors import ConfigurationError

Convention = Literal["inference", "reference"]
"""How slots, positions and phrase text are laid out in training.

inference: exactly as in generation, so that a trained model meets nothing new there. reference: as the authors trained
the published model: M-RoPE positions, slots that do not see mask_end, and phrase text without its markers.
"""


def collate(
    model: InstructSAM, processor: Processor, examples: Sequence[Example], grids: Tensor, convention: Convention
) -> TrainingBatch:
    """Token ids, labels, positions and targets of conversations, on the CPU; `grids: [images, 3]` are the images'
    patch grids.

    Raises `ConfigurationError` for more instances than slots, which the model cannot express.
    """
    config = model.config
    rows, starts, phrases, targets = [], [], [], []
    for item, example in enumerate(examples):
        frames, height, width = grids[example.image].tolist()
        ids = processor.prompt(example.instruction, (frames, height, width))
        starts.append(len(ids))
        for number, (phrase, masks) in enumerate(example.answer):
            if len(masks) > model.slots:
                raise ConfigurationError(f"{example.instruction!r}: {len(masks)} instances, {model.slots} slots")
            named = [config.ref_start_token_index, *processor.words(phrase), config.ref_end_token_index]
            slots = [config.seg_start_token_index, *[config.seg_token_index] * model.slots, config.seg_end_token_index]
            slots = slots if config.query_bank else []
            ids += [*(processor.words(", ") if number else []), *named, *slots]
            phrases.append(list(model.conditioning(named if convention == "inference" else named[1:-1])))
            targets.append(PhraseTargets(item, masks, example.boxes))
        ids += [processor.end_token, *processor.words("\n")]
        rows.append(ids)
    return _batch(model, processor, rows, starts, phrases, targets, [e.image for e in examples], grids, convention)


def _batch(
    model: InstructSAM,
    processor: Processor,
    rows: Sequence[Sequence[int]],
    starts: Sequence[int],
    phrases: list[list[int]],
    targets: list[PhraseTargets],
    images: list[int],
    grids: Tensor,
    convention: Convention,
) -> TrainingBatch:
    config = model.config
    longest = max(len(row) for row in rows)
    pad = processor.tokenizer.pad_token_id
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    columns = torch.arange(longest)[None]
    valid = columns < lengths
    after = len(processor.words("\n"))
    answered = (columns >= torch.tensor(starts)[:, None]) & (columns < lengths - after)
    if convention == "inference":
        positions = inference_positions(ids, config.seg_token_index)
        blocks = [[(a, b + 1) for a, b in slot_blocks(row, config.seg_token_index)] for row in ids.tolist()]
    else:
        positions = reference_positions(model, ids, valid, grids[torch.tensor(images)])
        blocks = reference_blocks(ids, config.seg_token_index)
    if config.slots_causal:
        blocks = [[] for _ in rows]
    labels = ids.masked_fill(~answered, IGNORED)
    return TrainingBatch(ids, valid, labels, positions, blocks, images, phrases, targets)


def inference_positions(token_ids: Tensor, slot: int) -> Tensor:
    """Positions `[B, L]` as in generation: a plain count, but from ref_end to mask_end each stands one further on."""
    positions = torch.arange(token_ids.shape[1], device=token_ids.device).repeat(len(token_ids), 1)
    for row, ids in enumerate(token_ids.tolist()):
        for start, end in slot_blocks(ids, slot):
            positions[row, start - 2 : end + 1] += 1
    return positions
