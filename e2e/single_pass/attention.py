"""Which tokens may attend to which: text is causal, slots see each other. All masks are boolean, True where attention
is allowed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

INJECTED = 3
"""Tokens injected besides the K slots: ref_end and mask_start before them, mask_end after them."""


def step_mask(cached: Tensor, step: Tensor, slots_at: Sequence[int | None], *, causal: bool = False) -> Tensor:
    """Mask of one forward pass on top of a key-value cache, `[B, 1, q, L + q]`.

    `cached: [B, L]` and `step: [B, q]` say which columns hold real tokens (rows of a batch are padded on the right of
    every step). A row that injects slots brings, from column `slots_at[b]` on, ref_end, mask_start, K slots and
    mask_end, and nothing after them: the first two attend causally, all others see the whole step, unless slots are
    `causal` too. What stands before them, and any other row, attends causally.
    """
    batch, length = step.shape
    inside = torch.ones(length, length, dtype=torch.bool, device=step.device).tril().repeat(batch, 1, 1)
    for row, place in enumerate(slots_at):
        if place is not None and not causal:
            inside[row, place + 2 :] = True
    inside &= step[:, None]
    before = cached[:, None].expand(-1, length, -1)
    return torch.cat([before, inside], dim=2)[:, None]


def hybrid_mask(valid: Tensor, blocks: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    """Training mask `[B, 1, L, L]`: causal, both ways inside each block of slots, and no attention to padding.

    `valid: [B, L] bool`; `blocks[b]` lists the half-open spans of row b in which every token sees every other.
    """
    length = valid.shape[1]
    mask = torch.ones(length, length, dtype=torch.bool, device=valid.device).tril().repeat(len(valid), 1, 1)
    for row, spans in enumerate(blocks):
        for start, end in spans:
            mask[row, start:end, start:end] = True
    return (mask & valid[:, None])[:, None]


def slot_blocks(token_ids: Sequence[int], slot: int) -> list[tuple[int, int]]:
    """Half-open spans of consecutive `slot` tokens."""
    blocks = []
    start = None
    for index, token in enumerate([*token_ids, None]):
        if token == slot:
            start = index if start is None else start
        elif start is not None:
            blocks.append((start, index))
            start = None
    return blocks
