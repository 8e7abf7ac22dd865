"""Conditions that an object meets or does not: where it lies in the picture, and where beside another object.

A condition comes with an answer for every candidate (yes, no, or too close to call) and with its words, which stand
behind a noun.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.instructions.layout import SIDES, Side
from workbench.instructions.nouns import Noun
from workbench.instructions.view import View
from workbench.tabletop.geometry import Direction
from workbench.tabletop.wording import pick

_BESIDE: dict[Direction, tuple[str, ...]] = {
    "left": ("further left in the picture than {}", "to the left of {} in the picture"),
    "right": ("further right in the picture than {}", "to the right of {} in the picture"),
    "above": ("higher up in the picture than {}",),
    "below": ("lower down in the picture than {}",),
}
DIRECTIONS: tuple[Direction, ...] = tuple(_BESIDE)
_QUARTERS: tuple[tuple[Side, Side], ...] = (("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right"))


@dataclass(frozen=True)
class Condition:
    """`verdicts` by thing; `words` stand behind a noun ("in the left half of the picture")."""

    verdicts: dict[int, bool | None]
    words: str

    @property
    def is_clear(self) -> bool:
        return None not in self.verdicts.values()

    def meeting(self, answer: bool) -> tuple[int, ...]:
        """The things for which the answer is this."""
        return tuple(i for i, verdict in self.verdicts.items() if verdict is answer)


def placed(view: View, rng: np.random.Generator, candidates: Sequence[int], noun: Noun) -> Condition:
    """Where in the picture: a half, a quarter, or cut off by an edge; the noun does not matter."""
    layout, roll, side = view.layout, rng.random(), pick(rng, SIDES)
    if roll < 0.25:
        words = pick(rng, ("cut off by the {} edge of the picture", "at the {} edge of the picture, cut off by it"))
        return Condition({i: layout.cut_off(side, i) for i in candidates}, words.format(side))
    if roll < 0.6:
        words = pick(rng, ("in the {} half of the picture", "completely in the {} half of the picture"))
        return Condition({i: layout.in_half(side, i) for i in candidates}, words.format(side))
    quarter = pick(rng, _QUARTERS)
    words = f"in the {quarter[0]} {quarter[1]} quarter of the picture"
    return Condition({i: layout.in_quarter(quarter, i) for i in candidates}, words)


def beside(view: View, rng: np.random.Generator, candidates: Sequence[int], noun: Noun) -> Condition | None:
    """On a side of an object that has a name of its own."""
    found = _reference(view, rng, candidates, noun)
    if found is None:
        return None
    index, said = found
    direction = pick(rng, DIRECTIONS)
    verdicts = {i: view.layout.beside(direction, i, index) for i in candidates}
    return Condition(verdicts, pick(rng, _BESIDE[direction]).format(said))


def between(view: View, rng: np.random.Generator, candidates: Sequence[int], noun: Noun) -> Condition | None:
    """Between two objects that have names of their own."""
    first, second = _reference(view, rng, candidates, noun), _reference(view, rng, candidates, noun)
    if first is None or second is None or first[0] == second[0]:
        return None
    verdicts = {i: view.layout.between(i, first[0], second[0]) for i in candidates}
    return Condition(verdicts, f"between {first[1]} and {second[1]}")


def _reference(view: View, rng: np.random.Generator, candidates: Sequence[int], noun: Noun) -> tuple[int, str] | None:
    """Something to compare with that is none of the candidates, and its name."""
    options = sorted({i for called, (i, *more) in view.named.items() if not more and i not in candidates})
    if not options:
        return None
    index = pick(rng, options)
    said = view.reference(rng, index, noun)
    return None if said is None else (index, said)
