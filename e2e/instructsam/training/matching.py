"""Which slot answers for which target: pairwise costs and the optimal one-to-one assignment (Hungarian method)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

DICE_EPSILON = 1e-3


@dataclass(frozen=True)
class Weights:
    """Weights of the mask overlap, mask cross-entropy and score terms; they scale both the costs and the losses."""

    dice: float = 0.5
    bce: float = 2.0
    score: float = 1.0


def matching_costs(mask_logits: Tensor, targets: Tensor, logits: Tensor, weights: Weights) -> Tensor:
    """Weighted costs `[3, K, N]` of giving target n to slot k: dice, binary cross-entropy per pixel, score.

    `mask_logits: [K, h, w]`, `targets: [N, h, w]` in {0, 1}, `logits: [K]`. The score cost is softplus(-logit), the
    same for all targets.
    """
    predicted, wanted = mask_logits.float().flatten(1), targets.float().flatten(1)
    soft = predicted.sigmoid()
    overlap = soft @ wanted.T
    sizes = soft.sum(1)[:, None] + wanted.sum(1)[None]
    dice = 1 - (2 * overlap + DICE_EPSILON) / (sizes + DICE_EPSILON)
    bce = (F.softplus(-predicted) @ wanted.T + F.softplus(predicted) @ (1 - wanted).T) / predicted.shape[1]
    score = F.softplus(-logits.float())[:, None].expand_as(dice)
    return torch.stack([weights.dice * dice, weights.bce * bce, weights.score * score])


def assign(costs: Tensor) -> Tensor:
    """The target of each slot, `[K]`, -1 for none, that makes the sum of `costs: [3, K, N]` smallest."""
    from scipy.optimize import linear_sum_assignment

    total = costs.sum(0).cpu().numpy()
    assigned = torch.full((total.shape[0],), -1, dtype=torch.long)
    slots, targets = linear_sum_assignment(total)
    assigned[torch.from_numpy(slots)] = torch.from_numpy(targets)
    return assigned
