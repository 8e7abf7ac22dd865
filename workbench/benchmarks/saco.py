"""SA-Co: noun phrases with every instance in the image, most of them with none (layout: facebookresearch/sam3).

`gold_<subset>_merged_a_release_test.json` is in the layout of COCO, but an entry of `images` is an image with a phrase:
`{id, file_name, text_input, height, width, is_instance_exhaustive}`. Boxes are fractions of the image. Two further
files, with `b` and `c` in place of `a`, hold the answers of two other annotators to the same phrases. Silver's
`silver_<subset>_merged_test.json` has the same layout and one annotator.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated as Option

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, Entry, is_crowd
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    checked_size,
    existing,
    kept,
    numbered,
    numbers_of,
    text_of,
    unusable,
)
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.masks import from_annotation
from workbench.data.remarks import Remark
from workbench.data.samples import Box, Reading, Sample
from workbench.plugins.interfaces import reads_files
from workbench.plugins.options import Range

Annotators = Option[int | None, Range(1, 3), "How many annotators are read; none: all that are there."]


@reads_files("saco/cgf1")
def saco(
    annotations: Annotations = "data/saco_gold/gold_metaclip_merged_a_release_test.json",
    images: Images = "data/saco_gold/images",
    annotators: Annotators = None,
    protocol: Protocol = "saco/cgf1",
) -> Annotated:
    """A subset of SA-Co/Gold, the file of annotator a with those of b and c that lie beside it, or of SA-Co/Silver.

    `annotators` asks for 1, 2 or 3 of them; without it, all that are there are read.
    """
    path, root = existing("saco", annotations, images)
    files = _files(path, annotators)

    def remarks() -> list[Remark]:
        absent = [Remark(file, "there is no such file of this annotator") for file in _siblings(path, "bc")]
        read_files = [CocoFile(file) for file in files]
        all_remarks = [remark for file in read_files for remark in file.remarks]
        return [remark for remark in absent if not remark.file.exists()] + all_remarks + _unanswered(read_files)

    facts = {"annotators": len(files)}
    return Annotated("saco", protocol, files, root or path.parent, lambda: read(path, root, annotators), facts, remarks)


def read(annotations: Path, images: Path | None, annotators: int | None = None) -> Iterator[Sample]:
    """Read the file of annotator a and those beside it; samples are numbered as `images` lists them in that file.

    `readings` has what each annotator marked, in the order a, b, c, and whether they say that it is all; `targets` and
    `boxes` are those of the first. Crowds are left out, and a phrase that a further annotator has no entry for counts
    as answered with nothing, both as in the official evaluation. `boxes` is empty where an annotation has no `bbox`.
    `facts` has the `id` of image and phrase, which predictions in the official layout refer to. Raises
    `ConfigurationError` for files that are not in this layout and for annotators that are not there.
    """
    files = [CocoFile(file) for file in _files(annotations, annotators)]
    folder = ImageFolder(images, annotations.parent)
    samples = (_sample(entry, f"image {i}", files, folder) for i, entry in enumerate(files[0].image_list))
    return numbered(samples, annotations.name)


def _files(annotations: Path, annotators: int | None) -> tuple[Path, ...]:
    if annotators is not None and (type(annotators) is not int or not 1 <= annotators <= 3):
        raise ConfigurationError(f"saco: expected 1, 2 or 3 annotators, got {annotators!r}")
    paths = [annotations, *(path for path in _siblings(annotations, "bc") if path.is_file())]
    if annotators is not None and len(paths) < annotators:
        raise ConfigurationError(
            f"saco: {annotators} annotators were asked for, but beside {annotations} there are {len(paths) - 1} others"
        )
    return tuple(paths[:annotators])


def _siblings(annotations: Path, letters: str) -> list[Path]:
    """The files of the other annotators. Their names have another letter in place of the `a` between underscores or
    before the ending.
    """
    parts = re.fullmatch(r"((?:.*_)?)a((?:_.*)?\.json)", annotations.name)
    return [annotations.with_name(f"{parts[1]}{letter}{parts[2]}") for letter in letters] if parts else []


def _unanswered(files: Sequence[CocoFile]) -> list[Remark]:
    """Phrases of the first annotator that a further one has no entry for."""
    return [
        Remark(file.path, f"there is no image of id {image_id}, which {files[0].path.name} has")
        for file in files[1:]
        for image_id in files[0].image_ids()
        if not file.has_image(image_id)
    ]


def _sample(entry: object, where: str, files: Sequence[CocoFile], images: ImageFolder) -> Sample:
    if not isinstance(entry, dict):
        return unusable(f"{where}: expected {{id, file_name, text_input, height, width}}, got {short(entry)}", images)
    known = None
    try:
        image_id = files[0].image(entry.get("id"), where)["id"]
        path = images.place(entry.get("file_name"), f"{where}: file_name")
        phrase = text_of(entry.get("text_input"), f"{where}: text_input")
        height, width = checked_size(entry.get("height"), entry.get("width"), where)
        facts = {**kept(entry, ["id"]), "coco_id": [image_id, None]}
        known = Sample("", entry["file_name"], path, width, height, phrase, facts=facts, phrase=phrase)
        readings = tuple(_reading(file, image_id, known, f"{where}: {file.name}") for file in files)
    except SampleError as error:
        return unusable(str(error), images, known)
    return replace(known, targets=readings[0].targets, boxes=readings[0].boxes, readings=readings)


def _reading(file: CocoFile, image_id: int, asked: Sample, where: str) -> Reading:
    exhaustive = True
    if file.has_image(image_id):
        entry = file.image(image_id, where)
        same = (entry.get("text_input"), entry.get("height"), entry.get("width"))
        if not isinstance(same[0], str) or (same[0].strip(), *same[1:]) != (
            asked.instruction,
            asked.height,
            asked.width,
        ):
            raise SampleError(f"{where}: this annotator has another phrase or image size: {short(same)}")
        exhaustive = _flag(entry, where)
    annotations = [a for a in file.annotations_of(image_id) if not is_crowd(a, where)]
    masks = tuple(
        from_annotation(a.get("segmentation"), asked.height, asked.width, f"{where}: annotation {short(a.get('id'))}")
        for a in annotations
    )
    boxes = [_box(a, asked, where) for a in annotations if a.get("bbox") is not None]
    return Reading(masks, tuple(boxes) if len(boxes) == len(masks) else (), exhaustive)


def _flag(entry: Entry, where: str) -> bool:
    value = entry.get("is_instance_exhaustive")
    if type(value) not in (int, bool) or value not in (0, 1):
        raise SampleError(f"{where}: expected `is_instance_exhaustive` 0 or 1, got {short(value)}")
    return bool(value)


def _box(annotation: Entry, asked: Sample, where: str) -> Box:
    """The box in pixels; the file has fractions of the image."""
    x, y, w, h = numbers_of(annotation["bbox"], 4, f"{where}: annotation {short(annotation.get('id'))}: bbox")
    if min(w, h) < 0:
        raise SampleError(f"{where}: expected `bbox` [x, y, width, height], got {short(annotation['bbox'])}")
    return x * asked.width, y * asked.height, w * asked.width, h * asked.height
