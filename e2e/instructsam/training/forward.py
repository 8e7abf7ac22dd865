"""One training step's forward pass: the answers are given, slots stand in the text, and the losses are computed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from e2e.instructsam.detector import Detections
from e2e.instructsam.model import InstructSAM, pad_phrases
from e2e.instructsam.training.losses import NO_AIDS, Aids, PhraseTargets, SlotLosses, slot_losses
from e2e.instructsam.training.matching import Weights
from e2e.single_pass.attention import hybrid_mask, slot_blocks
from e2e.single_pass.language import ImageTokens
from e2e.single_pass.losses import IGNORED, text_loss
from e2e.single_pass.vision import VisionFeatures


@dataclass(frozen=True)
class TrainingBatch:
    """B conversations about some images, with P phrases in all, right padded.

    `token_ids: [B, L]`, `valid: [B, L] bool`, `labels: [B, L]` (-100: not trained), `positions: [B, L]` (plain) or
    `[3, B, L]` (M-RoPE). `blocks[b]`: spans that attend both ways. `images[b]`: the image of conversation b.
    `phrases`: token ids of each phrase that the detector reads; `targets`: their masks, in the order of the slots.
    """

    token_ids: Tensor
    valid: Tensor
    labels: Tensor
    positions: Tensor
    blocks: Sequence[Sequence[tuple[int, int]]]
    images: Sequence[int]
    phrases: Sequence[Sequence[int]]
    targets: Sequence[PhraseTargets]

    def to(self, device: torch.device) -> "TrainingBatch":
        """The batch on a device; the masks of its targets stay, and follow one by one when they are matched."""
        names = ("token_ids", "valid", "labels", "positions")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


@dataclass(frozen=True)
class TrainingOutput:
    """The loss to minimise and its parts; `slots` and `detections` are None where the batch trains text only."""

    loss: Tensor
    text: Tensor
    hidden: Tensor
    detections: Detections | None
    slots: SlotLosses | None


def training_forward(
    model: InstructSAM,
    batch: TrainingBatch,
    images: ImageTokens,
    vision: VisionFeatures,
    *,
    text_only: bool = False,
    aids: Aids = NO_AIDS,
) -> TrainingOutput:
    """Run a batch through the language model, and through the detector unless `text_only`.

    The reference trains a whole batch on text only where its last conversation has no target at all.
    """
    config = model.config
    hidden = language_states(model, batch, images)
    text = answer_loss(model, batch, hidden)
    if text_only or not batch.phrases:
        return TrainingOutput(text, text, hidden, None, None)
    states = slot_states(model, batch, hidden)
    image_index = torch.tensor([batch.images[t.item] for t in batch.targets], device=hidden.device)
    detections = model.detect(vision, image_index, *pad_phrases(batch.phrases, hidden.device), states)
    weights = Weights(config.dice_loss_weight, config.bce_loss_weight, config.cls_loss_weight)
    starts = model.starts().detach() if config.match_starts else None
    slots = slot_losses(
        detections,
        batch.targets,
        weights,
        sample_points=config.loss_sample_points,
        starts=starts,
        duplicates=config.duplicate_loss_weight,
        aids=aids,
    )
    return TrainingOutput(text + slots.total, text, hidden, detections, slots)


def answer_loss(model: InstructSAM, batch: TrainingBatch, hidden: Tensor) -> Tensor:
    """Mean cross-entropy of the answers' tokens from the states `[B, L, D]`."""
    labels = trained_labels(batch.token_ids, batch.labels, model.config.seg_token_index)[:, 1:]
    trained = labels != IGNORED
    return text_loss(model.lm_head(hidden[:, :-1][trained]), labels[trained])


def slot_states(model: InstructSAM, batch: TrainingBatch, hidden: Tensor) -> Tensor:
    """The states `[B, L, D]` at each phrase's slots, `[P, K, D]`, or `[P, 0, D]` where there are none."""
    if not model.config.query_bank:
        return hidden.new_zeros(len(batch.phrases), 0, hidden.shape[-1])
    return hidden[batch.token_ids == model.config.seg_token_index].view(-1, model.slots, hidden.shape[-1])


def language_states(model: InstructSAM, batch: TrainingBatch, images: ImageTokens) -> Tensor:
    """Final-norm hidden states `[B, L, D]`; every slot token is replaced by its mask query."""
    ids = batch.token_ids
    embeddings = model.embed(ids)
    pixels, deepstack = images.select(batch.images)
    where = ids == model.config.image_token_id
    embeddings = embeddings.masked_scatter(where[..., None], pixels.to(embeddings.dtype))
    slot = ids == model.config.seg_token_index
    if model.config.query_bank:
        queries = model.model.mask_queries.repeat(int(slot.sum()) // model.slots, 1)
        embeddings = embeddings.masked_scatter(slot[..., None], queries.to(embeddings.dtype))
    out = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=model.language_mask(hybrid_mask(batch.valid, batch.blocks)),
        position_ids=batch.positions,
        use_cache=False,
        visual_pos_masks=where,
        deepstack_visual_embeds=deepstack,
    )
    hidden: Tensor = out.last_hidden_state
    return hidden


def trained_labels(token_ids: Tensor, labels: Tensor, slot: int) -> Tensor:
    """`labels: [B, L]` without the slots and the token after each block of them, which are fed, never generated."""
    slots = token_ids == slot
    after = torch.zeros_like(slots)
    after[:, 1:] = slots[:, :-1]
    return labels.masked_fill(slots | after, IGNORED)


def reference_blocks(token_ids: Tensor, slot: int) -> list[list[tuple[int, int]]]:
    """Spans that attend both ways in the reference's training: the slots, without the mask_end that follows them."""
    return [slot_blocks(row, slot) for row in token_ids.tolist()]
