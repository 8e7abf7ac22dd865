"""Pictures to begin with, each with an instruction: what `workbench instructions` marked to be verified in the folder
of samples, else scenes of tabletop, which the tiny checkpoints know.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from workbench.data.errors import ConfigurationError
from workbench.demo.keeping import ANNOTATIONS
from workbench.runs.files import read_json
from workbench.tabletop.grammar import instructions
from workbench.tabletop.writer import scene_of

COUNT = 6
_SPLIT, _SEED, _SIZE = "val", 0, 128
MARKED, MOST = "marked.json", 60
"""The list that `workbench instructions` writes, and how many of it are shown at once."""
_KINDS = 4
"""Instructions that are drawn of a scene; each example takes another of them, for variety."""


@dataclass(frozen=True)
class Example:
    """A picture and an instruction about it; `shown`: what the page shows of it."""

    picture: Path
    instruction: str
    shown: Path


def examples(folder: Path, samples: Path) -> list[Example]:
    """Write the pictures of the examples into a folder. `samples`: the folder of kept samples; what is marked there to
    be verified, and not kept yet, comes in place of the scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    made = _marked(folder, samples)
    if made:
        return made
    for number in range(COUNT):
        scene, rng = scene_of(_SPLIT, _SEED, number, _SIZE)
        picture = folder / f"tabletop-{number + 1}.png"
        Image.fromarray(scene.image).save(picture)
        asked = instructions(scene, rng, _KINDS)
        made.append(Example(picture, asked[number % len(asked)].text, picture))
    return made


def _marked(folder: Path, samples: Path) -> list[Example]:
    """What is marked in the folder of samples and not kept there yet: the pictures by the names in the list."""
    if not (samples / MARKED).is_file():
        return []
    kept = _kept(samples)
    made: list[Example] = []
    try:
        for one in read_json(samples / MARKED):
            stem, picture = Path(one["name"]).stem, folder / Path(one["name"]).name
            if (stem, one["instruction"]) in kept or len(made) >= MOST:
                continue
            shutil.copyfile(samples / one["picture"], picture)
            shown = folder / f"{stem}.drawn.png"
            shutil.copyfile(samples / one["drawn"], shown)
            made.append(Example(picture, one["instruction"], shown))
    except (KeyError, TypeError, OSError) as error:
        raise ConfigurationError(
            f"{samples / MARKED}: expected what `workbench instructions` writes, and its pictures ({error}): write it "
            "again, or choose another --out"
        ) from error
    return made


def _kept(samples: Path) -> set[tuple[str, str]]:
    """Names of pictures, without the digest behind them, and instructions that are kept."""
    if not (samples / ANNOTATIONS).is_file():
        return set()
    return {
        (Path(entry["image"]).stem.rpartition("-")[0], one["text"])
        for entry in read_json(samples / ANNOTATIONS)
        for one in entry["annotation"]
        if "text" in one
    }
