"""Inst2Seg-Bench: instructions with one, several or no target instance (schema: DCDmllm/InstructSAM, eval_inst2seg.py).

The annotation file is a list of `{image, height, width, annotation: [{text, mask}]}`; `mask` is a list with one COCO
RLE per target, and absent, null or empty where nothing in the image answers the instruction.

The training files of Inst2Seg are read too. An annotation of theirs has `ann` in place of `mask`, and `ann_type` says
what is in it: masks (each RLE as a JSON text), boxes, or points, which say nothing about the extent of an object and
cannot be used. `type` (phrase, sentence or OCR) becomes the `kind` of the sample, `category` its `phrase`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    box_of_corners,
    checked_size,
    existing,
    numbered,
    read_list,
    starts_with,
    text_of,
    unusable,
)
from workbench.data.boxes import rectangle
from workbench.data.errors import SampleError, short
from workbench.data.json_objects import once_each
from workbench.data.masks import Rle, from_annotation
from workbench.data.samples import Box, Sample, SceneObject
from workbench.plugins.interfaces import reads_files


@reads_files("inst2seg", "coco/ap", "tide", recognises=lambda path: starts_with(path, b"["))
def inst2seg(
    annotations: Annotations = "data/eval/inst2seg.json", images: Images = "data", protocol: Protocol = "inst2seg"
) -> Annotated:
    """Inst2Seg-Bench from its published annotation file, or any file in that schema."""
    path, root = existing("inst2seg", annotations, images)
    return annotated("inst2seg", path, root, {}, protocol)


def annotated(
    name: str, annotations: Path, images: Path | None, facts: dict[str, Any], protocol: str = "inst2seg"
) -> Annotated:
    """A benchmark in this schema; `facts` are part of its identity, beside the digest of its annotations."""
    return Annotated(
        name, protocol, (annotations,), images or annotations.parent, lambda: read(annotations, images), facts
    )


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read an annotation file; image paths start from the folder `images`, None where there are no images.

    Samples are numbered through the file: entry by entry and within it annotation by annotation; an entry without a
    list of annotations counts as one sample. A mask may also be a single RLE, uncompressed, one polygon
    `[x, y, ...]`, a list of polygons (all of one instance), a list of such lists (one per instance), or any of this
    as JSON text. A box is given by its corners `[x1, y1, x2, y2]` in pixels. Whatever is wrong with one entry or
    annotation becomes the `problem` of its sample. Raises `ConfigurationError` for a file that is not such a list at
    all.
    """
    entries = read_list(annotations, "{image, height, width, annotation}")
    folder = ImageFolder(images, annotations.parent)
    samples = (sample for i, entry in enumerate(entries) for sample in _entry(entry, f"entry {i}", folder))
    return numbered(samples, annotations.name)


def _entry(entry: object, where: str, images: ImageFolder) -> list[Sample]:
    """The samples of one image, still without ids."""
    asked = entry.get("annotation") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(asked, list):
        return [unusable(f"{where}: expected {{image, height, width, annotation: [...]}}, got {short(entry)}", images)]
    try:
        image = _image(entry, where, images)
        objects = _objects(entry.get("objects"), image.height, image.width, where)
    except SampleError as error:
        return [unusable(str(error), images) for _ in asked]
    return [_sample(item, f"{where}: annotation {i}", image, objects) for i, item in enumerate(asked)]


def _image(entry: dict[str, Any], where: str, images: ImageFolder) -> Sample:
    """A sample that has its image and nothing else."""
    path = images.place(entry.get("image"), f"{where}: image")
    height, width = checked_size(entry.get("height"), entry.get("width"), where)
    return Sample("", entry["image"], path, width=width, height=height, instruction="")


def _objects(value: object, height: int, width: int, where: str) -> list[SceneObject]:
    """All instances of the scene, if the file lists them as tabletop does. A key of that name with another content is
    ignored.
    """
    if not (isinstance(value, list) and all(isinstance(o, dict) and {"mask", "category"} <= o.keys() for o in value)):
        return []
    objects = []
    for i, item in enumerate(value):
        words = (item.get("size"), item.get("colour"), item["category"])
        mask = from_annotation(item["mask"], height, width, f"{where}: objects[{i}]")
        label = " ".join(text_of(word, f"{where}: objects[{i}]") for word in words if word)
        objects.append(SceneObject(mask, label))
    return objects


def _sample(item: object, where: str, image: Sample, objects: list[SceneObject]) -> Sample:
    if not isinstance(item, dict):
        return replace(image, problem=f"{where}: expected {{text, mask}}, got {short(item)}")
    try:
        asked = replace(image, instruction=text_of(item.get("text"), f"{where}: text"))
        kind, phrase = ("type", "category") if _is_for_training(item) else ("kind", "phrase")
        asked = replace(asked, kind=_known(item, kind, where), phrase=_known(item, phrase, where))
    except SampleError as error:
        return replace(image, problem=str(error))
    try:
        if _is_for_training(item) and item["ann"] and item.get("ann_type", "mask") != "mask":
            return _boxed(asked, item, where)
        marked = item["ann"] if _is_for_training(item) else item.get("mask")
        targets = _targets(marked, image.height, image.width, where)
    except SampleError as error:
        return replace(asked, problem=str(error))
    return replace(asked, targets=targets, others=tuple(o for o in objects if o.mask not in targets))


def _is_for_training(item: dict[str, Any]) -> bool:
    return "mask" not in item and "ann" in item


def _boxed(asked: Sample, item: dict[str, Any], where: str) -> Sample:
    """The sample with the boxes of an annotation of that type; raises `SampleError` for any other type."""
    if item["ann_type"] != "bbox":
        raise SampleError(f"{where}: expected masks or boxes, got annotations of type {short(item['ann_type'])}")
    boxes = tuple(_corners(item["ann"], where))
    targets = tuple(rectangle(box, asked.height, asked.width) for box in boxes)
    return replace(asked, targets=targets, boxes=boxes, only_boxes=True)


def _corners(value: object, where: str) -> Iterable[Box]:
    several = _unpacked(value, f"{where}: ann")
    if not isinstance(several, list):
        raise SampleError(f"{where}: expected a list of boxes, got {short(several)}")
    for i, corners in enumerate(several):
        place = f"{where}: ann[{i}]"
        yield box_of_corners(_unpacked(corners, place), place)


def _known(item: dict[str, Any], key: str, where: str) -> str | None:
    """A text that need not be there. A key of that name with another content is ignored."""
    return text_of(item[key], f"{where}: {key}") if isinstance(item.get(key), str) else None


def _targets(value: object, height: int, width: int, where: str) -> tuple[Rle, ...]:
    """One mask per instance; none for a value that is absent, null or empty."""
    value = _unpacked(value, f"{where}: mask")
    if isinstance(value, list):
        value = [_unpacked(item, f"{where}: mask[{i}]") for i, item in enumerate(value)]
    if value is None or value == []:
        return ()
    several = isinstance(value, list) and (
        any(item is None or isinstance(item, dict) for item in value)
        or all(isinstance(item, list) and item and isinstance(item[0], list) for item in value)
    )
    if not isinstance(value, list) or not several:
        return (from_annotation(value, height, width, f"{where}: mask"),)
    return tuple(from_annotation(item, height, width, f"{where}: mask[{i}]") for i, item in enumerate(value))


def _unpacked(value: object, where: str) -> object:
    """The value itself, or what a JSON text holds."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, object_pairs_hook=once_each)
    except (ValueError, RecursionError) as error:
        raise SampleError(f"{where}: expected a COCO RLE or polygons, got {short(value)}: {error}") from error
