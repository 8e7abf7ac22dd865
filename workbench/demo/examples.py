"""Pictures to begin with: scenes of tabletop, which the tiny checkpoints know, each with an instruction."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from workbench.tabletop.grammar import instructions
from workbench.tabletop.writer import scene_of

COUNT = 6
_SPLIT, _SEED, _SIZE = "val", 0, 128
_KINDS = 4
"""Instructions that are drawn of a scene; each example takes another of them, for variety."""


@dataclass(frozen=True)
class Example:
    """A picture and an instruction about it."""

    picture: Path
    instruction: str


def examples(folder: Path) -> list[Example]:
    """Write the pictures of the examples into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(COUNT):
        scene, rng = scene_of(_SPLIT, _SEED, number, _SIZE)
        picture = folder / f"tabletop-{number + 1}.png"
        Image.fromarray(scene.image).save(picture)
        asked = instructions(scene, rng, _KINDS)
        made.append(Example(picture, asked[number % len(asked)].text))
    return made
