"""What a language model sees of an image: the image, no larger than the options allow, and marks drawn at that size.

Zoomed pairs are cut from the image at its full size, so that a limit takes no detail from them.
"""

from functools import cached_property

import numpy as np
from PIL import Image as Pillow

from agents.options import Options
from agents.pictures import marks as canvas
from workbench.data.masks import Rle, bounding_box, decode, encode
from workbench.plugins.interfaces import Image


class View:
    """One image `[H, W, 3] uint8` with the agent's options: every picture of it that is sent. Masks are at the size of
    the image."""

    def __init__(self, image: Image, options: Options) -> None:
        self.image, self.options = image, options

    @cached_property
    def raw(self) -> Image:
        """The image without marks, made smaller where its longer side is above `max_side`."""
        longest, most = max(self.image.shape[:2]), self.options.max_side
        if most is None or longest <= most:
            return self.image
        height, width = (max(1, round(side * most / longest)) for side in self.image.shape[:2])
        return np.array(Pillow.fromarray(self.image).resize((width, height), Pillow.Resampling.LANCZOS))

    def all_masks(self, masks: list[Rle]) -> Image:
        """The image with numbered masks, see `agents.pictures.marks`."""
        return canvas.all_masks(self.raw, [self._shrunk(mask) for mask in masks], self._min_side, self.options.fill)

    def single_mask(self, mask: Rle) -> Image:
        """The image with one mask."""
        return canvas.single_mask(self.raw, self._shrunk(mask), self._min_side, self.options.fill)

    def zoom_pair(self, mask: Rle) -> Image:
        """The mask in its surroundings and close up."""
        return canvas.zoom_pair(self.image, mask, self.options.zoom_side, self.options.fill)

    @property
    def _min_side(self) -> int:
        """The shorter side up to which a picture of masks is enlarged; never beyond `max_side`."""
        if self.options.max_side is None:
            return self.options.min_side
        height, width = self.raw.shape[:2]
        most: int = self.options.max_side // max(height, width) * min(height, width)
        return min(self.options.min_side, most)

    def _shrunk(self, mask: Rle) -> Rle:
        """A mask at the size of `raw`; one that would vanish there keeps a pixel, so that its number is drawn."""
        if self.raw is self.image:
            return mask
        height, width = self.raw.shape[:2]
        shares = Pillow.fromarray(decode(mask).astype(np.uint8) * 255).resize((width, height), Pillow.Resampling.BOX)
        inside = np.asarray(shares) > 127
        if not inside.any():
            x, y, w, h = bounding_box(mask)
            scale = height / self.image.shape[0], width / self.image.shape[1]
            row, column = int((y + h / 2) * scale[0]), int((x + w / 2) * scale[1])
            inside[min(row, height - 1), min(column, width - 1)] = True
        return encode(inside)
