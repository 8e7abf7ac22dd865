"""What the readers of annotation files share: opening files, reporting what is wrong, and keeping paths inside the
image folder.
"""

import json
import math
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from workbench.benchmarks.json_stream import Entries, Listed, is_listed, parse
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import Ids
from workbench.data.json_objects import once_each
from workbench.data.masks import Rle, from_annotation
from workbench.data.opening import open_file
from workbench.data.pictures import MAX_PIXELS, picture_size
from workbench.data.samples import Box, Sample

LONG = 2**23
"""Bytes; JSON files up to this size are parsed at once"""
_PICKLES = (".p", ".pkl", ".pickle")
_PICKLE = b"\x80"
"""What a pickle starts with"""
_UTF8 = ("utf-8", "utf-8-sig")


class ImageFolder:
    """The folder that the image paths of an annotation file start from. A path that leads out of it is refused.

    `root` None stands for images that are not available: then paths are checked as text only, start from `instead`, and
    no file is opened.
    """

    def __init__(self, root: Path | None, instead: Path) -> None:
        self.root = instead if root is None else root
        self.at_hand = root is not None
        self._resolved = self.root.resolve()
        self._place = cache(self._find)

    def place(self, name: object, where: str) -> Path:
        """The path of a file that an annotation names, with `/` or `\\` between folders.

        Raises `SampleError` that starts with `where` for anything but a path below the folder; a link that leads out of
        the folder is refused too.
        """
        if not isinstance(name, str) or not name.strip() or len(name) > 1000 or "\0" in name or not is_text(name):
            raise SampleError(f"{where}: expected a path of a file, got {short(name)}")
        path, problem = self._place(name)
        if problem:
            raise SampleError(f"{where}: {short(name)} {problem}")
        return path

    def size(self, path: Path, where: str) -> tuple[int, int]:
        """Height and width of an image in this folder as it is shown upright, read from its file.

        Raises `SampleError` where there is none.
        """
        if not self.at_hand:
            raise SampleError(f"{where}: the annotation has no image size: give the image folder with `images`")
        try:
            height, width = picture_size(path)
        except SampleError as error:
            raise SampleError(f"{where}: the image size cannot be read: {error}") from error
        return checked_size(height, width, where)

    def _find(self, name: str) -> tuple[Path, str | None]:
        normal = Path(posixpath.normpath(name.replace("\\", "/")))
        if normal.is_absolute() or normal.parts[:1] in ((), ("..",)) or ":" in normal.parts[0]:
            return self.root, "does not lie in the image folder"
        path = self.root / normal
        if self.at_hand and not path.resolve().is_relative_to(self._resolved):
            return self.root, f"is a link that leaves the image folder {self.root}"
        return path, None


def existing(
    benchmark: str, annotations: str | Path, images: str | Path | None, made: bool = False
) -> tuple[Path, Path | None]:
    """Both as paths; raises `ConfigurationError` where the annotations are not there or `images` is no folder. `made`:
    the folder may be missing, as it will be made.
    """
    path, root = Path(annotations), None if images is None else Path(images)
    if not path.exists():
        raise ConfigurationError(f"{benchmark}: there is no annotation file {path}; set `annotations` and `images`")
    if root is not None and not root.is_dir() and not (made and not root.exists()):
        raise ConfigurationError(f"{benchmark}: there is no image folder {root}; set `annotations` and `images`")
    return path, root


def split_in_name(path: Path, splits: Sequence[str]) -> str | None:
    """The split whose name occurs as a word in the name of a published file or folder; None where there is none."""
    words = re.split(r"[^A-Za-z]+", path.stem if path.suffix else path.name)
    return next((split for split in splits if split in words), None)


def read_bytes(path: Path) -> bytes:
    """The content of an annotation file; raises `ConfigurationError` for one that is unreadable or a pickle."""
    if path.suffix in _PICKLES:
        raise ConfigurationError(f"{path} is a pickle, which can run code when loaded: give the JSON file instead")
    try:
        with open_file(path) as file:
            content = file.read(1)
            content += b"" if content == b"\0" else file.read()  # a file of zeros may be of any size
    except OSError as error:
        raise ConfigurationError(f"annotation file {path} cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise ConfigurationError(f"annotation file {path} is larger than the memory") from error
    if content[:1] == _PICKLE:
        raise ConfigurationError(f"{path} is no JSON but looks like a pickle, which is never loaded")
    return content


def starts_with(path: Path, mark: bytes) -> bool:
    """Whether the content of a file starts with this, blanks aside; not so a folder. Raises `ConfigurationError` for an
    unreadable file.
    """
    if path.is_dir():
        return False
    try:
        with open_file(path) as file:
            return file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(mark)
    except OSError as error:
        raise ConfigurationError(f"annotation file {path} cannot be read: {error.strerror}") from error


def read_list(path: Path, what: str) -> Listed:
    """The JSON list in a file; `what` says of what in errors. Raises `ConfigurationError` for anything else.

    The entries of a long file are parsed when they are asked for, see `workbench.benchmarks.json_stream`.
    """
    value = _parsed(path, expected := f"a JSON list of {what}")
    if not is_listed(value):
        raise ConfigurationError(f"{path}: expected {expected}, got {short(value)}")
    return value


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file; `what` says which in errors. Raises `ConfigurationError` for anything else.

    Long lists in a long file are `workbench.benchmarks.json_stream.Entries`.
    """
    value = _parsed(path, expected := f"a JSON object {what}")
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: expected {expected}, got {short(value)}")
    return value


def _parsed(path: Path, expected: str) -> Any:
    long = _is_long(path)
    content = b"" if long else read_bytes(path)
    try:
        return parse(path) if long else json.loads(content, object_pairs_hook=once_each)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigurationError(f"{path}: expected {expected}: {error}") from error


def _is_long(path: Path) -> bool:
    """Whether a file is parsed piece by piece: it is longer than `LONG`, no pickle, and starts as UTF-8 does."""
    try:
        with open_file(path) as file:
            start = file.peek(4)[:4]
            is_json = path.suffix not in _PICKLES and not start.startswith(_PICKLE)
            return is_json and os.fstat(file.fileno()).st_size > LONG and json.detect_encoding(start) in _UTF8
    except OSError as error:
        raise ConfigurationError(f"annotation file {path} cannot be read: {error.strerror}") from error


def whole_ids(entries: Listed, what: str, keys: Sequence[str], ids: Ids) -> Listed:
    """Entries whose ids that stand for whole numbers are whole numbers; `ids` notes those that were mended.

    `keys` are those of the ids, or of lists of ids; `what` names an entry. Entries that are held are changed.
    """

    def mend(entry: object, place: str = "") -> None:
        if isinstance(entry, dict):
            for key in keys:
                ids.mend(entry, key, place)

    for i, entry in enumerate(entries):
        mend(entry, f"{what} {i}")
    return entries.changed(mend) if isinstance(entries, Entries) and ids.notes() else entries


def numbered(samples: Iterable[Sample], file: str) -> Iterator[Sample]:
    """The samples with their position as id, and with file and position in front of their problem."""
    return (number(sample, position, file) for position, sample in enumerate(samples))


def number(sample: Sample, position: int, file: str) -> Sample:
    """The sample with its position as id, and with file and position in front of its problem."""
    problem = sample.problem and f"{file}: sample {position}: {sample.problem}"
    return replace(sample, sample_id=str(position), problem=problem)


def blank(images: ImageFolder) -> Sample:
    """A sample with nothing filled in yet."""
    return Sample("", "", images.root, width=0, height=0, instruction="")


def unusable(problem: str, images: ImageFolder, known: Sample | None = None) -> Sample:
    """A sample that cannot be used; `known` has the fields that could be read."""
    return replace(known or blank(images), problem=problem)


def is_text(value: str) -> bool:
    """Whether a string can be written to a file: a JSON string may contain half of a surrogate pair, which cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: object, where: str) -> str:
    """An instruction without surrounding blanks; raises `SampleError` for anything but a non-empty text."""
    if not isinstance(value, str) or not value.strip() or not is_text(value):
        raise SampleError(f"{where}: expected a text, got {short(value)}")
    return value.strip()


def checked_size(height: object, width: object, where: str) -> tuple[int, int]:
    """Height and width in pixels; raises `SampleError` for anything that is no image size."""
    if not isinstance(height, int) or not isinstance(width, int) or bool in (type(height), type(width)):
        raise SampleError(f"{where}: expected whole `height` and `width`, got {short(height)} and {short(width)}")
    if min(height, width) <= 0 or height * width > MAX_PIXELS:
        raise SampleError(
            f"{where}: expected positive `height` and `width` of at most {MAX_PIXELS} pixels together, "
            f"got {short(height)} and {short(width)}"
        )
    return height, width


def numbers_of(value: object, count: int, where: str) -> list[float]:
    """This many finite numbers from a JSON list; raises `SampleError` for anything else."""
    if (
        not isinstance(value, list)
        or len(value) != count
        or not all(type(n) in (int, float) and abs(n) < 1e9 and math.isfinite(n) for n in value)
    ):
        raise SampleError(f"{where}: expected {count} numbers, got {short(value)}")
    return value


def box_of_corners(value: object, where: str) -> Box:
    """A box from its corners `[x1, y1, x2, y2]` in pixels; raises `SampleError` for anything else."""
    x1, y1, x2, y2 = numbers_of(value, 4, where)
    if x2 < x1 or y2 < y1:
        raise SampleError(f"{where}: expected corners [x1, y1, x2, y2], got {short(value)}")
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


def box_of_sides(value: object, where: str) -> Box:
    """A box `[x, y, width, height]` in pixels; raises `SampleError` for anything else."""
    x, y, width, height = map(float, numbers_of(value, 4, where))
    if min(width, height) < 0:
        raise SampleError(f"{where}: expected [x, y, width, height] with sides of at least 0, got {short(value)}")
    return x, y, width, height


def mask_with_size(value: object, where: str) -> tuple[Rle, int, int]:
    """A mask in run lengths that state the image size themselves: mask, height, width."""
    size = value.get("size") if isinstance(value, Mapping) else None
    if not isinstance(size, list) or len(size) != 2:
        raise SampleError(f"{where}: expected a COCO RLE {{size: [height, width], counts}}, got {short(value)}")
    height, width = checked_size(size[0], size[1], where)
    return from_annotation(value, height, width, where), height, width


def kept(entry: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The given keys whose values are plain: text, numbers, true or false."""
    values = {key: entry.get(key) for key in keys}
    return {
        key: value
        for key, value in values.items()
        if (isinstance(value, str) and is_text(value))
        or isinstance(value, int)
        or (isinstance(value, float) and math.isfinite(value))
    }
