"""Data sets in Parquet files, as the `datasets` library writes them: rows are read one after the other, pictures are
written to a folder.

A sample's picture has to be a file. Pictures that lie in the rows are therefore written to the image folder, each under
a name made of a digest of its bytes: nothing that is there is ever written over, and a second reading writes nothing.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.benchmarks.reading import ImageFolder, checked_size, mask_with_size, number, starts_with
from workbench.data.errors import ConfigurationError, SampleError, no_room, short
from workbench.data.json_objects import once_each
from workbench.data.masks import Rle, encode, from_annotation
from workbench.data.opening import open_file
from workbench.data.samples import Sample

ENDING = ".parquet"
AT_ONCE = 8
"""Rows that are read at once; a row with a mask of a value for each pixel may take megabytes."""
MAX_PICTURE = 2**28
_MARK = b"PAR1"
_KINDS = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"RIFF", ".webp"))

Row = Mapping[str, Any]
"""Values by column, as pyarrow scalars"""


def is_parquet(path: Path) -> bool:
    """Whether this is a Parquet file, or a folder with some."""
    return any(path.glob(f"*{ENDING}")) if path.is_dir() else starts_with(path, _MARK)


class ParquetRows:
    """The rows of a Parquet file, or of all such files in a folder by name.

    Raises `ConfigurationError` where there are none, and for files that cannot be read or lack one of the columns that
    are `needed`. Only these columns, and those of `known` that are there, are read. `count`: rows of all files.
    """

    def __init__(self, path: Path, needed: Sequence[str], known: Sequence[str] = ()) -> None:
        self.files = sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
        if not self.files:
            raise ConfigurationError(f"{path}: expected files *{ENDING} in this folder, found none")
        self.count = 0
        for file in self.files:
            with _opened(file) as table:
                has = [str(name) for name in table.schema_arrow.names]
                self.count += table.metadata.num_rows
            if missing := [name for name in needed if name not in has]:
                raise ConfigurationError(
                    f"{file}: expected the columns {', '.join(needed)}; {', '.join(missing)} is not there, but "
                    f"{short(', '.join(has))}"
                )
        self._wanted = (*needed, *known)

    def samples(self, of_row: Callable[[Row, str], Iterable[Sample]]) -> Iterator[Sample]:
        """The samples of all rows, numbered from 0. `of_row` gives those of one row, without numbers; its text names
        the row."""
        position = 0
        for file in self.files:
            for i, row in enumerate(self._rows(file)):
                for sample in of_row(row, f"row {i}"):
                    yield number(sample, position, file.name)
                    position += 1

    def _rows(self, file: Path) -> Iterator[Row]:
        with _opened(file) as table:
            names = [name for name in self._wanted if name in table.schema_arrow.names]
            batches = table.iter_batches(batch_size=AT_ONCE, columns=names)
            while (batch := _next(batches, file)) is not None:
                for i in range(batch.num_rows):
                    yield {name: batch.column(name)[i] for name in names}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A Parquet file that is open; raises `ConfigurationError` for anything that is none."""
    import pyarrow.parquet as pq

    try:
        file = open_file(path)
    except OSError as error:
        raise ConfigurationError(f"annotation file {path} cannot be read: {error.strerror}") from error
    with file:
        try:
            table = pq.ParquetFile(file)
        except Exception as error:  # pyarrow raises its own errors, and OSError
            raise ConfigurationError(f"{path}: expected a Parquet file: {short(str(error))}") from error
        yield table


def _next(batches: Iterator[Any], path: Path) -> Any:
    """The next rows, None at the end."""
    try:
        return next(batches, None)
    except Exception as error:  # pyarrow raises its own errors, and OSError
        raise ConfigurationError(f"{path}: its rows cannot be read: {short(str(error))}") from error


class Pictures:
    """Writes the pictures of rows to the image folder, which is made where it is not there.

    `folder` None stands for images that are not asked for: then nothing is written.
    """

    def __init__(self, folder: Path | None, instead: Path) -> None:
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(f"the image folder {folder} cannot be made: {error.strerror}") from error
        self.folder = ImageFolder(folder, instead)

    def place(self, value: Any, where: str) -> tuple[Path, str]:
        """The file of a picture, and its path within the folder. `value` is a scalar of the bytes of a file, of a path,
        or of both as `{bytes, path}`; bytes come first. Raises `SampleError` for anything else."""
        given = plain(value, where)
        content, name = (given.get("bytes"), given.get("path")) if isinstance(given, dict) else (given, given)
        if not isinstance(content, bytes) or not content:
            return self.folder.place(name, where), str(name)
        if len(content) > MAX_PICTURE:
            raise SampleError(f"{where}: the picture has {len(content)} bytes, more than {MAX_PICTURE}")
        ending = next((ending for mark, ending in _KINDS if content.startswith(mark)), ".picture")
        name = sha256(content).hexdigest()[:32] + ending
        path = self.folder.root / name
        if self.folder.at_hand and not (path.is_file() and path.stat().st_size == len(content)):
            _write(path, content)
        return path, name


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if no_room(error):
            raise
        raise ConfigurationError(f"the picture {path} cannot be written: {error.strerror}") from error


def plain(value: Any, where: str) -> Any:
    """A scalar as plain Python; raises `SampleError` where it has no such form, as text that is not in UTF-8."""
    try:
        return value.as_py()
    except Exception as error:  # pyarrow raises nearly anything
        raise SampleError(f"{where}: the value cannot be read: {short(str(error))}") from error


def mask_of(value: Any, where: str, size: tuple[int, int] | None = None) -> tuple[Rle, int, int]:
    """The mask in a scalar, and its height and width.

    It is a list of rows with a value for each pixel, where all but 0 and false are part of the mask, or a COCO RLE,
    also as a JSON text, or polygons; these need the `size` of the image. Raises `SampleError` for anything else and for
    a mask of another size.
    """
    pixels = _pixels(value, where)
    if pixels is None:
        given = unpacked(plain(value, where), where)
        mask = from_annotation(given, *size, where) if size else mask_with_size(given, where)[0]
        return mask, mask["size"][0], mask["size"][1]
    height, width = pixels.shape
    if size and (height, width) != size:
        raise SampleError(
            f"{where}: the mask is {width}x{height} but the image is {size[1]}x{size[0]} (width x height)"
        )
    return encode(pixels), height, width


def masks_of(value: Any, where: str) -> list[tuple[Rle, int, int]]:
    """The masks in a scalar: one as `mask_of` reads it, a list of such, also as a JSON text, or none where it is null.

    Raises `SampleError` for anything else, and for a mask that does not say its size.
    """
    if not value.is_valid:
        return []
    if _is_list(value.type) and not _is_pixels(value.type):
        return [mask_of(one, f"{where}[{i}]") for i, one in enumerate(value)]
    given = None if _is_list(value.type) else unpacked(plain(value, where), where)
    if not isinstance(given, list):
        return [mask_of(value, where)]
    return [mask_with_size(unpacked(one, f"{where}[{i}]"), f"{where}[{i}]") for i, one in enumerate(given)]


def unpacked(value: Any, where: str) -> Any:
    """What a JSON text holds, and run lengths in bytes as text; other values as they are."""
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=once_each)
        except (ValueError, RecursionError) as error:
            raise SampleError(f"{where}: expected a COCO RLE or polygons, got {short(value)}") from error
    if isinstance(value, dict) and isinstance(value.get("counts"), bytes):
        return {**value, "counts": value["counts"].decode("ascii", "replace")}
    return value


def _pixels(value: Any, where: str) -> NDArray[np.bool_] | None:
    """The pixels `[H, W]` of a mask that is a list of rows of booleans or whole numbers; None for other types."""
    if not _is_pixels(value.type) or not value.is_valid:
        return None
    rows = value.values
    flat = rows.flatten()
    widths = np.unique(rows.value_lengths().to_numpy(zero_copy_only=False))
    if rows.null_count or flat.null_count or len(widths) != 1:
        raise SampleError(f"{where}: expected rows of equal length with a value for each pixel")
    height, width = checked_size(len(rows), int(widths[0]), where)
    return np.asarray(flat.to_numpy(zero_copy_only=False) != 0).reshape(height, width)


def _is_pixels(kind: Any) -> bool:
    """Whether this is the type of a list of lists of booleans or whole numbers."""
    import pyarrow.types as kinds

    inner = kind.value_type.value_type if _is_list(kind) and _is_list(kind.value_type) else None
    return inner is not None and bool(kinds.is_boolean(inner) or kinds.is_integer(inner))


def _is_list(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind))
