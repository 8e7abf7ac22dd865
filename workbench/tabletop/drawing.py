"""What each category looks like: polygons in a unit box, painted in order.

Coordinates: x to the right, y down, the longer side of the shape spans about -0.5 to 0.5. Every part is a polygon with
a role that decides its colour, so a shape can be turned and scaled as points and painted once.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workbench.tabletop import first_shapes, second_shapes

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


_SHAPES = {category: drawer() for category, drawer in (first_shapes.DRAWERS | second_shapes.DRAWERS).items()}
"""The parts of each category, back to front."""
