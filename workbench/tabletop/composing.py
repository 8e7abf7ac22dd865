"""Scenes whose objects are given one by one, drawn as `workbench.tabletop.scenes` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.tabletop import drawing
from workbench.tabletop.scenes import Placed, Scene, background, finished, light, shadow
from workbench.tabletop.vocabulary import COLOURS

BASE = 128
"""Side of the picture that lengths are given for."""


@dataclass(frozen=True)
class Thing:
    """An object to be drawn. `x`, `y`: the middle of its box, `long_side`: both in pixels of a picture of `BASE`;
    `angle` in radians; `tint`: added to each channel of its colour."""

    category: str
    colour: str
    x: float
    y: float
    long_side: float
    size: str = "medium"
    angle: float = 0.0
    tint: tuple[float, float, float] = (0.0, 0.0, 0.0)


def compose(things: Sequence[Thing], surface: int, size: int) -> Scene:
    """Draw things from back to front on the surface of that seed, in a picture of `size` x `size` pixels.

    The surface, its light and the grain of the picture depend on `surface` alone. An object keeps its full mask in
    `full_area`; one of which nothing is seen raises `ValueError`.
    """
    rng = np.random.default_rng(surface)
    canvas = background(rng, size)
    ramp, grain, strength = light(rng, size), rng.standard_normal((size, size, 1), dtype=np.float32), rng.uniform(1, 4)
    placed: list[Placed] = []
    for thing in things:
        _draw(canvas, placed, thing, size)
    canvas = canvas * ramp + grain * np.float32(strength)
    if hidden := [one for one in placed if not one.visible.any()]:
        raise ValueError(f"expected every object to be seen, got {len(hidden)} that are hidden or outside")
    return Scene(np.clip(canvas, 0, 255).astype(np.uint8), tuple(finished(one) for one in placed))


def outline(thing: Thing, size: int = BASE) -> NDArray[np.bool_]:
    """All pixels of a thing in a picture of that size, `[size, size]`, as if nothing were in front of it."""
    full = np.zeros((size, size), dtype=bool)
    _, alpha, window, part = _painted(thing, size)
    full[window] = alpha[part] >= 0.5
    return full


def _draw(canvas: NDArray[np.float32], placed: list[Placed], thing: Thing, size: int) -> None:
    pixels, alpha, window, part = _painted(thing, size)
    shadow(canvas, alpha[part], window[1].start, window[0].start)
    cover = alpha[part][..., None]
    canvas[window] = canvas[window] * (1 - cover) + pixels[part] * cover
    full = np.zeros((size, size), dtype=bool)
    full[window] = alpha[part] >= 0.5
    for other in placed:
        other.visible &= ~full
    placed.append(Placed(thing.category, thing.colour, thing.size, full, full.copy()))


def _painted(
    thing: Thing, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[slice, slice], tuple[slice, slice]]:
    """Colours and coverage of a thing, the part of the picture that it lies in, and the part of it that lies there."""
    scale = size / BASE
    red, green, blue = np.clip(np.array(COLOURS[thing.colour]) + thing.tint, 0, 255).astype(int)
    pixels, alpha = drawing.paint(
        thing.category, (int(red), int(green), int(blue)), thing.long_side * scale, thing.angle
    )
    height, width = alpha.shape
    left, top = round(thing.x * scale - width / 2), round(thing.y * scale - height / 2)
    rows, columns = slice(max(top, 0), min(top + height, size)), slice(max(left, 0), min(left + width, size))
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return pixels, alpha, (rows, columns), part
