"""What the axes on tabletop share: words that differ, places on a grid, and the question about a finished scene."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.samples import Sample, SceneObject
from workbench.plugins.perturbations import Question
from workbench.tabletop.composing import BASE, Thing
from workbench.tabletop.phrases import Phrase
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, HELD_OUT
from workbench.tabletop.wording import pick

ANGLE, TINT = 0.15, 6.0
"""Standard deviation of an object's turn in radians, and of each channel of its colour."""
_KNOWN = tuple((c, colour) for c in CATEGORIES for colour in COLOURS if (c, colour) not in HELD_OUT)


def seed(rng: np.random.Generator) -> int:
    """A seed for `compose`."""
    return int(rng.integers(2**32))


def pair(
    rng: np.random.Generator, *, category: str | None = None, without: Collection[str] = (), colour: str | None = None
) -> tuple[str, str]:
    """A category and a colour that occur together in training: of this category or colour, and of none of the words in
    `without`."""
    return pick(
        rng,
        [
            (c, k)
            for c, k in _KNOWN
            if category in (None, c) and colour in (None, k) and c not in without and k not in without
        ],
    )


def other_colours(category: str, without: Collection[str] = ()) -> list[str]:
    """The colours of a category in training, without these."""
    return [k for c, k in _KNOWN if c == category and k not in without]


def others(rng: np.random.Generator, count: int, category: str, colour: str) -> list[tuple[str, str]]:
    """Words of `count` objects that share neither category, kind nor colour with one."""
    kind = CATEGORIES[category].kind
    near = [name for name, c in CATEGORIES.items() if c.kind == kind]
    return [pair(rng, without=(*near, colour)) for _ in range(count)]


def places(
    rng: np.random.Generator, columns: int, rows: int, jitter: float = 1.5, margin: float = 0.0
) -> list[tuple[float, float]]:
    """The middles of all cells of a grid over the picture of `BASE`, in random order, moved by up to `jitter`."""
    side = BASE - 2 * margin
    cells = [(x, y) for y in range(rows) for x in range(columns)]
    moves = rng.uniform(-jitter, jitter, (len(cells), 2))
    return [
        (
            margin + (cells[i][0] + 0.5) * side / columns + float(moves[i][0]),
            margin + (cells[i][1] + 0.5) * side / rows + float(moves[i][1]),
        )
        for i in rng.permutation(len(cells))
    ]


def thing(
    rng: np.random.Generator, words: tuple[str, str], place: tuple[float, float], long_side: float, size: str = "medium"
) -> Thing:
    """A thing of these words, with a turn and a shade of its own."""
    angle, tint = float(np.clip(rng.normal(0, ANGLE), -0.35, 0.35)), rng.normal(0, TINT, 3)
    red, green, blue = (float(one) for one in tint)
    return Thing(*words, *place, long_side, size, angle, (red, green, blue))


def ask(scene: Scene, instruction: str, targets: Sequence[int], kind: str, phrase: tuple[str, str]) -> Question:
    """The question about a scene: `targets` are indices of its objects, `phrase` the category and colour asked for."""
    rles = masks.encode_all(np.stack([one.mask for one in scene.objects])) if scene.objects else []
    height, width = scene.image.shape[:2]
    wanted = set(targets)
    sample = Sample(
        sample_id="",
        image_id="",
        image_path=Path(),
        width=width,
        height=height,
        instruction=instruction,
        targets=tuple(rles[i] for i in sorted(wanted)),
        others=tuple(
            SceneObject(rle, f"{one.size} {one.colour} {one.category}")
            for i, (rle, one) in enumerate(zip(rles, scene.objects, strict=True))
            if i not in wanted
        ),
        kind=kind,
        phrase=str(Phrase(phrase[0], phrase[1])),
    )
    return Question(sample, scene.image)


def share_hidden(full: NDArray[np.bool_], in_front: NDArray[np.bool_]) -> float:
    """The share of a thing's pixels that is behind another, `[H, W]` both."""
    return float((full & in_front).sum() / full.sum())
