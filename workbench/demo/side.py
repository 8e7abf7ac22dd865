"""One of the two answers on the page: which of its masks are shown, under a score threshold that can be moved.

No system is asked again. A lower threshold shows masks that the system stored although they scored too low; what it
dropped for another reason can be added by hand.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.asking.answer import Answer
from workbench.asking.drawing import fitted, scaled, shown_side
from workbench.data import masks
from workbench.data.conditions import Conditions
from workbench.data.masks import Rle
from workbench.data.vocabulary import title
from workbench.scoring.curves import LOW, known

MOST_DROPPED = 24
"""Masks dropped for other reasons than their score that can be added."""


@dataclass(frozen=True)
class Mask:
    """A mask that a system saw. `number`: from 1 on, instances of the answer first, then by falling score. `share`: of
    the picture. `dropped`: why it is not in the answer, empty for an instance. `by_score`: whether the threshold
    decides about it."""

    number: int
    rle: Rle
    score: float
    share: float
    dropped: str = ""
    phrase: str = ""
    by_score: bool = True
    on_screen: Rle | None = None
    """The mask at the size of `Side.screen`."""

    @property
    def label(self) -> str:
        """What is said of it where it can be switched on and off."""
        why = "" if self.by_score else f" · {title(self.dropped)}"
        phrase = f" · “{self.phrase}”" if self.phrase and not self.by_score else ""
        return f"{self.number} · {self.score:.2f} · {self.share:.1%}{why}{phrase}"


@dataclass(frozen=True)
class Side:
    """An answer with all masks that its system saw, and what of it is shown. `known_from`: the lowest threshold at
    which the answer is known. `off`: numbers of instances that were switched off; `added`: of dropped masks that were
    switched on. `first`: whether it is the first answer of its system since that was loaded, which takes longer."""

    answer: Answer
    masks: tuple[Mask, ...]
    known_from: float
    threshold: float
    off: frozenset[int] = frozenset()
    added: frozenset[int] = frozenset()
    first: bool = False
    screen: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8), compare=False)
    """The picture `[h, w, 3]` at a size for screens. What is drawn is drawn on it, so that a large picture is scaled
    once, and its masks decoded once."""

    @property
    def above(self) -> list[Mask]:
        """The instances above the threshold, whether they are switched on or not."""
        return [one for one in self.masks if one.by_score and one.score > self.threshold]

    @cached_property
    def addable(self) -> list[Mask]:
        """The masks that were dropped for another reason than their score, best first."""
        found = [one for one in self.masks if not one.by_score and one.share]
        return sorted(found, key=lambda one: -one.score)[:MOST_DROPPED]

    @property
    def shown(self) -> list[Mask]:
        """The masks that are drawn."""
        on = [one for one in self.above if one.number not in self.off]
        return [*on, *(one for one in self.addable if one.number in self.added)]

    def at(self, threshold: float) -> "Side":
        """With another score threshold."""
        return replace(self, threshold=threshold)

    def switched(self, numbers: frozenset[int]) -> "Side":
        """With exactly these of the instances above the threshold switched on."""
        listed = {one.number for one in self.above}
        return replace(self, off=(self.off - listed) | (listed - numbers))

    def adding(self, numbers: frozenset[int]) -> "Side":
        """With exactly these of the dropped masks switched on."""
        return replace(self, added=numbers)

    def mask(self, number: int) -> Mask:
        """The mask with this number."""
        return self.masks[number - 1]


def side_of(answer: Answer, conditions: Conditions | None = None, first: bool = False) -> Side:
    """An answer as it was given; `conditions` are those of its system, `first` as in `Side`."""
    about = known([answer.prediction], conditions)
    rising = answer.ok and about.lowest < about.operating
    stored = sorted(answer.prediction.candidates, key=lambda one: -one.score)
    rles = [*(one.mask for one in answer.instances), *(one.mask for one in stored)]
    pixels = answer.pixels.shape[0] * answer.pixels.shape[1]
    shares = [area / pixels for area in masks.areas(rles)]
    screen = scaled(answer.pixels, shown_side(answer.pixels.shape[1], answer.pixels.shape[0]))
    shown = [masks.encode(fitted(masks.decode(rle), screen.shape[1], screen.shape[0])) for rle in rles]
    seen = [
        Mask(number, one.mask, one.score, shares[number - 1], on_screen=shown[number - 1])
        for number, one in enumerate(answer.instances, 1)
    ]
    seen += [
        Mask(
            number,
            one.mask,
            one.score,
            shares[number - 1],
            one.dropped,
            one.phrase,
            rising and one.dropped == LOW,
            shown[number - 1],
        )
        for number, one in enumerate(stored, len(seen) + 1)
    ]
    trusted = about.stated or rising
    # where nothing is known of a threshold, all instances are above it, also those that score 0
    threshold = about.operating if trusted else min(0.0, about.operating)
    return Side(answer, tuple(seen), about.lowest if trusted else 0.0, threshold, first=first, screen=screen)
