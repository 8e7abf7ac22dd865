"""Noun phrases of the form `[size] [colour] noun`, the concepts that a phrase segmenter is asked for.

The noun is a category ("mug"), a kind ("drinkware") or "object"; all words are singular.
"""

from dataclasses import dataclass
from typing import Protocol

from workbench.tabletop.vocabulary import FIRST, SIZES, World
from workbench.tabletop.worlds import CATEGORIES

ANYTHING = "object"


class Named(Protocol):
    """Anything with the three words of an object."""

    @property
    def category(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def size(self) -> str: ...


@dataclass(frozen=True)
class Words:
    """What an object is called, and nothing else of it."""

    category: str
    colour: str
    size: str


@dataclass(frozen=True)
class Phrase:
    """A parsed noun phrase; None where a word is not said."""

    noun: str
    colour: str | None = None
    size: str | None = None

    def __str__(self) -> str:
        return " ".join(word for word in (self.size, self.colour, self.noun) if word)

    def matches(self, obj: Named) -> bool:
        """Whether the phrase names the object."""
        return (
            self.noun in (ANYTHING, obj.category, CATEGORIES[obj.category].kind)
            and self.colour in (None, obj.colour)
            and self.size in (None, obj.size)
        )


def parse(text: str, world: World = FIRST) -> Phrase:
    """Read a phrase of the world's family; raises `ValueError` for any other text."""
    words = text.split()
    size = words.pop(0) if words and words[0] in SIZES else None
    colour = words.pop(0) if words and words[0] in world.colours else None
    if len(words) == 1 and (words[0] == ANYTHING or words[0] in world.categories or words[0] in world.kinds):
        return Phrase(words[0], colour, size)
    raise ValueError(f"expected `[size] [colour] noun` in words of the vocabulary, got {text!r}")


def matches(text: str, obj: Named) -> bool:
    """Whether a phrase of the family names the object."""
    return parse(text).matches(obj)


def noun_phrases(obj: Named) -> list[str]:
    """All phrases of the family that name the object, the most specific first."""
    return [
        str(Phrase(noun, colour, size))
        for noun in (obj.category, CATEGORIES[obj.category].kind, ANYTHING)
        for colour in (obj.colour, None)
        for size in (obj.size, None)
    ]


def family(world: World) -> tuple[Phrase, ...]:
    """Every phrase in the words of a world."""
    return tuple(
        Phrase(noun, colour, size)
        for noun in (*world.categories, *world.kinds, ANYTHING)
        for colour in (None, *world.colours)
        for size in (None, *SIZES)
    )


ALL_PHRASES: tuple[str, ...] = tuple(map(str, family(FIRST)))
"""Every phrase in the words of the first world, which the tiny models know."""
