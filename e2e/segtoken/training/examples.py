"""Training conversations whose answers end in [SEG] tokens: which tokens, in which order, and the mask of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from e2e.segtoken.config import Tokens
from e2e.segtoken.model import SegToken
from e2e.single_pass.examples import Example, reference_positions
from e2e.single_pass.losses import IGNORED
from e2e.single_pass.processor import Processor

CELLS = 8
"""Rows and columns of the grid by which masks are put in order."""


@dataclass(frozen=True)
class Batch:
    """B conversations, right padded: `token_ids: [B, L]`, their M-RoPE `positions: [3, B, L]`, `labels: [B, L]` (-100:
    not trained), `images[b]`: the image of conversation b. `owners: [N]` is the conversation of each [SEG],
    `masks: [N, H, W]` what it should give."""

    token_ids: Tensor
    positions: Tensor
    labels: Tensor
    images: list[int]
    owners: Tensor
    masks: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; `owners`, which select images, stay."""
        names = ("token_ids", "positions", "labels", "masks")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def collate(
    model: SegToken, processor: Processor, examples: Sequence[Example], grids: Tensor, *, cells: bool = False
) -> Batch:
    """Token ids, labels and masks of conversations, on the CPU; `grids: [images, 3]` are the images' patch grids.

    With `cells` the answer says in words where a mask is, before its [SEG]: the column and row of its cell, or of the
    cells of all that one [SEG] stands for.
    """
    config = model.config
    rows, answers, owners, masks = [], [], [], []
    for number, example in enumerate(examples):
        frames, height, width = grids[example.image].tolist()
        prompt = processor.prompt(example.instruction, (frames, height, width))
        ids: list[int] = []
        for place, (phrase, targets) in enumerate(example.answer):
            tokens: Tokens = "one" if config.tokens == "one" else "many"
            wanted = ordered(targets, tokens)
            named = [config.ref_start_token_index, *processor.words(phrase), config.ref_end_token_index]
            ids += [*(processor.words(", ") if place else []), *named]
            for said in _said(targets, tokens) if cells else [""] * len(wanted):
                ids += [*(processor.words(said) if said else []), config.seg_token_index]
            owners += [number] * len(wanted)
            masks.append(wanted)
        rows.append(prompt)
        answers.append([*ids, processor.end_token])
    lengths = [len(row) + len(answer) for row, answer in zip(rows, answers, strict=True)]
    token_ids = torch.full((len(rows), max(lengths)), processor.tokenizer.pad_token_id)
    labels = torch.full_like(token_ids, IGNORED)
    for n, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        token_ids[n, : lengths[n]] = torch.tensor(row + answer)
        labels[n, len(row) : lengths[n]] = torch.tensor(answer)
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    images = [example.image for example in examples]
    positions = reference_positions(model, token_ids, valid, grids[torch.tensor(images)])
    return Batch(token_ids, positions, labels, images, torch.tensor(owners, dtype=torch.long), torch.cat(masks))


def ordered(masks: Tensor, tokens: Tokens) -> Tensor:
    """The masks of a phrase's [SEG] tokens, from those of its targets `[N, H, W]`, an empty one for no target.

    One token: their union, which is empty without targets. Many: each target's own, none without targets, in reading
    order: by the row, then the column, of the cell of an 8 x 8 grid that the centre of the mask lies in.
    """
    if tokens == "one":
        return masks.amax(0, keepdim=True)
    visible = [mask for mask in masks if mask.any()]
    return torch.stack(sorted(visible, key=_cell)) if visible else masks[:0]


def _said(masks: Tensor, tokens: Tokens) -> list[str]:
    """What stands before each [SEG]: ` x y`, the column and row of its cell; ` x y; x y` or ` none` for one of all."""
    places = [f"{column} {row}" for row, column in sorted(_cell(mask) for mask in masks if mask.any())]
    return [" " + ("; ".join(places) or "none")] if tokens == "one" else [f" {place}" for place in places]


def _cell(mask: Tensor) -> tuple[int, int]:
    rows, columns = mask.nonzero(as_tuple=True)
    height, width = mask.shape
    return int(rows.float().mean() * CELLS / height), int(columns.float().mean() * CELLS / width)
