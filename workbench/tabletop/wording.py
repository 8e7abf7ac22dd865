"""How instructions are worded: nouns in singular and plural, numbers, and the sentences around a noun phrase."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from workbench.tabletop.phrases import ANYTHING, Phrase
from workbench.tabletop.worlds import CATEGORIES, KINDS

T = TypeVar("T")

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth")

_ANYTHING_WORDS = (("object", "objects"), ("thing", "things"), ("item", "items"))
_SIZE_WORDS = {"small": ("small", "little"), "medium": ("medium-sized",), "large": ("large", "big")}

_ANY = (
    "{}",
    "{}",
    "segment {}",
    "Segment {}.",
    "Please segment {}.",
    "Could you segment {}?",
    "Can you segment {} in the image?",
    "Highlight {}.",
    "Please find {}.",
    "Mark {} for me.",
    "I need the mask of {}.",
    "Show me {}, please.",
    "Find {} in this picture.",
)
_CLOSING = tuple(sentence for sentence in _ANY if sentence.rstrip(".?").endswith("{}"))
_QUESTIONS = {False: ("Where is {}?", "Which one is {}?"), True: ("Where are {}?", "Which ones are {}?")}


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, uniformly."""
    return options[int(rng.integers(len(options)))]


def noun(phrase: Phrase, plural: bool, rng: np.random.Generator, *, mass: bool = False) -> str:
    """Say a noun phrase without article: "little red mugs", "piece of fruit"; `mass` allows "fruit" for several."""
    size = adjective(phrase.size, rng) if phrase.size else None
    return " ".join(word for word in (size, phrase.colour, _head(phrase.noun, plural, mass, rng)) if word)


def noun_behind(phrase: Phrase, plural: bool, rng: np.random.Generator) -> str:
    """Say a noun phrase with its colour behind: "mugs that are red"; without a colour the same as `noun`."""
    if phrase.colour is None:
        return noun(phrase, plural, rng)
    head = noun(Phrase(phrase.noun, None, phrase.size), plural, rng)
    return f"{head} {'that are' if plural else 'that is'} {phrase.colour}"


def adjective(word: str, rng: np.random.Generator) -> str:
    """Say a colour or a size."""
    return pick(rng, _SIZE_WORDS.get(word, (word,)))


def indefinite(text: str) -> str:
    """With "a" or "an" in front."""
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def request(text: str, rng: np.random.Generator, *, plural: bool, question: bool = True) -> str:
    """Put a noun phrase into a request, a polite question, or leave it bare; `question` allows "Where is ...?"."""
    if question and rng.random() < 0.15:
        return pick(rng, _QUESTIONS[plural]).format(text)
    return pick(rng, _CLOSING if "," in text else _ANY).format(text)


def _head(word: str, plural: bool, mass: bool, rng: np.random.Generator) -> str:
    if word == ANYTHING:
        return pick(rng, _ANYTHING_WORDS)[plural]
    if word in CATEGORIES:
        return CATEGORIES[word].plural if plural else word
    if KINDS[word] != word:
        return KINDS[word] if plural else word
    if plural and mass:
        return word
    return f"pieces of {word}" if plural else f"piece of {word}"
