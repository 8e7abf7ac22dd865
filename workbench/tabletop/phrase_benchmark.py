"""The scenes of tabletop asked for by bare noun phrases: what a concept segmenter is good for, and scored by it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.tabletop.benchmark import PerScene, Root, Scenes, Seed, Size, SplitName, World, tabletop

if TYPE_CHECKING:
    from workbench.benchmarks.annotated import Annotated
    from workbench.data.samples import Sample


def tabletop_phrases(
    split: SplitName = "test",
    seed: Seed = 0,
    scenes: Scenes = 80,
    per_scene: PerScene = 4,
    size: Size = 128,
    root: Root = None,
    world: World = "first",
) -> "TabletopPhrases":
    """The same scenes, asked for by category and colour phrases ("mug", "red mug", "red object"), a third absent.

    The options are those of tabletop, whose files it reads; six phrases an image.
    """
    return TabletopPhrases(tabletop(split, seed, scenes, per_scene, size, root, world), world)


@dataclass
class TabletopPhrases:
    """Four phrases of each image name objects in it; of the two absent ones, one is of an object's own category."""

    scenes: "Annotated"
    world: str
    name: str = "tabletop-phrases"
    protocol: str = "inst2seg"

    def identity(self) -> dict[str, Any]:
        """That of the tabletop files it reads."""
        return self.scenes.identity()

    def image_root(self) -> Path:
        """The folder that image paths start from."""
        return self.scenes.image_root()

    def samples(self) -> "list[Sample]":
        """Six samples per image, in file order; which phrases are asked is decided by the image's place in the file."""
        import numpy as np

        from workbench.data.samples import Sample, SceneObject
        from workbench.tabletop.phrases import Phrase, Words
        from workbench.tabletop.worlds import WORLDS

        world = WORLDS[self.world]
        samples: list[Sample] = []
        for number, entry in enumerate(json.loads(self.scenes.annotations.read_bytes())):
            objects = [(Words(o["category"], o["colour"], o["size"]), o["mask"]) for o in entry["objects"]]
            for kind, phrase in _asked(world, [words for words, _ in objects], np.random.default_rng(number)):
                named = Phrase(*phrase)
                samples.append(
                    Sample(
                        sample_id=str(len(samples)),
                        image_id=entry["image"],
                        image_path=self.image_root() / entry["image"],
                        width=entry["width"],
                        height=entry["height"],
                        instruction=str(named),
                        targets=tuple(mask for words, mask in objects if named.matches(words)),
                        others=tuple(
                            SceneObject(mask, f"{words.size} {words.colour} {words.category}")
                            for words, mask in objects
                            if not named.matches(words)
                        ),
                        kind=kind,
                        phrase=str(named),
                    )
                )
        return samples


def _asked(world: Any, objects: list[Any], rng: Any) -> list[tuple[str, tuple[str, str | None]]]:
    """Kind of phrase, noun and colour, in words of a world; the last two name nothing in the scene."""
    from workbench.tabletop.phrases import ANYTHING

    a, b, c, d = (objects[int(i)] for i in rng.integers(len(objects), size=4))
    pairs = {(o.category, o.colour) for o in objects}
    categories = sorted(set(world.categories) - {o.category for o in objects})
    colours = sorted(set(world.colours) - {colour for category, colour in pairs if category == d.category})
    return [
        ("category", (a.category, None)),
        ("colour and category", (b.category, b.colour)),
        ("colour and category", (c.category, c.colour)),
        ("colour", (ANYTHING, c.colour)),
        ("category", (str(rng.choice(categories)), None)),
        ("colour and category", (d.category, str(rng.choice(colours)))),
    ]
