"""The generated benchmark as a plugin: written to a cache folder on first use, then read like Inst2Seg-Bench."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.benchmarks.annotated import Annotated


def tabletop(
    split: str = "test",
    seed: int = 0,
    scenes: int = 80,
    per_scene: int = 4,
    size: int = 128,
    root: str | None = None,
) -> "Annotated":
    """Generated scenes of everyday objects: `scenes` images with `per_scene` instructions each, answers exact.

    `split` is train, val or test, `size` the side of the images in pixels, `root` the folder for the files (one below
    `data/` in the current folder, named by all of this).
    """
    from workbench.benchmarks.inst2seg import annotated
    from workbench.tabletop.vocabulary import VERSION
    from workbench.tabletop.writer import write

    name = f"tabletop-v{VERSION}-{split}-{seed}-{scenes}x{per_scene}-{size}px"
    folder = write(Path(root) if root else Path("data") / name, split, scenes, per_scene, seed, size)
    facts = {"version": VERSION, "split": split, "seed": seed, "scenes": scenes, "per_scene": per_scene, "size": size}
    return annotated("tabletop", folder / f"{split}.json", folder, facts)
