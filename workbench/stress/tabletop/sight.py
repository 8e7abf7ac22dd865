"""Axes of how well a target can be seen: how much of it is hidden, and how large it is."""

from dataclasses import replace

import numpy as np

from workbench.plugins.perturbations import Question, generated_axis
from workbench.stress.tabletop.drawn import ask, others, pair, places, seed, share_hidden, thing
from workbench.tabletop.composing import BASE, Thing, compose, outline

TOLERANCE = 0.02
"""By how much the hidden share may differ from the level."""
_CORNERS = tuple((x, y) for x in (13.0, BASE - 13.0) for y in (13.0, BASE - 13.0))
_EDGES = ((BASE / 2, 12.0), (BASE / 2, BASE - 12.0), (12.0, BASE / 2), (BASE - 12.0, BASE / 2))


@generated_axis("Occlusion", (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9), unit="share hidden")
def occlusion(size: int, level: float, rng: np.random.Generator) -> Question | None:
    """ "the red mug", part of it behind a large object of another kind, which moves in front of it level by level. The
    target is what can be seen of it."""
    words, surface = pair(rng, without=("book", "pencil")), seed(rng)
    rest = [thing(rng, w, corner, 20, "small") for w, corner in zip(others(rng, 4, *words), _CORNERS, strict=True)]
    middle = tuple(float(v) for v in BASE / 2 + rng.uniform(-5, 5, 2))
    wanted = thing(rng, words, (middle[0], middle[1]), 34)
    front = pair(rng, category="book", without=(words[1],))
    direction = float(rng.uniform(0, 2 * np.pi))
    cover = _cover(wanted, thing(rng, front, (middle[0], middle[1]), 46, "large"), direction, level, size)
    if cover is None:
        return None
    scene = compose([*rest, wanted, cover], surface, size)
    return ask(scene, f"the {words[1]} {words[0]}", [4], "occlusion", words)


@generated_axis("Object size", (0.05, 0.08, 0.12, 0.18, 0.25, 0.35, 0.5), plain=0.5, unit="of the picture's side")
def object_size(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "the red mug" in the middle, from half of the picture's side down to a twentieth; eight other objects around it
    keep their size."""
    words, surface = pair(rng), seed(rng)
    around = zip(others(rng, 8, *words), (*_CORNERS, *_EDGES), strict=True)
    rest = [thing(rng, w, place, 20, "small") for w, place in around]
    middle = BASE / 2 + rng.uniform(-4, 4, 2)
    wanted = thing(rng, words, (float(middle[0]), float(middle[1])), level * BASE)
    scene = compose([*rest, wanted], surface, size)
    return ask(scene, f"the {words[1]} {words[0]}", [8], "object size", words)


@generated_axis("Picture size", (64, 128, 256, 512, 1024), plain=128, unit="pixels along each side")
def picture_size(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "the red mug" of one scene with seven other objects, drawn with more and more pixels; `size` is not used."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 4, 3)
    wanted = thing(rng, words, cells[0], 28)
    rest = [thing(rng, w, cells[1 + i], 28) for i, w in enumerate(others(rng, 7, *words))]
    scene = compose([wanted, *rest], surface, int(level))
    return ask(scene, f"the {words[1]} {words[0]}", [0], "picture size", words)


def _cover(wanted: Thing, front: Thing, direction: float, share: float, size: int) -> Thing | None:
    """The thing in front, moved along a direction to where it hides this share of the other; None where it cannot."""
    full = outline(wanted, size)
    step = BASE / size

    def at(distance: float) -> Thing:
        return replace(
            front, x=wanted.x + distance * float(np.cos(direction)), y=wanted.y + distance * float(np.sin(direction))
        )

    def hidden(distance: float) -> float:
        return share_hidden(full, outline(at(distance), size))

    near, far = 0.0, 64.0
    while far - near > step / 2:  # the further away, the less is hidden
        middle = (near + far) / 2
        near, far = (middle, far) if hidden(middle) > share else (near, middle)
    best = min((far + offset * step / 2 for offset in range(-3, 4)), key=lambda d: abs(hidden(d) - share))
    return at(best) if abs(hidden(best) - share) <= TOLERANCE else None
