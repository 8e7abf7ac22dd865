"""What one tab of the page shows: a question, its two answers, and the masks that are chosen to be kept."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.data.masks import iou_matrix
from workbench.demo.side import Mask, Side

Key = tuple[int, int]
"""The place of a side, 0 or 1, and the number of a mask in it."""
SAME, DOUBTFUL = 0.9, 0.5
"""IoU from which two masks are the same, and from which they may be of the same thing."""


@dataclass(frozen=True)
class Session:
    """`picture`: the file that was asked about. `base`: the side whose shown masks are chosen, also those that appear
    later; None where none is. `chosen`: the masks to be kept."""

    picture: Path
    instruction: str
    sides: tuple[Side, ...]
    base: int | None = None
    chosen: frozenset[Key] = frozenset()

    @property
    def available(self) -> list[Key]:
        """The masks that can be chosen: those that are shown on either side."""
        return [(place, one.number) for place, side in enumerate(self.sides) for one in side.shown]

    @property
    def kept(self) -> list[Key]:
        """The chosen masks in order."""
        return [key for key in self.available if key in self.chosen]

    def mask(self, key: Key) -> Mask:
        """The mask of a key."""
        return self.sides[key[0]].mask(key[1])

    def with_side(self, place: int, side: Side) -> "Session":
        """With another state of a side. Masks that are no longer shown are no longer chosen; those that appear are
        where their side was accepted."""
        before = set(self.available)
        after = replace(self, sides=tuple(side if n == place else one for n, one in enumerate(self.sides)))
        now = set(after.available)
        new = {key for key in now - before if key[0] == self.base}
        return replace(after, chosen=frozenset(self.chosen & now | new))

    def accepting(self, base: int | None) -> "Session":
        """With all shown masks of one side chosen, or of none, and nothing else."""
        return replace(self, base=base, chosen=frozenset(key for key in self.available if key[0] == base))

    def choosing(self, keys: Iterable[Key]) -> "Session":
        """With exactly these masks chosen, of those that are shown."""
        return replace(self, chosen=frozenset(keys) & frozenset(self.available))

    def called(self, key: Key) -> str:
        """What a mask is called beside those of the other side."""
        return f"{'left' if key[0] == 0 else 'right'} {key[1]}"

    def alike(self, limit: float = DOUBTFUL) -> list[tuple[Key, Key, float]]:
        """Pairs of chosen masks with at least this IoU, and their IoU."""
        keys = self.kept
        rles = [self.mask(key).rle for key in keys]
        ious = iou_matrix(rles, rles)
        pairs = ((a, b) for a in range(len(keys)) for b in range(a + 1, len(keys)))
        return [(keys[a], keys[b], float(ious[a, b])) for a, b in pairs if ious[a, b] >= limit]


def begun(picture: Path, instruction: str, sides: tuple[Side, ...]) -> Session:
    """A question with its answers; of those that are answers, the first is accepted."""
    session = Session(picture, instruction, sides)
    return session.accepting(next((place for place, side in enumerate(sides) if side.answer.ok), None))
