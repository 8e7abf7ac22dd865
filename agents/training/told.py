"""Instructions whose answers are known, from drawn scenes or from any source of pictures with questions."""

import re
from dataclasses import dataclass

import numpy as np

from workbench.data.masks import Rle, encode, encode_all
from workbench.foundations.training.data.options import TABLETOP, SourceOptions
from workbench.foundations.training.data.questions import Picture, Question, worded
from workbench.foundations.training.data.sources import Ask, Endless
from workbench.plugins.interfaces import Image
from workbench.tabletop import phrases
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.phrases import Phrase
from workbench.tabletop.scenes import Scene, make_scene
from workbench.tabletop.training_phrases import held_out
from workbench.tabletop.vocabulary import CATEGORIES

STREAM = 0xA6E27  # apart from every seed that other scenes are drawn with
_BEHIND = re.compile(
    r"[,;:]|\b(?:in|on|at|of|with|without|by|near|under|over|behind|before|beside|between|next|to|that|which|who|whose|"
    r"from|for|wearing|holding|sitting|standing)\b",
    re.IGNORECASE,
)
"""What the noun of a phrase stands before."""
_ARTICLES = frozenset({"a", "an", "the", "all", "any", "every", "each", "some", "this", "that", "these", "those"})


@dataclass(frozen=True)
class Told:
    """An instruction about an image, the masks that answer it, and the phrases to ask for: the best first, then wider
    ones, in case a segmenter finds nothing. `said`: what the language model of a stored run replied, in order."""

    image: Image
    text: str
    targets: tuple[Rle, ...]
    phrases: tuple[str, ...]
    said: tuple[str, ...] = ()


def of_scene(scene: Scene, asked: Instruction) -> Told:
    """An instruction about a scene of tabletop."""
    targets = tuple(encode(scene.objects[i].mask) for i in asked.targets)
    return Told(scene.image, asked.text, targets, tuple(wider(asked.phrase)))


def of_question(picture: Picture, question: Question) -> Told:
    """A question about a picture of any source."""
    known = wider if picture.scene else shorter
    return Told(picture.image, question.text, tuple(encode_all(question.masks)), tuple(known(question.phrase)))


def wider(text: str) -> list[str]:
    """The phrase, then wider ones: without its size, without its colour, with the kind in place of the category, any
    object.
    """
    phrase = phrases.parse(text)
    kind = CATEGORIES[phrase.noun].kind if phrase.noun in CATEGORIES else phrase.noun
    steps = [phrase, Phrase(phrase.noun, phrase.colour), Phrase(phrase.noun), Phrase(kind), Phrase(phrases.ANYTHING)]
    return list(dict.fromkeys(map(str, steps)))


def shorter(text: str) -> list[str]:
    """The phrase, then what is left of it without what follows its noun, and without one word before it after the
    other: "the small cup on the left", "small cup", "cup".
    """
    noun = _BEHIND.split(text.strip(), maxsplit=1)[0].split() or text.split()
    while len(noun) > 1 and noun[0].lower() in _ARTICLES:
        noun = noun[1:]
    return list(dict.fromkeys([text.strip(), *(" ".join(noun[start:]) for start in range(len(noun)))]))


@dataclass(frozen=True)
class AgentScenes(Endless):
    """Scenes of tabletop that are drawn as they are needed, as a source beside others."""

    seed: int
    image_size: int
    count: int
    options: SourceOptions

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        """A scene and the instructions that are drawn with it."""
        del ask
        drawn = np.random.default_rng([STREAM, self.seed, number, 1])
        scene = make_scene(drawn, self.image_size, "train")
        asked = [
            Question(one.text, one.phrase, _masks(scene, one))
            for one in instructions(scene, drawn, self.count)
            if not held_out(phrases.parse(one.phrase))
        ]
        questions = [worded(one, self.options.templates, rng) for one in asked]
        return Picture(scene.image, questions, self.options.name or TABLETOP, str(number), scene)


def _masks(scene: Scene, asked: Instruction) -> "np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]":
    return np.stack([thing.mask for thing in scene.objects])[list(asked.targets)]
