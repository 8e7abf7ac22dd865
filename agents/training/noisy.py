"""Segmenters that know the truth, and make errors like those of a real one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from agents.loop.tools import normalised
from agents.training.told import shorter
from workbench.data.masks import encode_all
from workbench.foundations.training.data.questions import Picture
from workbench.plugins.interfaces import Image, PhraseMasks, Segmenter
from workbench.tabletop import phrases
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES


@dataclass(frozen=True)
class Thing:
    """Something in a picture: its mask, whether a phrase names it, and whether it is easily taken for what it names."""

    mask: NDArray[np.bool_]
    named: bool
    near: bool


class Noisy(ABC):
    """The true masks of a phrase, some missing, ragged or joined by wrong ones."""

    def __init__(self, rng: np.random.Generator, *, noise: float) -> None:
        self.rng, self.noise = rng, noise

    def identity(self) -> dict[str, Any]:
        return {"segmenter": "truth", "noise": self.noise}

    def encode(self, image: Image) -> Any:
        """Nothing: this segmenter does not look at the image."""
        return None

    def segment(self, features: Any, phrases: Sequence[str]) -> list[PhraseMasks]:
        """Masks by falling score."""
        return [self._answer(phrase) for phrase in phrases]

    @abstractmethod
    def things(self, phrase: str) -> Sequence[Thing]:
        """What is in the picture, as a phrase names it; nothing where the phrase says nothing to it."""

    def _answer(self, text: str) -> PhraseMasks:
        chosen, scores = [], []
        for thing in self.things(text):
            wrong = self.noise * (1.0 if thing.near else 0.2)
            if self.rng.random() < (1 - self.noise if thing.named else wrong):
                chosen.append(self._ragged(thing.mask))
                scores.append(self.rng.uniform(0.6, 0.99) if thing.named else self.rng.uniform(0.5, 0.8))
        order = np.argsort(scores)[::-1]
        masks = encode_all(np.stack([chosen[i] for i in order])) if chosen else []
        return PhraseMasks(masks, [float(scores[i]) for i in order])

    def _ragged(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        dice = self.rng.random()
        if self.noise == 0 or dice < 0.4:
            return mask
        other: NDArray[np.bool_] = binary_dilation(mask) if dice < 0.7 else binary_erosion(mask)
        return other if other.any() else mask


class NoisyTruth(Noisy):
    """Knows a scene of tabletop. A phrase that its grammar does not know names nothing."""

    def __init__(self, scene: Scene, rng: np.random.Generator, *, noise: float) -> None:
        super().__init__(rng, noise=noise)
        self.scene = scene

    def things(self, phrase: str) -> list[Thing]:
        """All objects of the scene; near are those of a like category or colour."""
        try:
            asked = phrases.parse(phrase)
        except ValueError:
            return []
        return [
            Thing(
                thing.mask,
                asked.matches(thing),
                asked.noun in (thing.category, CATEGORIES[thing.category].kind) or asked.colour == thing.colour,
            )
            for thing in self.scene.objects
        ]


class NoisyQuestions(Noisy):
    """Knows what is asked about a picture: a phrase names the targets of all questions whose answer it names."""

    def __init__(self, picture: Picture, rng: np.random.Generator, *, noise: float) -> None:
        super().__init__(rng, noise=noise)
        self.picture = picture

    def things(self, phrase: str) -> list[Thing]:
        """The targets of all questions, each once; near are those whose phrases have a word in common with it."""
        words = set(phrase.lower().split())
        found: dict[bytes, Thing] = {}
        for question in self.picture.questions:
            named = phrase.lower() in {form.lower() for form in shorter(question.phrase)}
            near = bool(words & set(question.phrase.lower().split()))
            for mask in question.masks:
                key = np.packbits(mask).tobytes()
                before = found.get(key, Thing(mask, False, False))
                found[key] = Thing(mask, named or before.named, near or before.near)
        return list(found.values())


class Remembering:
    """Gives the masks of a stored run for the phrases that it asked for, and another segmenter's for others."""

    def __init__(self, found: Mapping[str, PhraseMasks], other: Segmenter) -> None:
        self.found, self.other = found, other

    def identity(self) -> dict[str, Any]:
        return {"segmenter": "stored", "other": self.other.identity()}

    def encode(self, image: Image) -> Any:
        """The image: the other segmenter encodes it where it is needed."""
        return image

    def segment(self, features: Any, phrases: Sequence[str]) -> list[PhraseMasks]:
        """Masks by falling score."""
        return [self._answer(features, phrase) for phrase in phrases]

    def _answer(self, image: Image, phrase: str) -> PhraseMasks:
        known = self.found.get(normalised(phrase))
        return self.other.segment(self.other.encode(image), [phrase])[0] if known is None else known
