"""A dense training signal for the image tokens of a tiny Qwen3-VL: what stands where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.foundations.qwen.conversations import GRID
from workbench.tabletop.training_scenes import TrainingScene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, SIZES


class CellHead(nn.Module):
    """Category, colour, size and centre of the object on a 4 x 4 grid inside each image token: a dense signal, thrown
    away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classes = [len(words) + 1 for words in VOCABULARIES]
        self.linear = nn.Linear(width, 16 * (sum(self.classes) + 2))

    def loss(self, tokens: Tensor, truth: "CellTruth") -> tuple[Tensor, float]:
        """Cross entropy against the objects at the sampled pixels plus the distance to their centres, and the share of
        object pixels whose category is right. `tokens [B * 64, width]`."""
        outputs = self.linear(tokens.float()).reshape(-1, sum(self.classes) + 2)
        category = truth.words[0]
        weight = 1 + 2.0 * (category > 0)
        loss = torch.zeros((), device=outputs.device)
        parts = outputs.split([*self.classes, 2], 1)
        for scale, logits, names in zip((1.0, 0.5, 0.3), parts, truth.words, strict=False):
            loss = loss + scale * (F.cross_entropy(logits, names, reduction="none") * weight).mean()
        seen = category > 0
        loss = loss + 0.5 * (outputs[seen, -2:] - truth.centres[seen]).abs().mean()
        return loss, float((outputs[:, : self.classes[0]].argmax(1) == category)[seen].float().mean())


@dataclass(frozen=True)
class CellTruth:
    """What stands at each sampled pixel of B images: `words [3, B * 64 * 16]`, the index of its category, colour and
    size counted from 1, 0 for background; `centres [B * 64 * 16, 2]`, x, y from there to its object's centre in
    cells."""

    words: Tensor
    centres: Tensor


VOCABULARIES = (tuple(CATEGORIES), tuple(COLOURS), tuple(SIZES))


def cell_truth(scenes: Sequence[TrainingScene]) -> CellTruth:
    """The truth for `CellHead`."""
    words_of: list[list[NDArray[np.int64]]] = [[], [], []]
    centres = []
    step = np.arange(GRID * 4) / 4 + 0.5 / 4
    for scene in scenes:
        index = scene.index[2::4, 2::4]
        for kept, words, name in zip(words_of, VOCABULARIES, ("category", "colour", "size"), strict=True):
            kept.append(_blocks(np.array([0, *(words.index(getattr(o, name)) + 1 for o in scene.objects)])[index]))
        scale = GRID / scene.index.shape[0]
        middle = [[columns.mean() * scale, rows.mean() * scale] for rows, columns in map(np.nonzero, scene.masks())]
        off = np.array([[0.0, 0.0], *middle])[index] - np.stack(np.meshgrid(step, step), -1)
        centres.append(np.stack([_blocks(off[..., 0]), _blocks(off[..., 1])], -1))
    words_there = np.stack([np.concatenate(kept) for kept in words_of])
    return CellTruth(torch.from_numpy(words_there), torch.from_numpy(np.concatenate(centres)).float())


def _blocks(grid: NDArray[Any]) -> NDArray[Any]:
    """A map `[32, 32]` as the 4 x 4 pixels of each image token, tokens in reading order, flat."""
    return grid.reshape(GRID, 4, GRID, 4).transpose(0, 2, 1, 3).reshape(-1)
