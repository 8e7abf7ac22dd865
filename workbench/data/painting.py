"""Paints masks and writes labels on pictures: plain functions on `[H, W, 3] uint8` arrays, without matplotlib."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt

from workbench.data.masks import Rle, bounding_box

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""`x0, y0, x1, y1` in pixels, the end excluded"""
_ANCHOR_SIDE = 256


def anchor(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """`x, y` of the pixel of a mask `[h, w]` farthest from its border; large masks are read at a coarser step."""
    step = max(1, max(inside.shape) // _ANCHOR_SIDE)
    coarse = inside[::step, ::step]
    if not coarse.any():
        coarse, step = inside, 1
    distance: Any = distance_transform_edt(np.pad(coarse, 1))
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return int(x - 1) * step, int(y - 1) * step


def paint(
    canvas: Image,
    inside: NDArray[np.bool_],
    corner: tuple[int, int],
    colour: NDArray[np.uint8],
    factor: int,
    fill: float,
) -> None:
    """Fill and outline a mask `[h, w]`, enlarged by `factor`, whose top left is at `corner` of the canvas."""
    if factor > 1:
        inside = inside.repeat(factor, axis=0).repeat(factor, axis=1)
    x, y = corner
    region = canvas[y : y + inside.shape[0], x : x + inside.shape[1]]
    region[inside] = (region[inside] * (1 - fill) + colour * fill).astype(np.uint8)
    width = max(1, round((canvas.shape[0] * canvas.shape[1]) ** 0.5 / 300))
    region[inside & ~_shrunk(inside, width)] = colour


def _shrunk(inside: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """The pixels whose four neighbours at each distance up to `width` are in the mask as well."""
    padded = np.pad(inside, width)
    height, length = inside.shape
    core = inside.copy()
    for d in range(1, width + 1):
        for dy, dx in ((d, 0), (-d, 0), (0, d), (0, -d)):
            core &= padded[width + dy : width + dy + height, width + dx : width + dx + length]
    return core


def write_labels(
    canvas: Image,
    anchors: Sequence[tuple[float, float]],
    colours: NDArray[np.uint8],
    texts: Sequence[str] | None = None,
) -> Image:
    """Write 1, 2, ..., or these texts, at the anchors `x, y` in colours `[N, 3]`: each inside the image and, where
    there is room, clear of the others."""
    picture = Pillow.fromarray(canvas)
    draw = ImageDraw.Draw(picture, "RGBA")
    font = _font(int(np.clip(0.03 * (canvas.shape[0] * canvas.shape[1]) ** 0.5, 11, 48)))
    taken: list[Box] = []
    for text, place, colour in zip(texts or list(map(str, range(1, len(anchors) + 1))), anchors, colours, strict=True):
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height = int(right - left) + 4, int(bottom - top) + 4
        box = _free_place(place, (width, height), picture.size, taken)
        taken.append(box)
        bright = float(colour @ np.array([0.299, 0.587, 0.114])) > 110
        draw.rectangle(
            (box[0], box[1], box[2] - 1, box[3] - 1), fill=(0, 0, 0, 204) if bright else (255, 255, 255, 204)
        )
        draw.text((box[0] + 2 - left, box[1] + 2 - top), text, font=font, fill=rgb(colour))
    return np.array(picture)


def _free_place(place: tuple[float, float], label: tuple[int, int], size: tuple[int, int], taken: Sequence[Box]) -> Box:
    """The first box for a label near `place`, inside the image and off the `taken` ones; on them if all are taken."""
    width, height = label
    steps = [
        (0, 0),
        (0, -1),
        (0, 1),
        (-1, 0),
        (1, 0),
        (-1, -1),
        (1, 1),
        (-1, 1),
        (1, -1),
        (0, -2),
        (0, 2),
        (-2, 0),
        (2, 0),
    ]
    boxes = []
    for dx, dy in steps:
        x = int(np.clip(place[0] - width / 2 + dx * width, 0, max(0, size[0] - width)))
        y = int(np.clip(place[1] - height / 2 + dy * height, 0, max(0, size[1] - height)))
        boxes.append((x, y, x + width, y + height))
    return next((box for box in boxes if not any(_touch(box, other) for other in taken)), boxes[0])


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def pixel_box(rle: Rle) -> Box:
    x, y, width, height = (int(v) for v in bounding_box(rle))
    return x, y, x + width, y + height


def rgb(colour: NDArray[np.uint8]) -> tuple[int, int, int]:
    return int(colour[0]), int(colour[1]), int(colour[2])


@lru_cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
