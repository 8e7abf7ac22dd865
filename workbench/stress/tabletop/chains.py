"""The axis of nested relations: "the mug left of the lamp above the clock"."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workbench.plugins.perturbations import Question, generated_axis
from workbench.stress.tabletop.drawn import ask, pair, places, seed, thing
from workbench.tabletop.composing import BASE, compose
from workbench.tabletop.geometry import Direction, Layout, offset_verdict
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES

TRIES = 4000
"""Arrangements that are tried for a scene; about one in a hundred is clear at all depths."""
LINKS = ((0, 6), (0, 2), (2, 6), (2, 4), (4, 6))
"""Two links each, of which the first lies on one side of the second, in the chains of all depths."""
DRAWN = 8
"""Arrangements that are drawn: what is seen of an object has its middle elsewhere than its box."""
_SAID: dict[Direction, str] = {"left": "left of", "right": "right of", "above": "above", "below": "below"}


@dataclass(frozen=True)
class _Chain:
    """Scene, the words of its objects, and in which direction the first of two links lies of the second."""

    scene: Scene
    words: Sequence[tuple[str, str]]
    steps: dict[tuple[int, int], Direction]


@generated_axis("Depth of relations", (0, 1, 2, 3), unit="relations", same_answer=True)
def relation_depth(size: int, level: float, rng: np.random.Generator) -> Question | None:
    """Two mugs, two lamps, two clocks and a kite: the same mug is asked for by its colour (0), by where it lies of the
    kite (1), of the one lamp that lies somewhere of the kite (2), and with a clock in between as well (3)."""
    words, surface, cells = _words(rng), seed(rng), places(rng, 4, 4)
    for _ in range(DRAWN):
        if (arranged := _arranged(cells, rng)) is None:
            return None
        things = [thing(rng, named, place, 24, "small") for named, place in zip(words, arranged, strict=True)]
        scene = compose(things, surface, size)
        found = {link: _only(Layout(scene).beside, *link) for link in LINKS}
        steps = {link: step for link, step in found.items() if step is not None}
        if len(steps) == len(LINKS):
            return _asked(_Chain(scene, words, steps), int(level))
    return None


def _asked(chain: _Chain, depth: int) -> Question:
    noun, colour = chain.words[0]
    text = f"the {colour} {noun}"
    if depth:
        route = [0, *(2, 4)[: depth - 1], 6]
        text = f"the {noun}" + "".join(
            f" {_SAID[chain.steps[link]]} the {chain.words[link[1]][0]}" for link in pairwise(route)
        )
    return ask(chain.scene, text, [0], "relation depth", chain.words[0])


def _words(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Of the seven objects: 0, 2, 4 and 6 are the links of chains, and 1, 3 and 5 the others of their categories."""
    words = [pair(rng)]
    for place in range(1, 7):
        if place % 2:
            words.append(pair(rng, category=words[-1][0], without=(words[-1][1],)))
        else:
            kinds = {CATEGORIES[noun].kind for noun, _ in words}
            words.append(pair(rng, without=[noun for noun, c in CATEGORIES.items() if c.kind in kinds]))
    return words


def _arranged(cells: Sequence[tuple[float, float]], rng: np.random.Generator) -> list[tuple[float, float]] | None:
    """Seven of the places, at which every pair of links is clear; None where there was no such arrangement."""
    for _ in range(TRIES):
        at = [cells[i] for i in rng.permutation(len(cells))[:7]]

        def beside(direction: Direction, a: int, b: int, at: Sequence[tuple[float, float]] = at) -> bool | None:
            return offset_verdict(direction, at[a][0] - at[b][0], at[a][1] - at[b][1], BASE)

        if all(_only(beside, *link) for link in LINKS):
            return at
    return None


def _only(beside: Callable[[Direction, int, int], bool | None], a: int, reference: int) -> Direction | None:
    """A direction in which `a` clearly lies of the reference, and the other of its category (`a` + 1) clearly not."""
    for direction in _SAID:
        if beside(direction, a, reference) is True and beside(direction, a + 1, reference) is False:
            return direction
    return None
