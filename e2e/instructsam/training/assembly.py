"""Puts an untrained InstructSAM together from a Qwen3-VL checkpoint and a SAM3 checkpoint, as its stage 1 starts."""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from e2e.instructsam.config import InstructSamConfig
from e2e.instructsam.model import InstructSAM
from e2e.single_pass.preprocess import PatchSettings
from e2e.single_pass.processor import Processor
from e2e.single_pass.tokens import add_tokens, preprocessor, token_ids
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import locate

DETECTOR = "model.grounding_model.model."
NEW = ("model.mask_queries", "model.text_hidden_fcs.", "model.mask_hidden_fcs.")
Queries = Literal["spaced", "first", "grid"]
NOT_IN_DETECTOR = ("text_encoder.", "detr_decoder.presence_")


def from_parts(
    language_model: str | Path,
    segmenter: str | Path,
    *,
    slots: int,
    queries: Queries = "spaced",
    zero_slots: bool = False,
) -> tuple[InstructSAM, Processor]:
    """An InstructSAM whose slots and projections are new and whose other tensors are those of the two checkpoints.

    Of the segmenter's queries `slots` are kept, for the places they start from: evenly spaced ones, or the `first`, as
    the reference does; `grid` makes new ones, any number, that start on a grid over the image. The slots are random or
    zero, as in the reference, from where only their positions tell them apart. Special tokens that the tokenizer lacks
    are added to it. Raises `ConfigurationError` where the segmenter has fewer queries, or a tensor has no counterpart.
    """
    from transformers import Qwen3VLForConditionalGeneration, Sam3Model

    from workbench.foundations.loading import load_model, load_tokenizer

    language_model, segmenter = locate(language_model), locate(segmenter)
    qwen = load_model(Qwen3VLForConditionalGeneration, language_model, torch.float32)
    sam = load_model(Sam3Model, segmenter, torch.float32)
    tokenizer = load_tokenizer(language_model)
    add_tokens(tokenizer, qwen)
    detector = sam.config.to_dict()
    detector["detr_decoder_config"]["num_queries"] = slots
    config = InstructSamConfig(
        **{
            **qwen.config.to_dict(),
            **token_ids(tokenizer),
            "sam3_config": detector,
            "max_seg_nums": slots,
            "out_dim": sam.config.detr_decoder_config.hidden_size,
            "architectures": ["InstructSAM"],
        }
    )
    model = InstructSAM(config)
    _load(model, {**qwen.state_dict(), **_detector_tensors(sam.state_dict(), slots, queries)})
    with torch.no_grad():
        model.model.mask_queries.zero_()
        if not zero_slots:
            model.model.mask_queries.normal_(std=config.text_config.initializer_range)
    patches = PatchSettings.from_config(config.vision_config, preprocessor(language_model))
    return model, Processor(tokenizer, model.config, patches)


def _detector_tensors(state: dict[str, Tensor], slots: int, queries: Queries) -> dict[str, Tensor]:
    tensors = {DETECTOR + name: value for name, value in state.items() if not name.startswith(NOT_IN_DETECTOR)}
    if queries == "grid":
        boxes, embeddings = "detr_decoder.reference_points.weight", "detr_decoder.query_embed.weight"
        sizes = state[boxes].sigmoid()[:, 2:].mean(0).expand(slots, -1)
        tensors[DETECTOR + boxes] = torch.logit(torch.cat([grid(slots), sizes], 1))
        tensors[DETECTOR + embeddings] = state[embeddings].mean(0).repeat(slots, 1)
        return tensors
    for name in ("detr_decoder.query_embed.weight", "detr_decoder.reference_points.weight"):
        known = len(state[name])
        if not 1 <= slots <= known:
            raise ConfigurationError(f"slots: the segmenter has {known} queries, expected 1 to {known}, got {slots}")
        spaced = torch.linspace(0, known - 1, slots).round().long()
        tensors[DETECTOR + name] = state[name][spaced if queries == "spaced" else slice(slots)]
    return tensors


def grid(count: int) -> Tensor:
    """As many places x, y in 0..1 `[count, 2]`, in rows over the whole image that differ by one place at most."""
    rows = max(1, round(count**0.5))
    places = []
    for row in range(rows):
        columns = count // rows + (row < count % rows)
        places += [((column + 0.5) / columns, (row + 0.5) / rows) for column in range(columns)]
    return torch.tensor(places)


def _load(model: InstructSAM, tensors: dict[str, Tensor]) -> None:
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.startswith(NEW) and name != "lm_head.weight"]
    if missing or unexpected:
        names = ", ".join([*missing, *unexpected][:5])
        raise ConfigurationError(f"the checkpoints do not fit InstructSAM's parts: {names}")
