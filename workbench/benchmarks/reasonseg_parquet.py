"""ReasonSeg in Parquet files, as mirrors on Hugging Face have it: `{image, text, mask, img_height, img_width}`.

`mask` has a value for each pixel. The mirrors have neither the masks of pixels to ignore nor whether a text is a
sentence, so scores differ from those of the published files, and there are no kinds.
"""

from collections.abc import Iterator
from pathlib import Path

from workbench.benchmarks.parquet_file import ParquetRows, Pictures, Row, mask_of, plain
from workbench.benchmarks.reading import checked_size, kept, text_of, unusable
from workbench.data.errors import SampleError
from workbench.data.masks import area
from workbench.data.remarks import Remark
from workbench.data.samples import Sample

NEEDED = ("image", "text", "mask")
KNOWN = ("image_id", "ann_id", "img_height", "img_width")
SPLITS = {239: "train", 200: "val", 779: "test"}
WHAT_IS_MISSING = (
    "the pixels to ignore and the kinds long and short are not in it: scores are not those of the published files"
)


def files_of(path: Path) -> tuple[Path, ...]:
    """The Parquet files that are read; raises `ConfigurationError` for files in another layout."""
    return tuple(ParquetRows(path, NEEDED, KNOWN).files)


def split_of(path: Path) -> str | None:
    """The split, known by its number of samples: mirrors call each of them `test`."""
    return SPLITS.get(ParquetRows(path, NEEDED, KNOWN).count)


def remarks(path: Path) -> list[Remark]:
    """That something is missing in each of the files."""
    return [Remark(file, WHAT_IS_MISSING) for file in files_of(path)]


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """The samples of the files, a row each; the pictures are written to the folder `images`.

    `facts` are `image_id` and `ann_id`. Raises `ConfigurationError` for files in another layout.
    """
    pictures = Pictures(images, annotations if annotations.is_dir() else annotations.parent)
    return ParquetRows(annotations, NEEDED, KNOWN).samples(lambda row, where: [_sample(row, where, pictures)])


def _sample(row: Row, where: str, pictures: Pictures) -> Sample:
    try:
        path, name = pictures.place(row["image"], f"{where}: image")
        text = plain(row["text"], f"{where}: text")
        instruction = text_of(text[0] if isinstance(text, list) and text else text, f"{where}: text")
        size = None
        if "img_height" in row and "img_width" in row:
            size = checked_size(plain(row["img_height"], where), plain(row["img_width"], where), where)
        ids = {key: plain(row[key], f"{where}: {key}") for key in ("image_id", "ann_id") if key in row}
        mask, height, width = mask_of(row["mask"], f"{where}: mask", size)
        targets = (mask,) if area(mask) else ()
        return Sample("", name, path, width, height, instruction, targets, facts=kept(ids, list(ids)))
    except SampleError as error:
        return unusable(str(error), pictures.folder)
