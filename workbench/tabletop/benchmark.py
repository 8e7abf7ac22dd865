"""The generated benchmark as a plugin: written to a cache folder on first use, then read like Inst2Seg-Bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from workbench.plugins.marks import generated_by
from workbench.plugins.options import OneOf, Range
from workbench.tabletop.worlds import WORLDS

if TYPE_CHECKING:
    from workbench.benchmarks.annotated import Annotated as AnnotatedFiles


Seed = Annotated[int, Range(0, 2**32 - 1), "Of all that is drawn."]
Scenes = Annotated[int, Range(1, 99_999), "Number of images."]
PerScene = Annotated[int, Range(1, 20), "Instructions for each image."]
Size = Annotated[int, Range(64, 1024), "Side of the images, in pixels."]
SplitName = Annotated[str, OneOf("train", "val", "test"), "Some combinations of words occur in the test split only."]
World = Annotated[
    str, OneOf(*WORLDS), "Objects and words: those of the tiny models, or others that they have never seen."
]
Root = Annotated[
    str | None, "Folder for the files; none: one below `data/` in the current folder, named by the other options."
]


def generate(
    out: Path,
    scenes: Scenes = 60,
    per_scene: PerScene = 4,
    seed: Seed = 0,
    size: Size = 128,
    world: World = "first",
) -> str:
    """Write train, val and test, `scenes` images each, to folders of these names in `out`."""
    from workbench.tabletop import writer

    folders = writer.generate(out, scenes=scenes, per_scene=per_scene, seed=seed, size=size, world=world)
    listed = ", ".join(str(folder / f"{folder.name}.json") for folder in folders)
    return (
        f"Written in the layout of Inst2Seg-Bench, {scenes} pictures with {per_scene} instructions each: {listed}\n"
        f"Compare on one: workbench compare --systems instructsam-tiny,sam3-agent-tiny --benchmark inst2seg "
        f"--set inst2seg.annotations={out}/test/test.json --set inst2seg.images={out}/test"
    )


@generated_by(generate)
def tabletop(
    split: SplitName = "test",
    seed: Seed = 0,
    scenes: Scenes = 80,
    per_scene: PerScene = 4,
    size: Size = 128,
    root: Root = None,
    world: World = "first",
) -> "AnnotatedFiles":
    """Generated scenes of everyday objects: `scenes` images with `per_scene` instructions each, answers exact."""
    from workbench.benchmarks.inst2seg import annotated
    from workbench.tabletop.vocabulary import VERSION
    from workbench.tabletop.writer import named, write

    name = "-".join((f"tabletop-v{VERSION}-{split}-{seed}-{scenes}x{per_scene}-{size}px", *named(world).values()))
    folder = write(Path(root) if root else Path("data") / name, split, scenes, per_scene, seed, size, world)
    facts = {"version": VERSION, "split": split, "seed": seed, "scenes": scenes, "per_scene": per_scene, "size": size}
    facts |= named(world)
    return annotated("tabletop", folder / f"{split}.json", folder, facts)
