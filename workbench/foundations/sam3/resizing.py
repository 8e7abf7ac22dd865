"""Masks at the size of an image, by either of the two conventions that are in use.

InstructSAM interpolates logits and takes what is above 0; `Sam3Processor` interpolates probabilities and takes what is
above 0.5. Away from borders they agree; along a border the second follows the confident side less far.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LOGITS, PROBABILITIES = "logits", "probabilities"
RESIZINGS = {
    LOGITS: "logits are interpolated (bilinear), above 0 is foreground",
    PROBABILITIES: "probabilities are interpolated (bilinear), above 0.5 is foreground",
}


def masks_at(mask_logits: "Tensor", size: tuple[int, int], resize: str) -> "Tensor":
    """Masks `[N, *size]` bool from logits `[N, h, w]`; `size` is (height, width), `resize` a key of `RESIZINGS`."""
    import torch.nn.functional as F

    values = mask_logits.float()
    values, least = (values, 0.0) if resize == LOGITS else (values.sigmoid(), 0.5)
    return F.interpolate(values[None], size, mode="bilinear", align_corners=False)[0] > least
