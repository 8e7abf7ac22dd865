"""Training losses that the single-pass models share."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def text_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of `logits: [N, vocabulary]` against `labels: [N]`."""
    return F.cross_entropy(logits.float(), labels)


def dice_loss(mask_logits: Tensor, wanted: Tensor) -> Tensor:
    """1 - dice `[N]` of masks or point samples `[N, ...]`, with 1 added to both sums."""
    soft, wanted = mask_logits.sigmoid().flatten(1), wanted.flatten(1)
    return 1 - (2 * (soft * wanted).sum(1) + 1) / (soft.sum(1) + wanted.sum(1) + 1)


def nearest(masks: Tensor, size: Sequence[int]) -> Tensor:
    """Masks `[N, H, W]` at another size, each pixel the nearest one's, as floats."""
    return F.interpolate(masks[None].float(), tuple(size), mode="nearest")[0]
