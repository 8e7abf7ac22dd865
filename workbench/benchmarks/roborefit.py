"""RoboRefIt: expressions for one object on a table, shelf or floor (layout: luyh20/VL-Grasp, refer_dataset.py).

Officially `final_dataset/testA/roborefit_testA.json` is a list of `{num, text, bbox: [x1, y1, x2, y2], rgb_path,
depth_path, mask_path, scene}`; paths start from the folder that `final_dataset` is in. InstructSAM's file is a list of
`{image, question, masks}` with one RLE.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    box_of_corners,
    existing,
    kept,
    mask_with_size,
    numbered,
    numbers_of,
    read_list,
    split_in_name,
    text_of,
    unusable,
)
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.masks import Rle, encode
from workbench.data.pictures import read_marks
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

EXPECTED = "{text, bbox, rgb_path, mask_path} or {image, question, masks}"


@reads_files("roborefit/vlgrasp", "roborefit/instructsam")
def roborefit(
    annotations: Annotations = "data/final_dataset/testA/roborefit_testA.json",
    images: Images = "data",
    protocol: Protocol = "roborefit/vlgrasp",
) -> Annotated:
    """RoboRefIt from its published files, or from InstructSAM's JSON."""
    path, root = existing("roborefit", annotations, images)
    facts = {"split": split_in_name(path, ["train", "testA", "testB"])}
    return Annotated("roborefit", protocol, (path,), root or _data_folder(path), lambda: read(path, root), facts)


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read a published file, or InstructSAM's list; samples are numbered by place in the list.

    `targets` is always one mask. In the published layout masks are image files, so they have to be there: they are
    looked for in `images` or, where that is None, in the folder that `final_dataset` is in. A pixel is of the object
    where any channel is above 0. `boxes` then has the annotated box, cut to whole pixels as officially, and `facts`
    are `num`, `scene` and `class` where the file has them. Raises `ConfigurationError` for a file that is no list.
    """
    entries = read_list(annotations, EXPECTED)
    if entries and not any(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{annotations}: expected a JSON list of {EXPECTED}, got {short(entries)}")
    if any(isinstance(entry, dict) and "rgb_path" in entry for entry in entries):
        files = _Files(ImageFolder(images or _data_folder(annotations), annotations.parent))
        samples = (_published(entry, f"entry {i}", files) for i, entry in enumerate(entries))
    else:
        folder = ImageFolder(images, annotations.parent)
        samples = (_packed(entry, f"entry {i}", folder) for i, entry in enumerate(entries))
    return numbered(samples, annotations.name)


def _data_folder(annotations: Path) -> Path:
    """The folder that `final_dataset` is in."""
    return annotations.resolve().parent.parent.parent


class _Files:
    """The folder with images and masks. Several expressions share a mask; its file is read once."""

    def __init__(self, folder: ImageFolder) -> None:
        self.folder = folder
        self.mask = cache(self._mask)

    def _mask(self, path: Path) -> Rle | str:
        """The mask in an image file, or what is wrong with the file."""
        if not path.exists():
            return f"there is no mask {path}"
        try:
            return encode(read_marks(path))
        except SampleError as error:
            return f"the mask cannot be read: {error}"


def _published(entry: object, where: str, files: _Files) -> Sample:
    if not isinstance(entry, dict):
        return unusable(f"{where}: expected {{text, bbox, rgb_path, mask_path}}, got {short(entry)}", files.folder)
    known = None
    try:
        path = files.folder.place(entry.get("rgb_path"), f"{where}: rgb_path")
        mask = files.mask(files.folder.place(entry.get("mask_path"), f"{where}: mask_path"))
        if isinstance(mask, str):
            raise SampleError(f"{where}: {mask}")
        height, width = mask["size"]
        instruction = text_of(entry.get("text"), f"{where}: text")
        known = Sample("", entry["rgb_path"].replace("\\", "/"), path, width, height, instruction)
        box = box_of_corners([int(n) for n in numbers_of(entry.get("bbox"), 4, f"{where}: bbox")], f"{where}: bbox")
    except SampleError as error:
        return unusable(str(error), files.folder, known)
    return replace(known, targets=(mask,), boxes=(box,), facts=kept(entry, ["num", "scene", "class"]))


def _packed(entry: object, where: str, images: ImageFolder) -> Sample:
    if not isinstance(entry, dict):
        return unusable(f"{where}: expected {{image, question, masks}}, got {short(entry)}", images)
    try:
        path = images.place(entry.get("image"), f"{where}: image")
        instruction = text_of(entry.get("question", entry.get("expression")), f"{where}: question")
        mask, height, width = mask_with_size(entry.get("masks"), f"{where}: masks")
    except SampleError as error:
        return unusable(str(error), images)
    return Sample("", entry["image"], path, width, height, instruction, targets=(mask,))
