"""The pictures that a language model judges masks by: numbered marks on an image, one mask alone, and a zoomed pair.

Plain functions on `[H, W, 3] uint8` arrays. The same masks always give the same picture, and within a picture every
mask has a colour of its own.
"""

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from workbench.data.masks import Rle, area, decode
from workbench.data.painting import Box, anchor, paint, pixel_box, rgb, write_labels
from workbench.plugins.interfaces import Image

_WIDE, _CLOSE = 0.05, 0.25  # largest share of the mask in each panel of the zoomed pair
_MARGIN = 16
_GAP = 4


def all_masks(image: Image, masks: Sequence[Rle], min_side: int = 0, fill: float = 0.15) -> Image:
    """The image with every mask filled with an opacity of `fill` (low, so that colours can still be judged), outlined
    and numbered from 1; enlarged by a whole factor where its shorter side is below `min_side`, so that numbers stay
    legible."""
    canvas, factor = _enlarge(image, min_side)
    anchors = []
    colours = palette(len(masks))
    for rle, colour in zip(masks, colours, strict=True):
        box = pixel_box(rle)
        inside = decode(rle)[box[1] : box[3], box[0] : box[2]]
        paint(canvas, inside, (box[0] * factor, box[1] * factor), colour, factor, fill)
        x, y = anchor(inside)
        anchors.append(((box[0] + x + 0.5) * factor, (box[1] + y + 0.5) * factor))
    return write_labels(canvas, anchors, colours)


def single_mask(image: Image, mask: Rle, min_side: int = 0, fill: float = 0.15) -> Image:
    """The image with one mask alone, as number 1, in the palette colour that differs most from the pixels around it."""
    canvas, factor = _enlarge(image, min_side)
    box = pixel_box(mask)
    inside = decode(mask)[box[1] : box[3], box[0] : box[2]]
    colour = contrasting(image[box[1] : box[3], box[0] : box[2]])
    paint(canvas, inside, (box[0] * factor, box[1] * factor), colour, factor, fill)
    x, y = anchor(inside)
    return write_labels(canvas, [((box[0] + x + 0.5) * factor, (box[1] + y + 0.5) * factor)], colour[None])


def zoom_pair(image: Image, mask: Rle, panel: int = 320, fill: float = 0.15) -> Image:
    """Two crops of longest side `panel`: the surroundings with a box around the mask, and the mask close up.

    Side by side where the close crop is taller than wide, else one above the other.
    """
    box = pixel_box(mask)
    whole = decode(mask)
    colour = contrasting(image[box[1] : box[3], box[0] : box[2]])
    wide, close = (crop_box(box, area(mask), image.shape[:2], share) for share in (_WIDE, _CLOSE))
    first, scale = _zoom(image, wide, panel)
    corners = [
        (box[0] - wide[0]) * scale,
        (box[1] - wide[1]) * scale,
        (box[2] - wide[0]) * scale,
        (box[3] - wide[1]) * scale,
    ]
    picture = Pillow.fromarray(first)
    ImageDraw.Draw(picture).rectangle(corners, outline=rgb(colour), width=2)
    first = np.array(picture)
    second, _ = _zoom(image, close, panel)
    cut = Pillow.fromarray(whole[close[1] : close[3], close[0] : close[2]])
    inside = np.asarray(cut.resize((second.shape[1], second.shape[0]), Pillow.Resampling.NEAREST))
    paint(second, inside, (0, 0), colour, 1, fill)
    return _join(first, second, side_by_side=close[3] - close[1] > close[2] - close[0])


def crop_box(box: Box, mask_area: int, size: tuple[int, ...], share: float) -> Box:
    """A mask's box with a margin, grown about its centre until the mask fills at most `share`, clipped to the image."""
    width, height = box[2] - box[0], box[3] - box[1]
    grown_w, grown_h = width + max(0.2 * width, _MARGIN), height + max(0.2 * height, _MARGIN)
    factor = max(1.0, (mask_area / (share * grown_w * grown_h)) ** 0.5)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half_w, half_h = grown_w * factor / 2, grown_h * factor / 2
    return (
        max(0, int(x - half_w)),
        max(0, int(y - half_h)),
        min(size[1], int(np.ceil(x + half_w))),
        min(size[0], int(np.ceil(y + half_h))),
    )


def palette(count: int) -> NDArray[np.uint8]:
    """`[count, 3]` colours, no two alike: hues by the golden angle, after 20 of them paler, after 40 darker."""
    tones = [(1.0, 1.0), (0.55, 1.0), (1.0, 0.65)]
    colours = []
    for i in range(count):
        saturation, value = tones[i // 20 % len(tones)]
        colours.append(colorsys.hsv_to_rgb(i * 0.61803399 % 1, saturation, value * 0.93 ** (i // 60)))
    return (np.array(colours).reshape(-1, 3) * 255).round().astype(np.uint8)


def contrasting(pixels: Image) -> NDArray[np.uint8]:
    """The colour of the first 20 of the palette with the largest mean RGB distance to `pixels [h, w, 3]`."""
    step = max(1, max(pixels.shape[:2]) // 64)
    sample = pixels[::step, ::step].reshape(-1, 3).astype(np.float32)
    colours = palette(20)
    distance = np.linalg.norm(sample[:, None] - colours[None].astype(np.float32), axis=-1).mean(0)
    best: NDArray[np.uint8] = colours[int(distance.argmax())]
    return best


def _enlarge(image: Image, min_side: int) -> tuple[Image, int]:
    factor = max(1, -(-min_side // min(image.shape[:2])))
    if factor == 1:
        return image.copy(), 1
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.array(Pillow.fromarray(image).resize(size, Pillow.Resampling.BICUBIC)), factor


def _zoom(image: Image, box: Box, panel: int) -> tuple[Image, float]:
    """The crop, resized so that its longer side is `panel`, and the scale."""
    crop = Pillow.fromarray(image[box[1] : box[3], box[0] : box[2]])
    scale = panel / max(crop.size)
    size = (max(1, round(crop.width * scale)), max(1, round(crop.height * scale)))
    return np.array(crop.resize(size, Pillow.Resampling.BICUBIC)), scale


def _join(first: Image, second: Image, *, side_by_side: bool) -> Image:
    if side_by_side:
        height = max(first.shape[0], second.shape[0])
        joined = np.full((height, first.shape[1] + _GAP + second.shape[1], 3), 255, dtype=np.uint8)
        joined[: first.shape[0], : first.shape[1]] = first
        joined[: second.shape[0], first.shape[1] + _GAP :] = second
        return joined
    return _join(first.transpose(1, 0, 2), second.transpose(1, 0, 2), side_by_side=True).transpose(1, 0, 2).copy()
