"""ReasonSeg: questions answered by a region of the image (layout and masks: dvlab-research/LISA, data_processing.py).

Officially a folder holds `NAME.json` beside `NAME.jpg`, with `{text: [...], is_sentence, shapes: [{label, points}]}`.
InstructSAM's file is a list of `{image, question, is_sentence, mask, ignore_mask}`. Mirrors have Parquet files
(`workbench.benchmarks.reasonseg_parquet`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.benchmarks import reasonseg_parquet
from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.labelme import drawn, shapes_of
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.parquet_file import is_parquet
from workbench.benchmarks.reading import (
    ImageFolder,
    checked_size,
    existing,
    kept,
    mask_with_size,
    numbered,
    read_bytes,
    read_list,
    split_in_name,
    text_of,
    unusable,
)
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.json_objects import once_each
from workbench.data.masks import MAX_OUTLINE, Rle, area, encode, from_annotation, outline
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

MAX_DRAWN = 2**28
"""Pixels of the boxes around all shapes of one image together; an image of the data set has a twentieth of that."""


@reads_files("reasonseg/lisa", "reasonseg/instructsam")
def reasonseg(
    annotations: Annotations = "data/reason_seg/ReasonSeg/val",
    images: Images = "data/reason_seg/ReasonSeg/val",
    protocol: Protocol = "reasonseg/lisa",
) -> Annotated:
    """ReasonSeg from a folder of its published files, from InstructSAM's JSON, or from Parquet files of a mirror."""
    path, root = existing("reasonseg", annotations, images, made=True)
    if is_parquet(path):
        return _mirrored(path, root, protocol)
    path, root = existing("reasonseg", annotations, images)
    folder = path if path.is_dir() else path.parent

    def remarks() -> list[Remark]:
        alone = [image for image in sorted(path.glob("*.jpg")) if not image.with_suffix(".json").exists()]
        return [Remark(image, "this image has no annotation file beside it") for image in alone]

    facts = {"split": split_in_name(path, ["train", "val", "test"])}
    return Annotated(
        "reasonseg", protocol, tuple(_files(path)), root or folder, lambda: read(path, root), facts, remarks
    )


def _mirrored(path: Path, images: Path | None, protocol: str) -> Annotated:
    files = reasonseg_parquet.files_of(path)
    return Annotated(
        "reasonseg",
        protocol,
        files,
        images or files[0].parent,
        lambda: reasonseg_parquet.read(path, images),
        {"split": reasonseg_parquet.split_of(path)},
        lambda: reasonseg_parquet.remarks(path),
    )


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read a folder of published files, one of them, or InstructSAM's list.

    Samples are numbered by file name in a folder and by place in a list. `targets` is the one region that is asked
    for, or nothing where no pixel is marked; `ignore` is left out of the score; `kind` is `long` for questions and
    `short` for phrases. The published files do not say how large the image is: the size comes from `imageHeight` and
    `imageWidth` where a file has them, else from the image, which is looked for in `images` or beside the file. Raises
    `ConfigurationError` for files that are no such annotations at all.
    """
    published = annotations.is_dir() or read_bytes(annotations).lstrip()[:1] == b"{"
    if published:
        place = annotations if annotations.is_dir() else annotations.parent
        beside = ImageFolder(images or place, place)
        return numbered((_published(file, beside) for file in _files(annotations)), annotations.name)
    folder = ImageFolder(images, annotations.parent)
    entries = read_list(annotations, "{image, question, is_sentence, mask}")
    return numbered((_packed(entry, f"entry {i}", folder) for i, entry in enumerate(entries)), annotations.name)


def _files(annotations: Path) -> list[Path]:
    if not annotations.is_dir():
        return [annotations]
    paths = sorted(annotations.glob("*.json"))
    if not paths:
        raise ConfigurationError(f"{annotations}: expected NAME.json files of ReasonSeg, found none")
    return paths


def _published(file: Path, images: ImageFolder) -> Sample:
    """The sample of one published file; only its first text is asked, as in the official evaluation."""
    where = file.name
    known = None
    try:
        entry = _parsed(file)
        name = file.with_suffix(".jpg").name
        path = images.place(name, where)
        text = entry.get("text")
        instruction = text_of(text[0] if isinstance(text, list) and text else text, f"{where}: text")
        if "imageHeight" in entry or "imageWidth" in entry:
            height, width = checked_size(entry.get("imageHeight"), entry.get("imageWidth"), where)
        else:
            height, width = images.size(path, where)
        known = Sample("", name, path, width, height, instruction, kind=_kind(entry, where))
        target, ignore = _drawn(entry.get("shapes"), height, width, where)
    except SampleError as error:
        return unusable(str(error), images, known)
    return replace(known, targets=_if_marked(target), ignore=ignore if area(ignore) else None)


def _parsed(file: Path) -> dict[str, Any]:
    """The object in a published file, in UTF-8 or, as some are, in Windows-1252."""
    try:
        content = read_bytes(file)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
        entry = json.loads(text, object_pairs_hook=once_each)
    except (ConfigurationError, ValueError, RecursionError) as error:
        raise SampleError(f"{file.name}: expected {{text, is_sentence, shapes}}: {error}") from error
    if not isinstance(entry, dict):
        raise SampleError(f"{file.name}: expected {{text, is_sentence, shapes}}, got {short(entry)}")
    return entry


def _drawn(shapes: object, height: int, width: int, where: str) -> tuple[Rle, Rle]:
    """Target and ignore masks: shapes are drawn by falling area, so that small ones stay visible."""
    shapes = shapes_of(shapes, height, width, where)
    outlines: list[_Shape] = []
    length = 0.0
    for i, shape in enumerate(shapes):
        label = shape.get("label") if isinstance(shape, dict) else None
        if not isinstance(shape, dict) or not isinstance(label, str):
            raise SampleError(f"{where}: shape {i}: expected {{label, points}}, got {short(shape)}")
        if label.lower() != "flag":
            mask = drawn(shape, height, width, f"{where}: shape {i}")
            outlines.append(_cut_out(mask, "ignore" in label.lower()))
            length += outline(np.array(shape["points"], dtype=np.float64))
            if length > MAX_OUTLINE:
                raise SampleError(
                    f"{where}: shape {i}: the outlines together are {length:.0f} pixels long, more than the "
                    f"{MAX_OUTLINE} that are drawn"
                )
            if sum(one.pixels.size for one in outlines) > MAX_DRAWN:
                raise SampleError(f"{where}: shape {i}: the shapes together cover more than {MAX_DRAWN} pixels")
    values = np.zeros((height, width), dtype=np.uint8)
    # the official order, ties included: `argsort` of the areas, reversed
    for i in np.argsort([one.pixels.sum() for one in outlines])[::-1]:
        one = outlines[i]
        part = values[one.top : one.top + one.pixels.shape[0], one.left : one.left + one.pixels.shape[1]]
        part[one.pixels] = 2 if one.ignored else 1
    return encode(values == 1), encode(values == 2)


@dataclass(frozen=True, eq=False)
class _Shape:
    """The pixels of a drawn shape within its box."""

    pixels: NDArray[np.bool_]
    top: int
    left: int
    ignored: bool


def _cut_out(mask: NDArray[np.bool_], ignored: bool) -> _Shape:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return _Shape(mask[:0, :0].copy(), 0, 0, ignored)
    top, left = int(rows[0]), int(columns[0])
    return _Shape(mask[top : rows[-1] + 1, left : columns[-1] + 1].copy(), top, left, ignored)


def _packed(entry: object, where: str, images: ImageFolder) -> Sample:
    """The sample of one entry of InstructSAM's list."""
    if not isinstance(entry, dict):
        return unusable(f"{where}: expected {{image, question, is_sentence, mask}}, got {short(entry)}", images)
    known = None
    try:
        path = images.place(entry.get("image"), f"{where}: image")
        instruction = text_of(entry.get("question"), f"{where}: question")
        mask, height, width = mask_with_size(entry.get("mask"), f"{where}: mask")
        known = Sample("", entry["image"], path, width, height, instruction, kind=_kind(entry, where))
        ignore = entry.get("ignore_mask")
        if ignore is not None:
            ignore = from_annotation(ignore, height, width, f"{where}: ignore_mask")
    except SampleError as error:
        return unusable(str(error), images, known)
    return replace(known, targets=_if_marked(mask), ignore=ignore, facts=kept(entry, ["id"]))


def _kind(entry: dict[str, Any], where: str) -> str:
    if not isinstance(entry.get("is_sentence"), bool):
        raise SampleError(f"{where}: expected `is_sentence` true or false, got {short(entry.get('is_sentence'))}")
    return "long" if entry["is_sentence"] else "short"


def _if_marked(mask: Rle) -> tuple[Rle, ...]:
    return (mask,) if area(mask) else ()
