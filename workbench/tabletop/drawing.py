"""What each category looks like: polygons in a unit box, painted in order.

Coordinates: x to the right, y down, the longer side of the shape spans about -0.5 to 0.5. Every part is a polygon with
a role that decides its colour, so a shape can be turned and scaled as points and painted once.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
"""`[N, 2]` xy"""
Role = Literal["body", "shade", "light", "cream", "ink", "glow", "hole"]
Part = tuple[Points, Role]

SUPERSAMPLING = 3


def paint(
    category: str, colour: tuple[int, int, int], long_side: float, angle: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Paint one object on a canvas of its own, as large as the object.

    Returns colours `[h, w, 3]` in 0..255 and coverage `[h, w]` in 0..1. `angle` in radians, `long_side` in pixels.
    """
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    parts = [((points @ turn) * long_side, role) for points, role in _SHAPES[category]]
    corners = np.concatenate([points for points, role in parts if role != "hole"])
    low = np.floor(corners.min(axis=0)) - 1
    width, height = (int(n) for n in np.ceil(corners.max(axis=0)) + 1 - low)
    colours = _colours(colour)
    canvas = Image.new("RGBA", (width * SUPERSAMPLING, height * SUPERSAMPLING), (*colours["body"], 0))
    draw = ImageDraw.Draw(canvas)
    for points, role in parts:
        fill = (*colours["body"], 0) if role == "hole" else (*colours[role], 255)
        draw.polygon([(x, y) for x, y in (points - low) * SUPERSAMPLING], fill=fill)
    pixels = np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32)
    return pixels[..., :3], pixels[..., 3] / np.float32(255)


def _colours(colour: tuple[int, int, int]) -> dict[str, tuple[int, int, int]]:
    base = np.array(colour, dtype=float)
    bright = base @ (0.3, 0.59, 0.11) > 105
    tones = {
        "body": base,
        "shade": base * 0.62 if bright or base.max() > 60 else base + 42,
        "light": base + (255 - base) * 0.45,
        "cream": np.array((248, 243, 228)),
        "ink": np.array((36, 32, 38) if bright else (236, 234, 228)),
        "glow": np.array((255, 232, 150)),
    }
    return {name: (int(r), int(g), int(b)) for name, (r, g, b) in tones.items()}


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)


def _oval(x: float, y: float, rx: float, ry: float, start: float = 0, stop: float = 360) -> Points:
    t = np.radians(np.linspace(start, stop, 28))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)


def _bar(x0: float, y0: float, x1: float, y1: float, width: float) -> Points:
    along = np.array((x1 - x0, y1 - y0))
    side = np.array((-along[1], along[0])) / np.hypot(*along) * width / 2
    a, b = np.array((x0, y0)), np.array((x1, y1))
    return np.array([a + side, b + side, b - side, a - side])


def _polygon(*points: tuple[float, float]) -> Points:
    return np.array(points, dtype=float)


def _mug() -> list[Part]:
    return [
        (_oval(0.22, 0.04, 0.28, 0.27), "body"),
        (_oval(0.22, 0.04, 0.14, 0.13), "hole"),
        (np.concatenate([_oval(-0.14, -0.32, 0.36, 0.13, 180, 360), _oval(-0.14, 0.34, 0.3, 0.13, 0, 180)]), "body"),
        (_oval(-0.14, -0.32, 0.36, 0.13), "light"),
        (_oval(-0.14, -0.31, 0.28, 0.08), "ink"),
        (_polygon((-0.44, 0.02), (0.17, 0.02), (0.16, 0.14), (-0.43, 0.14)), "cream"),
    ]


def _bottle() -> list[Part]:
    return [
        (_box(-0.11, -0.46, 0.11, -0.1), "body"),
        (np.concatenate([_oval(0, 0.0, 0.22, 0.2, 180, 360), _box(-0.22, 0, 0.22, 0.5)[[2, 3]]]), "body"),
        (_box(-0.13, -0.5, 0.13, -0.36), "ink"),
        (_box(-0.22, 0.08, 0.22, 0.3), "cream"),
        (_box(-0.12, 0.15, 0.12, 0.23), "shade"),
    ]


def _apple() -> list[Part]:
    t = np.linspace(0, 2 * np.pi, 40)
    dent = 0.4 * (
        1 - 0.32 * np.exp(-(((t - np.pi / 2) / 0.42) ** 2)) - 0.1 * np.exp(-(((t - 3 * np.pi / 2) / 0.3) ** 2))
    )
    outline = np.stack([1.12 * dent * np.cos(t), 0.08 - dent * np.sin(t)], axis=1)
    leaf = _polygon((0.03, -0.3), (0.12, -0.47), (0.38, -0.46), (0.26, -0.3))
    return [
        (outline, "body"),
        (leaf, "shade"),
        (_bar(0, -0.12, -0.06, -0.48, 0.11), "ink"),
        (_oval(-0.22, 0.0, 0.09, 0.13), "light"),
    ]


def _banana() -> list[Part]:
    outer, inner = _oval(0, -0.36, 0.5, 0.66, 10, 170), _oval(0, -0.4, 0.36, 0.36, 168, 12)
    middle = np.concatenate([_oval(0, -0.37, 0.45, 0.55, 30, 150), _oval(0, -0.37, 0.42, 0.48, 150, 30)])
    return [
        (np.concatenate([outer, inner]), "body"),
        (middle, "shade"),
        (_polygon((-0.52, -0.26), (-0.34, -0.34), (-0.36, -0.48), (-0.5, -0.46)), "ink"),
        (_polygon((0.5, -0.24), (0.35, -0.3), (0.41, -0.4), (0.51, -0.38)), "ink"),
    ]


def _pear() -> list[Part]:
    return [
        (_oval(0, 0.2, 0.34, 0.3), "body"),
        (_polygon((-0.31, 0.1), (-0.17, -0.2), (0.17, -0.2), (0.31, 0.1)), "body"),
        (_oval(0, -0.18, 0.175, 0.17), "body"),
        (_bar(0, -0.28, 0.08, -0.5, 0.1), "ink"),
        (_oval(-0.14, 0.18, 0.06, 0.13), "light"),
        (_oval(0.1, 0.12, 0.04, 0.04), "ink"),
        (_oval(0.18, 0.26, 0.04, 0.04), "ink"),
        (_oval(0.04, 0.34, 0.04, 0.04), "ink"),
    ]


def _book() -> list[Part]:
    return [
        (_box(-0.4, -0.5, 0.4, 0.5), "body"),
        (_box(-0.26, 0.36, 0.4, 0.46), "cream"),
        (_box(-0.4, -0.5, -0.26, 0.5), "shade"),
        (_box(-0.14, -0.34, 0.28, -0.22), "cream"),
        (_box(-0.14, -0.14, 0.28, -0.02), "cream"),
    ]


def _pencil() -> list[Part]:
    return [
        (_box(-0.14, -0.4, 0.14, 0.24), "body"),
        (_box(-0.14, -0.5, 0.14, -0.38), "ink"),
        (_box(-0.14, -0.36, 0.14, -0.3), "cream"),
        (_box(0.02, -0.28, 0.08, 0.22), "shade"),
        (_polygon((-0.14, 0.22), (0.14, 0.22), (0, 0.5)), "cream"),
        (_polygon((-0.06, 0.36), (0.06, 0.36), (0, 0.5)), "ink"),
    ]


def _ball() -> list[Part]:
    band = np.concatenate([_oval(0, -0.32, 0.6, 0.32, 145, 35), _oval(0, -0.12, 0.6, 0.32, 35, 145)])
    return [
        (_oval(0, 0, 0.5, 0.5), "body"),
        (np.clip(band, -0.47, 0.47), "cream"),
        (_oval(0, -0.3, 0.14, 0.1), "cream"),
        (_oval(0, 0.34, 0.13, 0.08), "ink"),
    ]


def _die() -> list[Part]:
    pips = [(x, y) for x in (-0.34, 0.08) for y in (-0.08, 0.34)] + [(-0.13, 0.13)]
    return [
        (_polygon((-0.5, -0.24), (-0.26, -0.5), (0.5, -0.5), (0.24, -0.24)), "light"),
        (_polygon((0.24, -0.24), (0.5, -0.5), (0.5, 0.24), (0.24, 0.5)), "shade"),
        (_box(-0.5, -0.24, 0.24, 0.5), "body"),
        *((_oval(x, y, 0.08, 0.08), "ink") for x, y in pips),
    ]


def _kite() -> list[Part]:
    return [
        (_polygon((0, -0.5), (0.36, -0.12), (0, 0.3), (-0.36, -0.12)), "body"),
        (_polygon((0, -0.5), (0.36, -0.12), (0, -0.12)), "shade"),
        (_bar(-0.36, -0.12, 0.36, -0.12, 0.07), "cream"),
        (_bar(0, -0.5, 0, 0.3, 0.07), "cream"),
        (_polygon((0, 0.26), (0.22, 0.36), (0.22, 0.5), (0, 0.42), (-0.22, 0.5), (-0.22, 0.36)), "ink"),
    ]


def _candle() -> list[Part]:
    flame = _polygon((0, -0.5), (0.12, -0.3), (0.08, -0.19), (-0.08, -0.19), (-0.12, -0.3))
    return [
        (_oval(0, 0.4, 0.38, 0.1), "shade"),
        (_box(-0.18, -0.14, 0.18, 0.4), "body"),
        (_oval(0, 0.4, 0.18, 0.05), "body"),
        (_oval(0, -0.14, 0.18, 0.06), "light"),
        (_polygon((-0.18, -0.12), (-0.04, -0.12), (-0.06, 0.1), (-0.12, 0.16), (-0.18, 0.08)), "cream"),
        (flame, "glow"),
        (_bar(0, -0.26, 0, -0.12, 0.07), "ink"),
    ]


def _lamp() -> list[Part]:
    return [
        (_box(-0.08, -0.05, 0.08, 0.42), "body"),
        (np.concatenate([_oval(0, 0.46, 0.3, 0.18, 180, 360), _box(-0.3, 0.46, 0.3, 0.5)[[2, 3]]]), "body"),
        (_polygon((-0.22, -0.5), (0.22, -0.5), (0.44, 0.06), (-0.44, 0.06)), "body"),
        (_polygon((-0.405, -0.03), (0.405, -0.03), (0.44, 0.1), (-0.44, 0.1)), "glow"),
        (_box(-0.22, -0.5, 0.22, -0.42), "ink"),
    ]


def _clock() -> list[Part]:
    return [
        (_bar(-0.2, 0.3, -0.34, 0.5, 0.14), "ink"),
        (_bar(0.2, 0.3, 0.34, 0.5, 0.14), "ink"),
        (_oval(-0.28, -0.36, 0.17, 0.13), "shade"),
        (_oval(0.28, -0.36, 0.17, 0.13), "shade"),
        (_oval(0, 0.02, 0.44, 0.44), "body"),
        (_oval(0, 0.02, 0.28, 0.28), "cream"),
        (_bar(0, 0.05, 0, -0.22, 0.075), "body"),
        (_bar(-0.03, 0.02, 0.2, 0.02, 0.075), "body"),
    ]


def _hourglass() -> list[Part]:
    return [
        (_polygon((-0.3, -0.42), (0.3, -0.42), (0.06, 0), (0.3, 0.42), (-0.3, 0.42), (-0.06, 0)), "body"),
        (_polygon((-0.17, -0.26), (0.17, -0.26), (0, 0.0)), "cream"),
        (_polygon((-0.2, 0.4), (0.2, 0.4), (0, 0.18)), "cream"),
        (_box(-0.38, -0.5, 0.38, -0.36), "body"),
        (_box(-0.38, 0.36, 0.38, 0.5), "body"),
    ]


_DRAWERS: dict[str, Callable[[], list[Part]]] = {
    "mug": _mug,
    "bottle": _bottle,
    "apple": _apple,
    "banana": _banana,
    "pear": _pear,
    "book": _book,
    "pencil": _pencil,
    "ball": _ball,
    "die": _die,
    "kite": _kite,
    "candle": _candle,
    "lamp": _lamp,
    "clock": _clock,
    "hourglass": _hourglass,
}
_SHAPES = {category: drawer() for category, drawer in _DRAWERS.items()}
"""The parts of each category, back to front."""
