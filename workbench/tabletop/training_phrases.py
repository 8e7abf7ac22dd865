"""Which noun phrases are asked about a training scene."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workbench.tabletop.phrases import ANYTHING, Named, Phrase
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, HELD_OUT, KINDS, SIZES

_CHANGED = 0.45
_LEVELS: tuple[list[str], ...] = (list(CATEGORIES), list(KINDS), [*CATEGORIES, *KINDS, ANYTHING])


def held_out(phrase: Phrase) -> bool:
    """Whether the phrase names a combination that only test scenes have.

    Training never asks for such phrases: they would be absent every time, and a model would learn exactly that.
    """
    return (phrase.noun, phrase.colour) in HELD_OUT


def present_phrase(objects: Sequence[Named], rng: np.random.Generator) -> Phrase:
    """A phrase that names one of the objects, half of them by category."""
    named = objects[int(rng.integers(len(objects)))]
    noun = rng.choice([named.category, CATEGORIES[named.category].kind, ANYTHING], p=[0.5, 0.25, 0.25])
    colour = named.colour if rng.random() < 0.55 else None
    return Phrase(str(noun), colour, named.size if rng.random() < 0.3 else None)


def any_phrase(objects: Sequence[Named], rng: np.random.Generator) -> Phrase:
    """A phrase for one of the objects; in 45 % of the cases one word is changed. In all, a third of the phrases name
    nothing in the scene, so that each form of phrase is also met absent.
    """
    phrase = present_phrase(objects, rng)
    return _changed(phrase, rng) if rng.random() < _CHANGED else phrase


def _changed(phrase: Phrase, rng: np.random.Generator) -> Phrase:
    """The phrase with another noun of its level, colour or size; the noun is changed twice as often as another word."""
    nouns = next(level for level in _LEVELS if phrase.noun in level)
    parts = ["noun", "noun", *(["colour"] if phrase.colour else []), *(["size"] if phrase.size else [])]
    while True:
        part = parts[int(rng.integers(len(parts)))]
        words = {"noun": nouns, "colour": list(COLOURS), "size": list(SIZES)}[part]
        other = replace(phrase, **{part: words[int(rng.integers(len(words)))]})
        if other != phrase and not held_out(other):
            return other
