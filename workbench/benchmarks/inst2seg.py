"""Inst2Seg-Bench: instructions with one, several or no target instance (schema: DCDmllm/InstructSAM, eval_inst2seg.py).

The annotation file is a list of `{image, height, width, annotation: [{text, mask}]}`; `mask` is a list with one COCO
RLE per target, and absent, null or empty where nothing in the image answers the instruction.
"""

import json
import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.errors import ConfigurationError, SampleError
from workbench.masks import Rle, from_annotation
from workbench.samples import Sample, SceneObject


@dataclass
class AnnotatedImages:
    """A benchmark in this schema: an annotation file and the folder that its image paths start from."""

    name: str
    annotations: Path
    images: Path
    facts: dict[str, Any] = field(default_factory=dict)
    """What identifies it beside the digest of its annotations."""
    protocol: str = "inst2seg"

    def identity(self) -> dict[str, Any]:
        """`facts` and a digest of the annotation file."""
        from workbench.provenance import file_digest

        return {**self.facts, "digest": file_digest(self.annotations)}

    def samples(self) -> list[Sample]:
        """One sample per annotation, in file order; see `read`."""
        return read(self.annotations, self.images)

    def image_root(self) -> Path:
        """The folder that image paths start from."""
        return self.images


def inst2seg(annotations: str = "data/eval/inst2seg.json", images: str = "data") -> AnnotatedImages:
    """Inst2Seg-Bench from its published annotation file, or any file in that schema."""
    path, root = Path(annotations), Path(images)
    for given, found, what in ((path, path.is_file(), "annotation file"), (root, root.is_dir(), "image folder")):
        if not found:
            raise ConfigurationError(f"inst2seg: there is no {what} {given}; set `annotations` and `images`")
    return AnnotatedImages("inst2seg", path, root)


def read(annotations: Path, images: Path) -> list[Sample]:
    """Read an annotation file; image paths are relative to the folder `images`.

    A mask may also be a single RLE, uncompressed, one polygon `[x, y, ...]`, a list of polygons (all of one instance)
    or a list of such lists (one per instance). Whatever is wrong with one entry or annotation becomes the `problem` of
    its sample. Raises `ConfigurationError` for a file that is not such a list at all.
    """
    try:
        entries = json.loads(annotations.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"annotation file {annotations} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{annotations}: expected a JSON list of annotated images: {error}") from error
    if not isinstance(entries, list):
        raise ConfigurationError(
            f"{annotations}: expected a JSON list of {{image, height, width, annotation}}, got {type(entries).__name__}"
        )
    found: list[Sample] = []
    for i, entry in enumerate(entries):
        found += _entry(entry, f"{annotations.name}: entry {i}", images)
    return [replace(sample, sample_id=str(position)) for position, sample in enumerate(found)]


def _entry(entry: object, where: str, images: Path) -> list[Sample]:
    """The samples of one image, still without ids."""
    unusable = Sample("", "", images, width=0, height=0, instruction="")
    asked = entry.get("annotation") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(asked, list):
        expected = "{image, height, width, annotation: [...]}"
        return [replace(unusable, problem=f"{where}: expected {expected}, got {_short(entry)}")]
    try:
        image = _image(entry, where, images)
        objects = _objects(entry.get("objects"), image.height, image.width, where)
    except SampleError as error:
        return [replace(unusable, problem=str(error)) for _ in asked]
    return [_sample(item, f"{where}: annotation {i}", image, objects) for i, item in enumerate(asked)]


def _image(entry: dict[str, Any], where: str, images: Path) -> Sample:
    """A sample that has its image and nothing else."""
    name, height, width = entry.get("image"), entry.get("height"), entry.get("width")
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise SampleError(f"{where}: expected `image` to be a path, got {_short(name)}")
    path = Path(posixpath.normpath(name))
    if path.is_absolute() or path.parts[:1] in ((), ("..",)):
        raise SampleError(f"{where}: image {_short(name)} does not lie in the image folder")
    if type(height) is not int or type(width) is not int or min(height, width) <= 0:
        raise SampleError(f"{where}: expected positive `height` and `width`, got {_short(height)} and {_short(width)}")
    return Sample("", name, images / path, width=width, height=height, instruction="")


def _objects(value: object, height: int, width: int, where: str) -> list[SceneObject]:
    """All instances of the scene, where the file lists them as tabletop does; another use of the key is left alone."""
    if not (isinstance(value, list) and all(isinstance(o, dict) and {"mask", "category"} <= o.keys() for o in value)):
        return []
    found = []
    for i, item in enumerate(value):
        words = (item.get("size"), item.get("colour"), item["category"])
        mask = from_annotation(item["mask"], height, width, f"{where}: objects[{i}]")
        found.append(SceneObject(mask, " ".join(str(word) for word in words if word)))
    return found


def _sample(item: object, where: str, image: Sample, objects: list[SceneObject]) -> Sample:
    text = item.get("text") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(text, str) or not text.strip():
        return replace(image, problem=f"{where}: expected {{text, mask}} with a text, got {_short(item)}")
    kind = item.get("kind")
    asked = replace(image, instruction=text.strip(), kind=kind if isinstance(kind, str) else None)
    try:
        targets = _targets(item.get("mask"), image.height, image.width, where)
    except SampleError as error:
        return replace(asked, problem=str(error))
    return replace(asked, targets=targets, others=tuple(o for o in objects if o.mask not in targets))


def _targets(value: object, height: int, width: int, where: str) -> tuple[Rle, ...]:
    """One mask per instance; none for a value that is absent, null or empty."""
    if value is None or value == []:
        return ()
    several = isinstance(value, list) and (
        any(item is None or isinstance(item, dict) for item in value)
        or all(isinstance(item, list) and item and isinstance(item[0], list) for item in value)
    )
    if not isinstance(value, list) or not several:
        return (from_annotation(value, height, width, f"{where}: mask"),)
    return tuple(from_annotation(item, height, width, f"{where}: mask[{i}]") for i, item in enumerate(value))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
