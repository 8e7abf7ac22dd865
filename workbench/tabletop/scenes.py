"""Scenes: a surface, and everyday objects on it whose visible masks are known to the pixel."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from workbench.tabletop import drawing
from workbench.tabletop.vocabulary import FIRST, SIZES, World

Split = Literal["train", "val", "test"]

MIN_OBJECTS, MAX_OBJECTS = 3, 9
MIN_VISIBLE_FRACTION = 0.4
MIN_VISIBLE_PIXELS = 40  # in an image of 128 x 128 pixels
_HELD_OUT_SHARE = 0.25
_OVERLAP_SHARE = 0.35
_TRIES = 40
_BASE = 128


@dataclass(frozen=True)
class SceneObject:
    """One object. `mask` `[H, W] bool` is what can be seen of it, `full_area` its pixels were nothing in front of it,
    `centre` the mean xy of its visible pixels; `category`, `colour` and `size` are words of the vocabulary."""

    category: str
    colour: str
    size: str
    mask: NDArray[np.bool_]
    centre: tuple[float, float]
    full_area: int
    visible_fraction: float


@dataclass(frozen=True)
class Scene:
    """`image` `[H, W, 3] uint8` RGB; `objects` from back to front, in words of `world`."""

    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]
    world: World = FIRST


@dataclass
class Placed:
    category: str
    colour: str
    size: str
    full: NDArray[np.bool_]
    visible: NDArray[np.bool_]


def make_scene(rng: np.random.Generator, size: int = 128, split: Split = "train", world: World = FIRST) -> Scene:
    """Draw one scene of `size` x `size` pixels with 3 to 9 objects of a world.

    Categories and colours repeat within a scene. The world's held-out combinations occur in the test split only, there
    for about a quarter of the objects. Every object keeps at least 40 % of its pixels visible.
    """
    canvas = background(rng, size)
    placed: list[Placed] = []
    for category, colour, size_name in _choose_objects(rng, split, world):
        _place(rng, canvas, placed, category, colour, size_name, world)
    canvas *= light(rng, size)
    canvas += rng.standard_normal((size, size, 1), dtype=np.float32) * rng.uniform(1, 4)
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    return Scene(image, tuple(finished(p) for p in placed), world)


def _choose_objects(rng: np.random.Generator, split: Split, world: World) -> list[tuple[str, str, str]]:
    """Words for each object, drawn from a small pool per scene so that they repeat."""
    categories = [str(c) for c in rng.choice(list(world.categories), size=int(rng.integers(2, 6)), replace=False)]
    kind = world.categories[categories[0]].kind
    if rng.random() < 0.5:
        categories += [name for name, c in world.categories.items() if c.kind == kind and name not in categories]
    colours = [str(c) for c in rng.choice(list(world.colours), size=int(rng.integers(2, 5)), replace=False)]
    return [
        (*_choose_pair(rng, categories, colours, split, world), str(rng.choice(list(SIZES))))
        for _ in range(int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1)))
    ]


def _choose_pair(
    rng: np.random.Generator, categories: list[str], colours: list[str], split: Split, world: World
) -> tuple[str, str]:
    if split == "test" and rng.random() < _HELD_OUT_SHARE:
        pairs = sorted(world.held_out)
        near = [pair for pair in pairs if pair[0] in categories] or pairs
        return near[int(rng.integers(len(near)))]
    while True:
        category = str(rng.choice(categories if rng.random() < 0.85 else list(world.categories)))
        colour = str(rng.choice(colours if rng.random() < 0.8 else list(world.colours)))
        if (category, colour) not in world.held_out:
            return category, colour


def _place(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    placed: list[Placed],
    category: str,
    colour: str,
    size_name: str,
    world: World,
) -> None:
    """Paint an object where it hides none of the others too much. Nothing is added to a scene that is full."""
    side = len(canvas)
    low, high = SIZES[size_name]
    long_side = rng.uniform(low, high) * side / _BASE
    tint = np.clip(np.array(world.colours[colour]) + rng.normal(0, 7, 3), 0, 255)
    angle = rng.normal(0, 0.22)
    pixels, alpha = drawing.paint(category, (int(tint[0]), int(tint[1]), int(tint[2])), long_side, angle)
    solid = alpha >= 0.5
    height, width = solid.shape
    taken = np.zeros((side, side), dtype=bool)
    for other in placed:
        taken |= other.visible
    overlap = rng.random() < _OVERLAP_SHARE
    for _ in range(_TRIES):
        x, y = int(rng.integers(0, side - width + 1)), int(rng.integers(0, side - height + 1))
        window = np.s_[y : y + height, x : x + width]
        hits = bool((taken[window] & solid).any())
        if not hits or (overlap and _all_stay_visible(placed, window, solid, (side / _BASE) ** 2)):
            break
    else:
        return
    shadow(canvas, alpha, x, y)
    cover = alpha[..., None]
    canvas[window] = canvas[window] * (1 - cover) + pixels * cover
    full = np.zeros((side, side), dtype=bool)
    full[window] = solid
    for other in placed:
        other.visible &= ~full
    placed.append(Placed(category, colour, size_name, full, full.copy()))


def _all_stay_visible(
    placed: list[Placed], window: tuple[slice, slice], solid: NDArray[np.bool_], scale: float
) -> bool:
    for other in placed:
        left = int(other.visible.sum()) - int((other.visible[window] & solid).sum())
        if left < max(MIN_VISIBLE_FRACTION * other.full.sum(), MIN_VISIBLE_PIXELS * scale):
            return False
    return True


def finished(placed: Placed) -> SceneObject:
    ys, xs = np.nonzero(placed.visible)
    full = int(placed.full.sum())
    return SceneObject(
        category=placed.category,
        colour=placed.colour,
        size=placed.size,
        mask=placed.visible,
        centre=(float(xs.mean()), float(ys.mean())),
        full_area=full,
        visible_fraction=len(xs) / full,
    )


def shadow(canvas: NDArray[np.float32], alpha: NDArray[np.float32], x: int, y: int) -> None:
    side = len(canvas)
    margin = max(2, side // 40)
    soft = Image.fromarray((np.pad(alpha, margin) * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(margin * 0.6))
    dark = np.asarray(soft, dtype=np.float32) * (0.4 / 255)
    top, left = y, x - margin // 2  # light from above and a little from the right
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + dark.shape[0], side), min(left + dark.shape[1], side)
    canvas[y0:y1, x0:x1] *= 1 - dark[y0 - top : y1 - top, x0 - left : x1 - left, None]


def background(rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    """A surface of muted colours, `[side, side, 3]` in 0..255."""
    base = np.float32(rng.uniform(130, 215)) + rng.normal(0, 10, 3).astype(np.float32)
    canvas = np.empty((side, side, 3), dtype=np.float32)
    canvas[:] = base
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32) * (_BASE / side)
    style = rng.integers(5)
    if style == 1:
        canvas += ((xs * rng.normal() + ys * rng.normal()) * 0.25)[..., None]
    elif style == 2:
        canvas[:] = np.array((196, 160, 118), dtype=np.float32) * np.float32(rng.uniform(0.75, 1.15))
        grain = np.sin(ys * 0.9 + np.sin(xs * 0.06 + rng.uniform(0, 6)) * 2) * 6
        canvas += (grain - 16 * ((ys % rng.uniform(18, 34)) < 1.5))[..., None]
    elif style == 3:
        cell = rng.uniform(8, 16)
        canvas += (((xs // cell).astype(int) + (ys // cell).astype(int)) % 2 * np.float32(rng.uniform(10, 28)))[
            ..., None
        ]
    elif style == 4:
        canvas += rng.normal(0, 10, (side, side, 1)).astype(np.float32)
    return canvas


def light(rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    slopes = rng.uniform(-0.1, 0.1, 2).astype(np.float32)
    level: NDArray[np.float32] = np.float32(1) + slopes[0] * ramp[None, :] + slopes[1] * ramp[:, None]
    return level[..., None]
