"""Puts an untrained InstructSAM together from a Qwen3-VL checkpoint and a SAM3 checkpoint, as its stage 1 starts."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from e2e.instructsam.config import InstructSamConfig
from e2e.instructsam.model import InstructSAM
from e2e.single_pass.preprocess import PatchSettings
from e2e.single_pass.processor import Processor
from e2e.single_pass.tokens import add_tokens, preprocessor, token_ids
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import locate
from workbench.foundations.training.precision import held_precision

DETECTOR = "model.grounding_model.model."
NEW = ("model.mask_queries", "model.text_hidden_fcs.", "model.mask_hidden_fcs.")
Queries = Literal["spaced", "first", "grid", "spread"]
CELLS = 31
"""Along each side of the image; `spread` chooses from their middles. Odd: one is the image's middle."""
NOT_IN_DETECTOR = ("text_encoder.", "detr_decoder.presence_")


def from_parts(
    language_model: str | Path,
    segmenter: str | Path,
    *,
    slots: int,
    queries: Queries = "spaced",
    query_bank: bool = True,
    zero_slots: bool = False,
    precision: torch.dtype = torch.float32,
) -> tuple[InstructSAM, Processor]:
    """An InstructSAM whose slots and projections are new and whose other tensors are those of the two checkpoints.

    Of the segmenter's queries `slots` are kept, for the places they start from: evenly spaced ones, or the `first`, as
    the reference does; `grid` makes new ones, any number, that start on a grid over the image, and `spread` such of
    which any number begin with the places of all smaller numbers. The slots are random or zero, as in the reference,
    from where only their positions tell them apart; without a `query_bank` there are none, and the queries that are
    kept search with what they have learned. Special tokens that the tokenizer lacks are added to it. The checkpoints
    are loaded one after the other, and their tensors become the model's without a copy: for a `precision` of bfloat16
    as `held_precision` says, else in float32; what is new is in float32. Raises `ConfigurationError` where the
    segmenter has fewer queries, or a tensor has no counterpart.
    """
    from accelerate import init_empty_weights
    from transformers import Qwen3VLForConditionalGeneration, Sam3Config, Sam3Model

    from workbench.foundations.loading import load_model, load_tokenizer

    language_model, segmenter = locate(language_model), locate(segmenter)
    qwen = load_model(Qwen3VLForConditionalGeneration, language_model, held_precision(language_model, precision))
    tokenizer = load_tokenizer(language_model)
    add_tokens(tokenizer, qwen)
    detector = Sam3Config.from_pretrained(segmenter).to_dict()
    detector["detr_decoder_config"]["num_queries"] = slots
    config = InstructSamConfig(
        **{
            **qwen.config.to_dict(),
            **token_ids(tokenizer),
            "sam3_config": detector,
            "max_seg_nums": slots,
            "query_bank": query_bank,
            "out_dim": detector["detr_decoder_config"]["hidden_size"],
            "architectures": ["InstructSAM"],
        }
    )
    with init_empty_weights(include_buffers=False):
        model = InstructSAM(config)
    missing = set(model.state_dict()) - {"lm_head.weight"}
    missing -= _load(model, qwen.state_dict())
    del qwen
    sam = load_model(Sam3Model, segmenter, held_precision(segmenter, precision))
    missing -= _load(model, _detector_tensors(sam.state_dict(), slots, queries))
    del sam
    if missing := {name for name in missing if not name.startswith(NEW)}:
        raise _misfit(missing)
    model.tie_weights()
    model.model.text_hidden_fcs.to_empty(device="cpu").apply(model._init_weights)
    if query_bank:
        model.model.mask_hidden_fcs.to_empty(device="cpu").apply(model._init_weights)
        queries_of_slots = torch.zeros(slots, config.text_config.hidden_size)
        if not zero_slots:
            queries_of_slots.normal_(std=config.text_config.initializer_range)
        model.model.mask_queries = nn.Parameter(queries_of_slots)
    patches = PatchSettings.from_config(config.vision_config, preprocessor(language_model))
    return model, Processor(tokenizer, model.config, patches)


def _detector_tensors(state: dict[str, Tensor], slots: int, queries: Queries) -> dict[str, Tensor]:
    tensors = {DETECTOR + name: value for name, value in state.items() if not name.startswith(NOT_IN_DETECTOR)}
    if queries in MADE:
        boxes, embeddings = "detr_decoder.reference_points.weight", "detr_decoder.query_embed.weight"
        sizes = state[boxes].sigmoid()[:, 2:].mean(0).expand(slots, -1)
        tensors[DETECTOR + boxes] = torch.logit(torch.cat([MADE[queries](slots), sizes], 1))
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


def spread(count: int) -> Tensor:
    """The first places x, y in 0..1 `[count, 2]` of one order that is the same for any count: each is where it most
    lessens the mean squared distance from anywhere in the image to the nearest place."""
    centres = (torch.arange(CELLS) + 0.5) / CELLS
    cells = torch.cartesian_prod(centres, centres)
    between = torch.cdist(cells, cells).square()
    nearest = torch.full((len(cells),), torch.inf)
    chosen = []
    for _ in range(count):
        best = int(torch.minimum(between, nearest).mean(1).argmin())
        nearest = torch.minimum(nearest, between[best])
        chosen.append(best)
    return cells[chosen]


MADE = {"grid": grid, "spread": spread}


def _load(model: InstructSAM, tensors: dict[str, Tensor]) -> set[str]:
    """Make tensors the model's own, and return their names."""
    unexpected = model.load_state_dict(tensors, strict=False, assign=True).unexpected_keys
    if unexpected:
        raise _misfit(unexpected)
    return set(tensors)


def _misfit(names: Collection[str]) -> ConfigurationError:
    return ConfigurationError(f"the checkpoints do not fit InstructSAM's parts: {', '.join(sorted(names)[:5])}")
