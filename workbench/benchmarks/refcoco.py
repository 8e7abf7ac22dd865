"""RefCOCO, RefCOCO+ and RefCOCOg: expressions for one object of a COCO image (layout: lichengunc/refer, LAVT's copy).

A folder holds `refs(SPLITBY).p`, a list of `{ref_id, ann_id, image_id, split, sentences: [{sent_id, raw, sent}]}`, and
`instances.json` with images and objects as COCO has them. SPLITBY is unc, google or umd. The same list as JSON is read
as well. The pickle is not given to Python's reader, which would run it: see `workbench.benchmarks.plain_pickle`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated as Option
from typing import Any, Literal

import numpy as np

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, is_id
from workbench.benchmarks.json_stream import Listed
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.parquet_file import is_parquet
from workbench.benchmarks.plain_pickle import read_plain_pickle
from workbench.benchmarks.reading import ImageFolder, existing, numbered, read_list
from workbench.benchmarks.refs import (
    Objects,
    instances_beside,
    samples_of_ref,
    skipped,
    splits_of,
    with_whole_ids,
)
from workbench.data import masks
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.masks import Rle, from_annotation
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

EXPECTED = "{ref_id, ann_id, image_id, split, sentences}"
PICKLES = (".p", ".pkl", ".pickle")
DATA_SETS = ("refcoco", "refcoco+", "refcocog")

Split = Option[str | None, "train, val, testA or testB, test for all tests; none: all that is in the file."]
Convention = Literal["official", "union"]
Polygons = Option[
    Convention, "Pixels in several polygons of one object: background, as officially, or part of it (union)."
]


@reads_files("refcoco/lavt", "refcoco/ciou", recognises=lambda path: not is_parquet(path))
def refcoco(
    annotations: Annotations = "data/refcoco/refs(unc).p",
    images: Images = "data/images/mscoco/images/train2014",
    split: Split = None,
    polygons: Polygons = "official",
    protocol: Protocol = "refcoco/lavt",
) -> Annotated:
    """RefCOCO, RefCOCO+ or RefCOCOg from their published files.

    `instances.json` is expected beside the refs. `split` testA and testB go by their last letter, and test stands for
    all splits with that word in their name. A sample keeps its number whatever the split.
    """
    path, root = existing("refcoco", annotations, images)
    instances = instances_beside("refcoco", path, "RefCOCO")

    @cache  # a pickle of a whole data set takes seconds
    def entries() -> tuple[Listed, list[Remark]]:
        return with_whole_ids(path, _refs(path))

    known = splits_of(entries()[0])
    if split is not None and not any(_is_in(item, split) for item in known):
        raise ConfigurationError(f"refcoco: {path} has no split {split!r}; it has {', '.join(known) or 'none'}")

    return Annotated(
        "refcoco",
        protocol,
        (path, instances),
        root or path.parent,
        lambda: _read(path, entries()[0], root, split, polygons),
        {"data_set": _data_set(path), "split": split, "polygons": polygons},
        lambda: [*entries()[1], *CocoFile(instances).remarks],
    )


def read(
    annotations: Path, images: Path | None, split: str | None = None, polygons: Convention = "official"
) -> Iterator[Sample]:
    """Read a published file of refs, or the same list as JSON.

    Samples are numbered through the whole file, ref by ref and within it sentence by sentence, also where only those
    of one `split` are given; a ref without a list of sentences counts as one sample. The instruction is the text as it
    was written (`raw`), or `sent` where there is none. The target is the object of `ann_id`, also where it is a crowd,
    as officially. `others` are the further objects of the image that can be read, without crowds. `facts` are `ref_id`,
    `sent_id`, `image_id` and `split`. Raises `ConfigurationError` for a file that is no such list, for a pickle that
    asks for more than plain data, and where `instances.json` is missing.
    """
    refs, _ = with_whole_ids(annotations, _refs(annotations))
    return _read(annotations, refs, images, split, polygons)


def _refs(path: Path) -> Listed:
    if path.suffix not in PICKLES:
        return read_list(path, EXPECTED)
    refs = read_plain_pickle(path)
    if not isinstance(refs, list):
        raise ConfigurationError(f"{path}: expected a list of {EXPECTED}, got {short(refs)}")
    return refs


def _read(path: Path, refs: Listed, images: Path | None, split: str | None, polygons: Convention) -> Iterator[Sample]:
    folder = ImageFolder(images, path.parent)
    instances = CocoFile(instances_beside("refcoco", path, "RefCOCO"))
    objects = Objects(instances, _official if polygons == "official" else _union)

    def samples_of(ref: object, where: str) -> list[Sample]:
        if split is not None and isinstance(ref, dict) and not _is_in(ref.get("split"), split):
            return skipped(ref, folder)
        return samples_of_ref(ref, where, objects, folder, _with_object)

    samples = numbered((sample for i, ref in enumerate(refs) for sample in samples_of(ref, f"ref {i}")), path.name)
    return (sample for sample in samples if split is None or _is_in(sample.facts.get("split"), split))


def _is_in(its: object, asked: str) -> bool:
    """Whether a ref of the split `its` belongs to the split that is asked for, by the official rule."""
    if not isinstance(its, str):
        return False
    if asked == "test":
        return "test" in its
    return asked[-1] in its if re.fullmatch("test[A-C]", asked) else its == asked


def _data_set(path: Path) -> str | None:
    """Name of the data set and who split it, as the official folder and file names tell them; None for other names."""
    by = re.match(r"refs\((\w+)\)", path.name)
    folder = path.resolve().parent.name
    return f"{folder} ({by[1]})" if by and folder in DATA_SETS else None


def _with_object(asked: Sample, ref: dict[str, Any], objects: Objects, where: str) -> Sample:
    key = ref.get("ann_id")
    if not is_id(key):
        hint = "; lists are those of gRefCOCO, which the benchmark grefcoco reads" if isinstance(key, list) else ""
        raise SampleError(f"{where}: expected `ann_id` as one id, got {short(key)}{hint}")
    annotation = objects.of_image(key, ref["image_id"], where)
    target = objects.mask(annotation, asked.height, asked.width, where)
    others = objects.others(ref["image_id"], {key}, asked.height, asked.width)
    return replace(asked, targets=(target,), others=tuple(others))


def _parts(value: object, height: int, width: int, where: str) -> list[Rle]:
    """The masks of the polygons, or of the run lengths, of one object."""
    several = value if isinstance(value, list) and value and isinstance(value[0], list | dict) else [value]
    if all(isinstance(part, list) for part in several):
        from_annotation(value, height, width, where)  # what is checked of all outlines together
    return [from_annotation(part, height, width, where) for part in several]


def _union(value: object, height: int, width: int, where: str) -> Rle:
    return masks.union(_parts(value, height, width, where))


def _official(value: object, height: int, width: int, where: str) -> Rle:
    """The pixels that lie in exactly one part: officially parts are added up, and only the value 1 is kept."""
    parts = _parts(value, height, width, where)
    whole = masks.union(parts)
    if sum(masks.areas(parts)) == masks.area(whole):
        return whole
    count = np.zeros((height, width), dtype=np.int32)
    for part in parts:
        count += masks.decode(part)
    return masks.encode(count == 1)
