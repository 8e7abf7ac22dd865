"""A scene as the instructions see it: the noun phrases that are true of it, and those that are nearly true."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.tabletop.geometry import Layout
from workbench.tabletop.phrases import ANYTHING, Phrase, Words, family
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import World
from workbench.tabletop.wording import pick
from workbench.tabletop.worlds import CATEGORIES, KINDS

Form = Literal["single", "multi", "none"]
FORMS: tuple[Form, ...] = ("single", "multi", "none")
MAX_TARGETS = 10

T = TypeVar("T")

_family = cache(family)


@dataclass(frozen=True)
class Draft:
    """What is asked (finished text), which objects answer it, and the noun phrase of the class they are chosen from."""

    text: str
    targets: tuple[int, ...]
    phrase: Phrase


@cache
def _named_by(words: Words, world: World) -> NDArray[np.bool_]:
    """Which phrases of a world's family name an object of these words, `[phrases]`."""
    return np.array([phrase.matches(words) for phrase in _family(world)])


class View:
    """`phrases` maps every noun phrase that is true of something to the indices of all objects that it names."""

    def __init__(self, scene: Scene) -> None:
        self.world, self.objects = scene.world, scene.objects
        self.layout = Layout(scene)
        words = [Words(obj.category, obj.colour, obj.size) for obj in self.objects]
        named, every = np.stack([_named_by(said, self.world) for said in words], axis=1), _family(self.world)
        self.phrases = {
            every[row]: tuple(np.flatnonzero(named[row]).tolist()) for row in np.flatnonzero(named.any(axis=1))
        }

    def choose(
        self, rng: np.random.Generator, fits: Callable[[Phrase, tuple[int, ...]], bool]
    ) -> tuple[Phrase, tuple[int, ...]] | None:
        """A phrase that is true of something, with the objects it names."""
        options = [(phrase, indices) for phrase, indices in self.phrases.items() if fits(phrase, indices)]
        return weighted(rng, options, lambda option: option[0]) if options else None

    def near_miss(self, rng: np.random.Generator, fits: Callable[[Phrase], bool]) -> Phrase | None:
        """A phrase that names nothing here but is one word away from one that does."""
        absent: dict[Phrase, None] = {}
        for phrase in self.phrases:
            absent.update((other, None) for other in _one_word_away(phrase, self.world) if other not in self.phrases)
        options = [phrase for phrase in absent if fits(phrase)]
        return weighted(rng, options, lambda phrase: phrase) if options else None

    def reference(self, rng: np.random.Generator, index: int) -> Phrase | None:
        """A shortest phrase with a category that names this object and no other."""
        unique = [p for p, indices in self.phrases.items() if indices == (index,) and p.noun in CATEGORIES]
        shortest = [p for p in unique if length(p) == min(map(length, unique))]
        return pick(rng, shortest) if shortest else None


def fits_form(targets: tuple[int, ...], form: Form) -> bool:
    """Whether that many targets make an instruction of that form."""
    low, high = {"single": (1, 1), "multi": (2, MAX_TARGETS), "none": (0, 0)}[form]
    return low <= len(targets) <= high


def length(phrase: Phrase) -> int:
    """Number of words."""
    return len(str(phrase).split())


def weighted(rng: np.random.Generator, options: list[T], phrase_of: Callable[[T], Phrase]) -> T:
    """One of the options; categories come before kinds, kinds before "object", and short phrases before long ones."""
    weights = np.array([_weight(phrase_of(option)) for option in options])
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]


def _weight(phrase: Phrase) -> float:
    rank = 4.0 if phrase.noun in CATEGORIES else 2.0 if phrase.noun in KINDS else 0.7
    return rank * (0.4 if length(phrase) > 2 else 1.0)


def _one_word_away(phrase: Phrase, world: World) -> Iterator[Phrase]:
    """Phrases with another colour, the opposite size, or a noun of the same rank (categories: of the same kind)."""
    if phrase.colour:
        yield from (Phrase(phrase.noun, colour, phrase.size) for colour in world.colours)
    if phrase.size in ("small", "large"):
        yield Phrase(phrase.noun, phrase.colour, "large" if phrase.size == "small" else "small")
    if phrase.noun in KINDS:
        yield from (Phrase(kind, phrase.colour, phrase.size) for kind in world.kinds)
    elif phrase.noun != ANYTHING:
        kind = CATEGORIES[phrase.noun].kind
        yield from (Phrase(n, phrase.colour, phrase.size) for n, c in world.categories.items() if c.kind == kind)
