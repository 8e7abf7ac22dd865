"""A training aid: the language model is told at each slot whether the slot has a target, without the detector."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from e2e.instructsam.losses import PhraseTargets, centres
from e2e.instructsam.matching import assign


class SlotHead(nn.Module):
    """Whether each slot has a target, from the language model's state there; thrown away after training.

    Which slots are meant is what is hard about an instruction, and the detector is most of a step's time: with this,
    many more conversations can teach it. A target belongs to the slot that starts nearest to it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def forward(self, states: Tensor, wanted: Tensor) -> Tensor:
        """Mean binary cross-entropy over the slots of `states: [P, K, D]` against `wanted: [P, K]` in {0, 1}."""
        logits = self.linear(states.float()).squeeze(-1)
        return F.binary_cross_entropy_with_logits(logits, wanted)


def wanted_slots(starts: Tensor, targets: Sequence[PhraseTargets]) -> Tensor:
    """1 for each slot `[P, K]` that starts nearest to a target of its phrase, `starts: [K, 2]`."""
    wanted = torch.zeros(len(targets), len(starts))
    for row, target in zip(wanted, targets, strict=True):
        if target.masks.any():
            distances = torch.cdist(starts.float().cpu(), centres(target.masks.float().cpu()))
            row[assign(distances[None]) >= 0] = 1
    return wanted.to(starts.device)
