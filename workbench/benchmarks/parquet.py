"""Any data set in Parquet files whose rows have a picture, an instruction and the masks that answer it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated as Option

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.options import Annotations, Protocol
from workbench.benchmarks.parquet_file import ParquetRows, Pictures, Row, is_parquet, masks_of, plain
from workbench.benchmarks.reading import existing, text_of, unusable
from workbench.data.errors import SampleError, short
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files


@reads_files(recognises=is_parquet)
def parquet(
    annotations: Annotations = "data/parquet",
    images: Option[str | None, "Folder that the pictures of the rows are written to; none: they are not needed."] = (
        "data/parquet/images"
    ),
    image: Option[str, "Column with the picture: the bytes of a file, or its path in the image folder."] = "image",
    instruction: Option[str, "Column with the instruction."] = "text",
    masks: Option[str, "Column with the mask, or the list of masks, one an instance; null or empty: no target."] = (
        "mask"
    ),
    kind: Option[str | None, "Column that groups instructions; none: no groups."] = None,
    protocol: Protocol = "inst2seg",
) -> Annotated:
    """Parquet files with a column each for picture, instruction and masks."""
    path, root = existing("parquet", annotations, images, made=True)
    columns = _Columns(image, instruction, masks, kind)
    rows = ParquetRows(path, columns.names())
    beside = path if path.is_dir() else path.parent
    facts = {"columns": columns.names()}
    return Annotated("parquet", protocol, tuple(rows.files), root or beside, lambda: _read(path, root, columns), facts)


class _Columns:
    """The names of the columns."""

    def __init__(self, image: str, instruction: str, masks: str, kind: str | None) -> None:
        self.image, self.instruction, self.masks, self.kind = image, instruction, masks, kind

    def names(self) -> list[str]:
        return [name for name in (self.image, self.instruction, self.masks, self.kind) if name is not None]


def _read(annotations: Path, images: Path | None, columns: _Columns) -> Iterator[Sample]:
    pictures = Pictures(images, annotations if annotations.is_dir() else annotations.parent)
    return ParquetRows(annotations, columns.names()).samples(
        lambda row, where: [_sample(row, where, pictures, columns)]
    )


def _sample(row: Row, where: str, pictures: Pictures, columns: _Columns) -> Sample:
    known = None
    try:
        path, name = pictures.place(row[columns.image], f"{where}: {columns.image}")
        text = text_of(plain(row[columns.instruction], where), f"{where}: {columns.instruction}")
        kind = None
        if columns.kind is not None:
            kind = text_of(plain(row[columns.kind], where), f"{where}: {columns.kind}")
        known = Sample("", name, path, 0, 0, text, kind=kind)
        found = masks_of(row[columns.masks], f"{where}: {columns.masks}")
        sizes = {(height, width) for _, height, width in found}
        if len(sizes) > 1:
            raise SampleError(f"{where}: {columns.masks}: expected masks of one size, got {short(sorted(sizes))}")
        height, width = sizes.pop() if sizes else pictures.folder.size(path, where)
        return replace(known, height=height, width=width, targets=tuple(mask for mask, _, _ in found))
    except SampleError as error:
        return unusable(str(error), pictures.folder, known)
