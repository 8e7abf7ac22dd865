"""Attention masks of generation and training, drawn."""

import torch
from torch import Tensor

from e2e.single_pass.attention import hybrid_mask, slot_blocks, step_mask


def drawn(mask: Tensor) -> list[str]:
    return ["".join(".x"[int(cell)] for cell in row) for row in mask.tolist()]


def test_a_prefill_is_causal_and_skips_padding() -> None:
    step = torch.tensor([[True, True, True], [True, True, False]])
    mask = step_mask(torch.zeros(2, 0, dtype=torch.bool), step, [None, None])
    assert drawn(mask[0, 0]) == ["x..", "xx.", "xxx"]
    assert drawn(mask[1, 0]) == ["x..", "xx.", "xx."]


def test_slots_see_each_other_and_all_before_them() -> None:
    cached = torch.tensor([[True, True, False]])
    mask = step_mask(cached, torch.ones(1, 5, dtype=torch.bool), [0])
    assert drawn(mask[0, 0]) == ["xx.x....", "xx.xx...", "xx.xxxxx", "xx.xxxxx", "xx.xxxxx"]


def test_words_before_the_slots_of_the_same_step_stay_causal() -> None:
    cached = torch.tensor([[True]])
    mask = step_mask(cached, torch.ones(1, 6, dtype=torch.bool), [2])
    assert drawn(mask[0, 0]) == ["xx.....", "xxx....", "xxxx...", "xxxxx..", "xxxxxxx", "xxxxxxx"]


def test_a_row_without_slots_in_the_same_step_stays_causal() -> None:
    step = torch.tensor([[True] * 4, [True, False, False, False]])
    mask = step_mask(torch.ones(2, 1, dtype=torch.bool), step, [0, None])
    assert drawn(mask[0, 0]) == ["xx...", "xxx..", "xxxxx", "xxxxx"]
    assert drawn(mask[1, 0])[0] == "xx..."
    assert all(row[2:] == "..." for row in drawn(mask[1, 0]))


def test_training_is_causal_but_for_the_blocks() -> None:
    valid = torch.tensor([[True] * 5, [True, True, True, True, False]])
    mask = hybrid_mask(valid, [[(1, 3)], []])
    assert drawn(mask[0, 0]) == ["x....", "xxx..", "xxx..", "xxxx.", "xxxxx"]
    assert drawn(mask[1, 0])[4] == "xxxx."


def test_blocks_are_runs_of_slot_tokens() -> None:
    assert slot_blocks([7, 7, 1, 7, 2, 7, 7], slot=7) == [(0, 2), (3, 4), (5, 7)]
    assert slot_blocks([1, 2], slot=7) == []
