"""Spatial relations, with three answers: yes, no, and too close to call (None).

Thresholds are shares of the image's side. A comparison is only clear if all the readings that a person could choose
(centres or edges, seen or whole area) agree, so that no instruction depends on a pixel.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from workbench.tabletop.scenes import Scene

Direction = Literal["left", "right", "above", "below"]
Clear = Callable[[int, int], bool]
"""Whether the first of two objects is clearly ahead of the second."""

_STEP = 0.05
_TO_THE_SIDE = 0.08
_NOT_TO_THE_SIDE = 0.02
_NEARER_RATIO = 1.2
_AREA_RATIO = 1.25
_BETWEEN_SPAN = 0.3


class Layout:
    """Centres, boxes and areas of a scene's objects, by index."""

    def __init__(self, scene: Scene) -> None:
        self.side = float(max(scene.image.shape[:2]))
        self.centres = np.array([o.centre for o in scene.objects])
        self.boxes = np.array([_box(o.mask) for o in scene.objects], dtype=float)
        self.whole = np.array([o.full_area for o in scene.objects], dtype=float)
        self.seen = np.array([o.mask.sum() for o in scene.objects], dtype=float)

    def beside(self, direction: Direction, a: int, reference: int) -> bool | None:
        """Whether `a` lies on that side of `reference`: within about 60 degrees of the direction for a yes."""
        dx, dy = (float(v) for v in self.centres[a] - self.centres[reference])
        return offset_verdict(direction, dx, dy, self.side)

    def between(self, a: int, first: int, second: int) -> bool | None:
        """Whether `a` lies between two references; None also where these are too close together."""
        line = self.centres[second] - self.centres[first]
        span = float(np.hypot(*line))
        if span < _BETWEEN_SPAN * self.side:
            return None
        offset = self.centres[a] - self.centres[first]
        share = float(offset @ line) / span**2
        aside = abs(float(offset[0] * line[1] - offset[1] * line[0])) / span**2
        if 0.2 <= share <= 0.8 and aside <= 0.18:
            return True
        return False if share <= -0.05 or share >= 1.05 or aside >= 0.45 else None

    def further(self, direction: Direction) -> Clear:
        """Further to that side, by centre and by the outer edge."""
        edge, sign = {"left": (0, -1), "right": (2, 1), "above": (1, -1), "below": (3, 1)}[direction]

        def clear(a: int, b: int) -> bool:
            ahead, _ = self._offset(direction, a, b)
            edges = sign * (self.boxes[a][edge] - self.boxes[b][edge])
            return bool(ahead >= _STEP * self.side and edges >= 0)

        return clear

    def larger(self, a: int, b: int) -> bool:
        """Larger as a whole and in what is seen of it."""
        return bool(self.whole[a] >= _AREA_RATIO * self.whole[b] and self.seen[a] >= _AREA_RATIO * self.seen[b])

    def nearer(self, reference: int) -> Clear:
        """Nearer to the reference, by centre and by the gap between the boxes."""

        def clear(a: int, b: int) -> bool:
            near, far = self._distance(a, reference), self._distance(b, reference)
            apart = far >= max(_NEARER_RATIO * near, near + _STEP * self.side)
            return apart and self._gap(a, reference) <= self._gap(b, reference)

        return clear

    def _offset(self, direction: Direction, a: int, b: int) -> tuple[float, float]:
        dx, dy = (float(v) for v in self.centres[a] - self.centres[b])
        return _along(direction, dx, dy)

    def _distance(self, a: int, b: int) -> float:
        return float(np.hypot(*(self.centres[a] - self.centres[b])))

    def _gap(self, a: int, b: int) -> float:
        p, q = self.boxes[a], self.boxes[b]
        return float(np.hypot(max(p[0] - q[2], q[0] - p[2], 0), max(p[1] - q[3], q[1] - p[3], 0)))


def offset_verdict(direction: Direction, dx: float, dy: float, side: float) -> bool | None:
    """Whether what lies at this offset in pixels from a reference is on that side of it, see `Layout.beside`."""
    along, across = _along(direction, dx, dy)
    if along >= _TO_THE_SIDE * side and abs(across) <= 1.8 * along:
        return True
    return False if along <= -_NOT_TO_THE_SIDE * side else None


def _along(direction: Direction, dx: float, dy: float) -> tuple[float, float]:
    """An offset along a direction, and across it."""
    return {"left": (-dx, dy), "right": (dx, dy), "above": (-dy, dx), "below": (dy, dx)}[direction]


def first(indices: Sequence[int], clear: Clear, count: int) -> tuple[int, ...] | None:
    """The `count` objects that are clearly ahead of all others, or None where no such set exists."""
    behind = {a: sum(clear(a, b) for b in indices if b != a) for a in indices}
    ranked = sorted(indices, key=lambda a: -behind[a])
    lead, rest = ranked[:count], ranked[count:]
    if all(clear(a, b) for a in lead for b in rest):
        return tuple(sorted(lead))
    return None


def nth(indices: Sequence[int], clear: Clear, position: int) -> int | None:
    """The object at a position, counted from 1, if it and all objects ahead of it are clear; otherwise None."""
    until, before = first(indices, clear, position), first(indices, clear, position - 1)
    if until is None or before is None:
        return None
    (index,) = set(until) - set(before)
    return index


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    xs, ys = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
