"""RefCOCO-M: the validation split of RefCOCO (unc) with masks that were drawn anew (data set `moondream/refcoco-m`).

Parquet files of rows `{image, image_id, file_name, samples: [{id, category, sentences: [...], mask: {size, counts}}]}`;
the pictures are in the rows.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.parquet_file import ParquetRows, Pictures, Row, is_parquet, plain, unpacked
from workbench.benchmarks.reading import ImageFolder, existing, is_text, kept, mask_with_size, text_of, unusable
from workbench.data.errors import SampleError, short
from workbench.data.samples import Sample, SceneObject
from workbench.plugins.interfaces import reads_files


@reads_files("refcoco/lavt", "refcoco/ciou", recognises=is_parquet)
def refcoco_m(
    annotations: Annotations = "data/refcoco-m/data",
    images: Images = "data/refcoco-m/images",
    protocol: Protocol = "refcoco/lavt",
) -> Annotated:
    """RefCOCO-M from its Parquet files; its pictures are written to the image folder."""
    path, root = existing("refcoco-m", annotations, images, made=True)
    rows = ParquetRows(path, ("image", "samples"), ("image_id", "file_name"))
    beside = path if path.is_dir() else path.parent
    return Annotated(
        "refcoco-m", protocol, tuple(rows.files), root or beside, lambda: read(path, root), {"split": "validation"}
    )


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read a Parquet file, or all of a folder, row by row; the pictures are written to the folder `images`.

    Samples are numbered through all rows, and within a row object by object and sentence by sentence; a row without a
    list of objects, or an object without a list of sentences, counts as one sample. `others` are the further objects of
    the row. `facts` are `image_id`, `file_name` and the object's `id`. Raises `ConfigurationError` for files in
    another layout.
    """
    rows = ParquetRows(annotations, ("image", "samples"), ("image_id", "file_name"))
    beside = annotations if annotations.is_dir() else annotations.parent
    pictures = Pictures(images, beside)
    return rows.samples(lambda row, where: _row(row, where, pictures))


def _row(row: Row, where: str, pictures: Pictures) -> list[Sample]:
    folder = pictures.folder
    facts: dict[str, Any] = {}
    try:
        listed = plain(row["samples"], f"{where}: samples")
        if not isinstance(listed, list):
            raise SampleError(f"{where}: expected a list of `samples`, got {short(listed)}")
        given = {name: plain(row[name], f"{where}: {name}") for name in ("image_id", "file_name") if name in row}
        facts = kept(given, list(given))
    except SampleError as error:
        return [unusable(str(error), folder)]
    problem, path, name = None, folder.root, ""
    try:
        path, name = pictures.place(row["image"], f"{where}: image")
    except SampleError as error:
        problem = str(error)
    # all of a picture's samples share an id, so that they are drawn together; its own name reads better than a digest
    image_id = given.get("file_name") or name
    image_id = image_id if isinstance(image_id, str) and is_text(image_id) else name
    known = replace(unusable("", folder), problem=problem, image_path=path, image_id=image_id, facts=facts)
    objects = [_object(item, f"{where}: object {i}", folder, known) for i, item in enumerate(listed)]
    return [
        replace(sample, others=_others(objects, i, sample))
        for i, one in enumerate(objects)
        for sample in _sentences(listed[i], f"{where}: object {i}", one)
    ]


def _object(item: Any, where: str, folder: ImageFolder, known: Sample) -> Sample:
    """A sample that has everything but its sentence; `phrase` holds the category until then."""
    try:
        if not isinstance(item, dict):
            raise SampleError(f"{where}: expected {{sentences, mask}}, got {short(item)}")
        mask, height, width = mask_with_size(unpacked(item.get("mask"), f"{where}: mask"), f"{where}: mask")
    except SampleError as error:
        return replace(known, problem=known.problem or str(error))
    facts = {**known.facts, **kept(item, ["id"])}
    category = item.get("category")
    label = category if isinstance(category, str) and is_text(category) and category.strip() else "object"
    return replace(known, height=height, width=width, targets=(mask,), facts=facts, phrase=label)


def _others(objects: list[Sample], chosen: int, sample: Sample) -> tuple[SceneObject, ...]:
    """The further objects of the row that have a mask of the same size."""
    if sample.problem:
        return ()
    return tuple(
        SceneObject(one.targets[0], one.phrase or "object")
        for i, one in enumerate(objects)
        if i != chosen and one.targets and (one.height, one.width) == (sample.height, sample.width)
    )


def _sentences(item: Any, where: str, known: Sample) -> list[Sample]:
    asked = replace(known, phrase=None)
    sentences = item.get("sentences") if isinstance(item, dict) else None
    if not isinstance(sentences, list):
        expected = f"{where}: expected a list of `sentences`, got {short(sentences)}"
        return [replace(asked, problem=asked.problem or expected)]
    samples = []
    for i, text in enumerate(sentences):
        try:
            samples.append(replace(asked, instruction=text_of(text, f"{where}: sentence {i}")))
        except SampleError as error:
            samples.append(replace(asked, problem=asked.problem or str(error)))
    return samples
