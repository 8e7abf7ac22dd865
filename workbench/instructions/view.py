"""A picture as the instructions see it: nouns and colours that are true of its objects, and those that are not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.instructions.layout import PictureLayout
from workbench.instructions.nouns import Noun
from workbench.instructions.objects import Annotated
from workbench.tabletop.wording import pick

Colours = Sequence[Mapping[str, bool | None]]
"""For each thing, whether it has a colour: yes, no, or not clear."""


@dataclass(frozen=True)
class Called:
    """A noun with a colour in front, or with none."""

    noun: Noun
    colour: str | None = None

    def say(self, plural: bool) -> str:
        return f"{self.colour} {self.noun.say(plural)}" if self.colour else self.noun.say(plural)


@dataclass(frozen=True)
class Draft:
    """What is asked (finished text), and which things answer it."""

    text: str
    targets: tuple[int, ...]


class View:
    """`named`: all that can be said, with the indices of every thing that it names. `absent`: what names nothing here.
    A colour is said only of a category for each of whose instances it is clear whether it has the colour.
    """

    def __init__(self, picture: Annotated, colours: Colours) -> None:
        self.picture = picture
        self.layout = PictureLayout([thing.mask for thing in picture.things], picture.width, picture.height)
        self.colours = colours
        self.named: dict[Called, tuple[int, ...]] = {}
        self.absent = [Called(noun) for noun in picture.absent]
        for category, noun in picture.clear.items():
            indices = tuple(i for i, thing in enumerate(picture.things) if thing.category == category)
            self.named[Called(noun)] = indices
            if noun.coloured:
                self._add_colours(noun, indices)

    def choose(
        self, rng: np.random.Generator, fits: Callable[[Called, tuple[int, ...]], bool]
    ) -> tuple[Called, tuple[int, ...]] | None:
        """Something that can be said, with the things it names; colours come second."""
        options = [(called, indices) for called, indices in self.named.items() if fits(called, indices)]
        plain = [option for option in options if option[0].colour is None]
        if not options:
            return None
        return pick(rng, plain if plain and rng.random() < 0.7 else options)

    def several(self, rng: np.random.Generator, least: int = 2) -> tuple[Called, tuple[int, ...]] | None:
        """Something that names at least so many things, of which one and several can be told apart in words."""
        return self.choose(rng, lambda called, indices: called.noun.counted and len(indices) >= least)

    def missing(self, rng: np.random.Generator, colours: bool = True, compared: bool = False) -> Called | None:
        """Something that names nothing here: about every second time a colour that none of a category has. `compared`:
        one and several of it can be told apart in words, and of a category that is there, there are several."""
        options = [called for called in self.absent if colours or not called.colour]
        if compared:
            single = {called.noun for called, indices in self.named.items() if not called.colour and len(indices) == 1}
            options = [called for called in options if called.noun.counted and called.noun not in single]
        coloured = [called for called in options if called.colour]
        if not options:
            return None
        return pick(rng, coloured if coloured and rng.random() < 0.5 else options)

    def reference(self, rng: np.random.Generator, index: int, beside: Noun) -> str | None:
        """Words that name this thing and no other, to compare it with things of the noun `beside`; None where there
        are none. Of the same noun only a colour tells it from them."""
        unique = [called for called, indices in self.named.items() if indices == (index,)]
        telling = [called for called in unique if called.colour or called.noun != beside]
        return f"the {pick(rng, telling).say(False)}" if telling else None

    def _add_colours(self, noun: Noun, indices: tuple[int, ...]) -> None:
        for colour in self.colours[indices[0]] if self.colours else ():
            verdicts = [self.colours[i][colour] for i in indices]
            if None in verdicts:
                continue
            having = tuple(i for i, verdict in zip(indices, verdicts, strict=True) if verdict)
            if having:
                self.named[Called(noun, colour)] = having
            else:
                self.absent.append(Called(noun, colour))
