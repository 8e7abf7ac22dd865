"""What a benchmark asks: one instruction about one image, and the instances that answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.masks import Rle
from workbench.data.pictures import read_picture

Box = tuple[float, float, float, float]
"""`x, y, width, height` in pixels, as `workbench.data.masks.bounding_box` gives it"""


@dataclass(frozen=True)
class SceneObject:
    """An annotated instance of the scene that the instruction does not ask for."""

    mask: Rle
    label: str


@dataclass(frozen=True)
class Reading:
    """What one of several annotators answered: `boxes` has one annotated box for each target or is empty;
    `exhaustive` says that the annotator marked every instance."""

    targets: tuple[Rle, ...]
    boxes: tuple[Box, ...] = ()
    exhaustive: bool = True


@dataclass(frozen=True)
class Sample:
    """One instruction about one image.

    `targets` holds one mask per instance that the instruction asks for; none means no-target. `others` holds further
    annotated instances of the scene, where the benchmark knows them. `kind` is the benchmark's own grouping
    (tabletop: category, attribute, relation, ...). `image_id` groups the instructions that share an image.
    `problem` says why the annotation of this sample cannot be used; such a sample is recorded as failed, not run.
    `boxes` holds the annotated box of each target, where the benchmark has boxes of its own, else nothing.
    `readings` holds one entry for each annotator where several answered independently, else nothing; `targets` and
    `boxes` are then those of the first. `facts` are the annotation's own numbers and names for the sample (JSON
    types), which its reader documents; `coco_id`, `[image_id, category_id or None]`, is what COCO results call the
    sample, where that is not its id. `phrase` is a noun phrase that names all targets, and maybe more, where the
    benchmark has one. `has_truth`: whether the targets are known; a sample without truth is asked, but not scored.
    `only_boxes`: the benchmark annotates boxes and no masks. Then `boxes` has every target's box, `targets` and the
    masks of `others` are the rectangles of boxes in whole pixels, `facts["crowds"]` are boxes, and answers are compared
    by their boxes.
    """

    sample_id: str
    image_id: str
    image_path: Path
    width: int
    height: int
    instruction: str
    targets: tuple[Rle, ...] = ()
    others: tuple[SceneObject, ...] = ()
    ignore: Rle | None = None
    kind: str | None = None
    problem: str | None = None
    boxes: tuple[Box, ...] = ()
    readings: tuple[Reading, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    phrase: str | None = None
    has_truth: bool = True
    only_boxes: bool = False

    def __repr__(self) -> str:
        targets = f"{len(self.targets)} targets" if self.has_truth else "no truth"
        asked = f"{self.instruction[:60]!r}, {self.width}x{self.height}"
        return f"Sample({self.sample_id!r}, {asked}, {targets})"

    @property
    def target_count(self) -> str:
        """Bin of the number of targets: `0`, `1` or `>=2`."""
        return ("0", "1", ">=2")[min(len(self.targets), 2)]

    def load_image(self) -> NDArray[np.uint8]:
        """Read the image as `[height, width, 3] uint8` RGB, upright as `workbench.data.pictures` shows it;
        `SampleError` if it has another size or cannot be shown."""
        return read_picture(self.image_path, (self.width, self.height)).pixels


def most_masks(sample: Sample) -> int:
    """Masks in the longest of the lists that an answer to this sample is compared with."""
    readings = [len(reading.targets) for reading in sample.readings]
    return max(len(sample.targets), len(sample.others), len(sample.facts.get("crowds", ())), *readings, 0)


def sample_to_json(sample: Sample, image_root: Path) -> dict[str, Any]:
    """Plain JSON types; the image path is relative to `image_root` where it lies below it."""
    path = sample.image_path.resolve()
    relative = path.relative_to(image_root) if path.is_relative_to(image_root) else path
    record = {**asdict(sample), "image_path": str(relative)}
    for name, usual in (("has_truth", True), ("only_boxes", False)):
        if record[name] is usual:  # said only where it is not as usual
            del record[name]
    return record


def sample_from_json(record: Mapping[str, Any], image_root: Path) -> Sample:
    """The inverse of `sample_to_json`."""
    changed = {
        "image_path": _below(image_root, record["image_path"]),
        "targets": tuple(record["targets"]),
        "others": tuple(SceneObject(**other) for other in record["others"]),
        "boxes": _boxes(record.get("boxes", [])),
        "readings": tuple(
            Reading(tuple(reading["targets"]), _boxes(reading["boxes"]), reading["exhaustive"])
            for reading in record.get("readings", [])
        ),
    }
    return Sample(**{**record, **changed})


@lru_cache(maxsize=1000)
def _below(root: Path, path: str) -> Path:
    """Samples of one image share its path, which takes half a kilobyte."""
    return root / path


def _boxes(boxes: Sequence[Sequence[float]]) -> tuple[Box, ...]:
    return tuple((x, y, w, h) for x, y, w, h in boxes)
