"""Objects that were outlined once and are then asked for by name: from labelme's files, or from a file as COCO."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.coco_file import CocoFile
from workbench.benchmarks.labelme import drawn, shapes_of
from workbench.benchmarks.reading import checked_size, read_bytes, text_of
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.json_objects import once_each
from workbench.data.masks import Rle, encode, from_annotation
from workbench.data.numbers import listed
from workbench.data.samples import SceneObject

_SHOWN = 12
"""Names that a message lists."""


@dataclass(frozen=True)
class Objects:
    """All outlined objects of a picture, in the order of their file, with its upright height and width."""

    file: str
    objects: tuple[SceneObject, ...]
    height: int
    width: int

    def chosen(self, names: Sequence[str], where: str) -> tuple[tuple[Rle, ...], tuple[SceneObject, ...]]:
        """The masks of the objects with these names, and the objects that are left.

        A name stands for all objects that have it; `mug#2` is the second of the mugs. Raises `SampleError` that starts
        with `where` for a name that no object has.
        """
        places = {place for name in names for place in self._places(name, where)}
        targets = tuple(one.mask for place, one in enumerate(self.objects) if place in places)
        return targets, tuple(one for place, one in enumerate(self.objects) if place not in places)

    def _places(self, name: str, where: str) -> list[int]:
        labels = [one.label for one in self.objects]
        all_of = [place for place, label in enumerate(labels) if label == name]
        if all_of:
            return all_of
        numbered = re.fullmatch(r"(.*)#(\d{1,6})", name)
        if numbered:
            all_of = [place for place, label in enumerate(labels) if label == numbered[1].strip()]
            number = int(numbered[2])
            if 1 <= number <= len(all_of):
                return [all_of[number - 1]]
        counts = {label: labels.count(label) for label in labels}
        there = [label if count == 1 else f"{label} ({count})" for label, count in counts.items()]
        more = [*there[:_SHOWN], "..."] if len(there) > _SHOWN else there
        raise SampleError(f"{where}: {self.file} has no object {name!r}: it has {listed(more) if more else 'none'}")


class LabelmeFiles:
    """Objects from the file that labelme writes beside each picture, `photo.json` for `photo.jpg`."""

    def __init__(self) -> None:
        self.of = cache(self._of)

    def files(self, pictures: Sequence[Path]) -> list[Path]:
        """The files that decide which objects these pictures have."""
        return [file for file in (picture.with_suffix(".json") for picture in pictures) if file.is_file()]

    def _of(self, picture: Path, height: int, width: int) -> Objects:
        """The objects of a picture; raises `SampleError` where its file is missing, broken or of another size."""
        file = picture.with_suffix(".json")
        content = _labelme(file)
        size = checked_size(content.get("imageHeight", height), content.get("imageWidth", width), file.name)
        if size != (height, width):
            raise SampleError(
                f"{file.name}: its outlines are of {size[1]}x{size[0]} pixels, but the picture, upright, has "
                f"{width}x{height}"
            )
        shapes = shapes_of(content.get("shapes"), height, width, file.name)
        return Objects(file.name, _grouped(shapes, height, width, file.name), height, width)


class CocoObjects:
    """Objects from one file for all pictures in the layout of COCO, as CVAT, labelme and others export it.

    A picture is found by its `file_name`, or by as many of the last parts of it as only one has. Crowds are objects
    like all others, as CVAT marks whatever was painted with a brush as one. Raises `ConfigurationError` for a file in
    another layout.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        self.file = CocoFile(path)
        self.by_name: dict[str, list[int]] = defaultdict(list)
        for image_id in self.file.image_ids():
            name = self.file.image(image_id, path.name).get("file_name") if self._single(image_id) else None
            if isinstance(name, str):
                parts = name.replace("\\", "/").split("/")
                for start in range(len(parts)):
                    self.by_name["/".join(parts[start:])].append(image_id)
        self.of = cache(self._of)

    def files(self, pictures: Sequence[Path]) -> list[Path]:
        """The files that decide which objects these pictures have."""
        return [self.path]

    def _of(self, picture: Path, height: int, width: int) -> Objects:
        """The objects of a picture; raises `SampleError` where the file has not this picture, or it has another size,
        and for a mask that does not fit it."""
        image_id = self._image_id(picture)
        where = f"{self.path.name}: image {image_id}"
        entry = self.file.image(image_id, self.path.name)
        size = checked_size(entry.get("height"), entry.get("width"), where)
        if size != (height, width):
            raise SampleError(
                f"{where}: expected the size of the upright picture, {width}x{height}, got {size[1]}x{size[0]}"
            )
        objects = tuple(
            SceneObject(
                from_annotation(one.get("segmentation"), height, width, f"{where}: annotation {short(one.get('id'))}"),
                self.file.category(one),
            )
            for one in self.file.annotations_of(image_id)
        )
        return Objects(self.path.name, objects, height, width)

    def _image_id(self, picture: Path) -> int:
        relative = picture.relative_to(self.root).as_posix() if picture.is_relative_to(self.root) else picture.name
        parts = relative.split("/")
        for name in ("/".join(parts[start:]) for start in range(len(parts))):
            found = self.by_name.get(name, [])
            if len(found) == 1:
                return found[0]
            if found:
                raise SampleError(f"{self.path.name} has {len(found)} images that are called {name}")
        raise SampleError(f"{self.path.name} has no image that is called {relative}")

    def _single(self, image_id: int) -> bool:
        try:
            self.file.image(image_id, self.path.name)
        except SampleError:  # the id is there twice, which `remarks` of the file says
            return False
        return True


def _labelme(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise SampleError(f"there is no {file.name} with outlines beside the picture: expected a file of labelme")
    try:
        content = json.loads(read_bytes(file).decode("utf-8-sig"), object_pairs_hook=once_each)
    except (ConfigurationError, ValueError, RecursionError) as error:
        raise SampleError(f"{file.name}: expected a file of labelme: {error}") from error
    if not isinstance(content, dict):
        raise SampleError(f"{file.name}: expected an object {{shapes}}, got {short(content)}")
    return content


def _grouped(shapes: list[Any], height: int, width: int, file: str) -> tuple[SceneObject, ...]:
    """One object for each shape. Shapes of one label and one `group_id` are parts of one object, as in labelme's own
    exporters."""
    masks: dict[tuple[str, object], Any] = {}
    for i, shape in enumerate(shapes):
        where = f"{file}: shape {i}"
        if not isinstance(shape, dict):
            raise SampleError(f"{where}: expected {{label, points}}, got {short(shape)}")
        group = shape.get("group_id")
        key = text_of(shape.get("label"), f"{where}: label"), f"shape {i}" if group is None else repr(group)
        mask = drawn(shape, height, width, where)
        masks[key] = mask | masks[key] if key in masks else mask
    return tuple(SceneObject(encode(np.asarray(mask)), label) for (label, _), mask in masks.items())
