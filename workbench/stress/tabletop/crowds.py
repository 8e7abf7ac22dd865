"""Axes of how many objects there are and of which kind: targets, distractors, look-alikes, density, a target gone."""

import numpy as np

from workbench.plugins.perturbations import Question, generated_axis
from workbench.stress.tabletop.drawn import ask, other_colours, others, pair, places, seed, thing
from workbench.tabletop.composing import BASE, compose
from workbench.tabletop.wording import pick


@generated_axis("Number of targets", (0, 1, 2, 3, 5, 8, 10, 12, 16, 20, 24), plain=1, unit="targets")
def targets(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "every red mug": 0 to 24 of them, small, beside three other objects; each level adds to the one below."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 6, 5)
    rest = [thing(rng, w, cells[i], 18, "small") for i, w in enumerate(others(rng, 3, *words))]
    wanted = [thing(rng, words, cells[3 + i], 18, "small") for i in range(24)][: int(level)]
    scene = compose([*rest, *wanted], surface, size)
    return ask(scene, f"every {words[1]} {words[0]}", range(3, 3 + len(wanted)), "targets", words)


@generated_axis("Distractors", (0, 1, 2, 4, 8, 12, 16, 20), unit="other objects")
def distractors(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "the red mug" beside 0 to 20 objects of other kinds and colours."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 5, 5)
    wanted = thing(rng, words, cells[0], 22, "small")
    rest = [thing(rng, w, cells[1 + i], 22, "small") for i, w in enumerate(others(rng, 20, *words))]
    scene = compose([wanted, *rest[: int(level)]], surface, size)
    return ask(scene, f"the {words[1]} {words[0]}", [0], "distractors", words)


@generated_axis("Look-alikes", (0, 1, 2, 4, 8, 12), unit="of 12 other objects")
def look_alikes(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "the red mug" among 12 objects, of which so many are mugs of another colour, and the others of other kinds."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 4, 4)
    wanted = thing(rng, words, cells[0], 24, "small")
    colours = other_colours(words[0], (words[1],))
    near = [thing(rng, (words[0], pick(rng, colours)), cells[1 + i], 24, "small") for i in range(12)]
    far = [thing(rng, w, cells[1 + i], 24, "small") for i, w in enumerate(others(rng, 12, *words))]
    count = int(level)
    scene = compose([wanted, *near[:count], *far[count:]], surface, size)
    return ask(scene, f"the {words[1]} {words[0]}", [0], "look-alikes", words)


@generated_axis("Density", (0.45, 0.6, 0.75, 0.9, 1.05, 1.2, 1.4), unit="size of an object over the distance")
def density(size: int, level: float, rng: np.random.Generator) -> Question | None:
    """ "the red mug" among nine objects that are moved together until they overlap; it stays in front."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 3, 3, jitter=0)
    middle = BASE / 2 + rng.uniform(-8, 8, 2)
    pitch = 18 / level
    moved = [(middle + (np.array(cell) - BASE / 2) / (BASE / 3) * pitch) for cell in cells]
    at = [(float(x), float(y)) for x, y in moved]
    rest = [thing(rng, w, at[1 + i], 18, "small") for i, w in enumerate(others(rng, 8, *words))]
    wanted = thing(rng, words, at[0], 18, "small")
    try:
        scene = compose([*rest, wanted], surface, size)
    except ValueError:  # a small object lies behind another
        return None
    return ask(scene, f"the {words[1]} {words[0]}", [8], "density", words)


@generated_axis("Target gone", ("there", "gone"))
def target_removed(size: int, level: str, rng: np.random.Generator) -> Question:
    """ "the red mug" of a scene with mugs of other colours: there, or taken away with its shadow, and what was
    behind it drawn."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 4, 3)
    wanted = thing(rng, words, cells[0], 28)
    colours = other_colours(words[0], (words[1],))
    near = [thing(rng, (words[0], pick(rng, colours)), cells[1 + i], 28) for i in range(2)]
    far = [thing(rng, w, cells[3 + i], 28) for i, w in enumerate(others(rng, 4, *words))]
    there = level == "there"
    scene = compose([*near, *far, *([wanted] if there else [])], surface, size)
    return ask(scene, f"the {words[1]} {words[0]}", [6] if there else [], "target gone", words)
