"""Where objects lie in a picture and how they compare, with three answers: yes, no, and too close to call (None).

The margins of tabletop (`workbench.tabletop.geometry`) are kept, and more is asked, because objects of photographs are
large, hide each other and are cut off: centres and edges have to agree.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.masks import Rle
from workbench.tabletop.geometry import Clear, Direction, Layout

Side = Literal["left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")
_EDGE: dict[Direction, tuple[int, int]] = {"left": (0, -1), "right": (2, 1), "above": (1, -1), "below": (3, 1)}
"""The edge of a box that lies ahead in a direction, and the sign of that direction."""
_AHEAD = 0.01
_NEARER = 0.02
_CUT = 0.03


class PictureLayout(Layout):
    """Centres, boxes and areas of the objects of a picture, by index. What is behind others is not known: the box
    stands for the whole of an object."""

    def __init__(self, rles: Sequence[Rle], width: int, height: int) -> None:
        self.width, self.height, self.side = width, height, float(max(width, height))
        decoded = [masks.decode(rle) for rle in rles]
        self.centres = np.array([_centre(mask) for mask in decoded]).reshape(-1, 2)
        found = np.array([masks.bounding_box(rle) for rle in rles]).reshape(-1, 4)
        self.boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
        self.whole = found[:, 2] * found[:, 3]
        self.seen = np.array([mask.sum() for mask in decoded], dtype=float)
        self._touched = [_touched(mask) for mask in decoded]

    def beside(self, direction: Direction, a: int, reference: int) -> bool | None:
        """As in tabletop; each centre also lies outside the box of the other, for a yes and for a no."""
        verdict = super().beside(direction, a, reference)
        forward, backward = self._past(direction, a, reference), self._past(direction, reference, a)
        if verdict:
            return True if forward else None
        return False if verdict is False and backward else None

    def between(self, a: int, first: int, second: int) -> bool | None:
        """As in tabletop; for a yes, neither centre of the two lies in the box of `a`, nor its own in theirs."""
        verdict = super().between(a, first, second)
        apart = all(not self._holds(a, one) and not self._holds(one, a) for one in (first, second))
        return None if verdict and not apart else verdict

    def further(self, direction: Direction, in_a_row: bool = False) -> Clear:
        """As in tabletop, with a margin for the outer edge too: two objects that are cut off by the same edge of the
        picture are not compared. `in_a_row`: one that spans all of another has no place before or after it.
        """
        ahead, (edge, sign) = super().further(direction), _EDGE[direction]

        def clear(a: int, b: int) -> bool:
            edges = sign * (self.boxes[a][edge] - self.boxes[b][edge])
            back = (edge + 2) % 4
            spans = in_a_row and sign * (self.boxes[a][back] - self.boxes[b][back]) <= 0
            return ahead(a, b) and bool(edges >= _AHEAD * self.side and not spans)

        return clear

    def nearer(self, reference: int) -> Clear:
        """As in tabletop, with a margin for the gap too, and no deeper in the scene, as far as lower edges tell: what
        stands behind is not near to what it is seen beside."""
        near = super().nearer(reference)

        def clear(a: int, b: int) -> bool:
            gaps = self._gap(b, reference) - self._gap(a, reference)
            depths = abs(self.boxes[b][3] - self.boxes[reference][3]) - abs(self.boxes[a][3] - self.boxes[reference][3])
            return near(a, b) and bool(gaps >= _NEARER * self.side and depths >= -_NEARER * self.side)

        return clear

    def in_half(self, side: Side, a: int) -> bool | None:
        """Whether an object lies in that half of the picture, as a whole."""
        length = self.width if side in ("left", "right") else self.height
        first = 0 if side in ("left", "right") else 1
        low, high, centre = self.boxes[a][first], self.boxes[a][first + 2], self.centres[a][first]
        if side in ("right", "bottom"):
            low, high, centre = length - high, length - low, length - centre
        if high <= 0.52 * length and centre <= 0.45 * length:
            return True
        return False if low >= 0.48 * length and centre >= 0.55 * length else None

    def in_quarter(self, sides: tuple[Side, Side], a: int) -> bool | None:
        """Whether an object lies in that quarter of the picture, as a whole."""
        verdicts = [self.in_half(side, a) for side in sides]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def cut_off(self, side: Side, a: int) -> bool | None:
        """Whether an object touches that edge of the picture over some length, as one does that goes on behind it."""
        place = {"left": 0, "top": 1, "right": 2, "bottom": 3}[side]
        edge = self.boxes[a][place]
        gap = edge if place < 2 else (self.width if side == "right" else self.height) - edge
        if gap >= _CUT * self.side:
            return False
        return True if self._touched[a][side] >= max(4, _CUT * self.side) else None

    def _holds(self, a: int, b: int) -> bool:
        """Whether the centre of `b` lies in the box of `a`."""
        (x, y), box = self.centres[b], self.boxes[a]
        return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])

    def _past(self, direction: Direction, a: int, b: int) -> bool:
        """Whether the centre of `a` lies beyond the box of `b`, and that of `b` behind the box of `a`."""
        edge, sign = _EDGE[direction]
        axis, back = edge % 2, (edge + 2) % 4
        beyond = sign * (self.centres[a][axis] - self.boxes[b][edge]) >= 0
        behind = sign * (self.boxes[a][back] - self.centres[b][axis]) >= 0
        return bool(beyond and behind)


def _centre(mask: NDArray[np.bool_]) -> tuple[float, float]:
    ys, xs = np.nonzero(mask)
    return (float(xs.mean()), float(ys.mean())) if len(xs) else (0.0, 0.0)


def _touched(mask: NDArray[np.bool_]) -> dict[Side, int]:
    """Pixels of a mask on each edge of the picture."""
    return {
        "left": int(mask[:, 0].sum()),
        "right": int(mask[:, -1].sum()),
        "top": int(mask[0].sum()),
        "bottom": int(mask[-1].sum()),
    }
