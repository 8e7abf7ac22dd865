"""Polygons in a unit box, of which the shapes of objects are made. Coordinates: x to the right, y down."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""`[N, 2]` xy"""
Role = Literal["body", "shade", "light", "cream", "ink", "glow", "hole"]
Part = tuple[Points, Role]


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)


def oval(x: float, y: float, rx: float, ry: float, start: float = 0, stop: float = 360) -> Points:
    t = np.radians(np.linspace(start, stop, 28))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)


def bar(x0: float, y0: float, x1: float, y1: float, width: float) -> Points:
    along = np.array((x1 - x0, y1 - y0))
    side = np.array((-along[1], along[0])) / np.hypot(*along) * width / 2
    a, b = np.array((x0, y0)), np.array((x1, y1))
    return np.array([a + side, b + side, b - side, a - side])


def polygon(*points: tuple[float, float]) -> Points:
    return np.array(points, dtype=float)
