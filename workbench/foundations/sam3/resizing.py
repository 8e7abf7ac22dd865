"""Masks at the size of an image, by either of the two conventions that are in use.

InstructSAM interpolates logits and takes what is above 0; `Sam3Processor` interpolates probabilities and takes what is
above 0.5. Away from borders they agree; along a border the second follows the confident side less far.
"""

from typing import TYPE_CHECKING

from workbench.data.masks import Rle, encode_all

if TYPE_CHECKING:
    from torch import Tensor

LOGITS, PROBABILITIES = "logits", "probabilities"
RESIZINGS = {
    LOGITS: "logits are interpolated (bilinear), above 0 is foreground",
    PROBABILITIES: "probabilities are interpolated (bilinear), above 0.5 is foreground",
}


AT_ONCE = 2**24
"""Pixels of masks that are interpolated together, 5 bytes each: more take memory and no less time."""


def rles_at(mask_logits: "Tensor", size: tuple[int, int], resize: str) -> list[Rle]:
    """The masks of `masks_at`, encoded. Masks of large images are made a few at a time: one of 12 megapixels takes
    60 MB before it is encoded."""
    import torch

    some = max(1, AT_ONCE // (size[0] * size[1]))
    rles: list[Rle] = []
    with torch.inference_mode():
        for start in range(0, len(mask_logits), some):
            rles += encode_all(masks_at(mask_logits[start : start + some], size, resize).cpu().numpy())
    return rles


def masks_at(mask_logits: "Tensor", size: tuple[int, int], resize: str) -> "Tensor":
    """Masks `[N, *size]` bool from logits `[N, h, w]`; `size` is (height, width), `resize` a key of `RESIZINGS`."""
    import torch.nn.functional as F

    values = mask_logits.float()
    values, least = (values, 0.0) if resize == LOGITS else (values.sigmoid(), 0.5)
    return F.interpolate(values[None], size, mode="bilinear", align_corners=False)[0] > least
