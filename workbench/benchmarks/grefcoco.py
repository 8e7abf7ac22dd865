"""gRefCOCO: expressions for no, one or several objects of COCO images (layout: henghuiding/ReLA, grefer.py).

Officially `grefs(unc).json` is a list of `{ref_id, image_id, split, ann_id: [...], sentences: [{sent_id, raw, sent}]}`
with `ann_id` [-1] where nothing is meant, and `instances.json` beside it has images and objects as COCO has them.
InstructSAM's file is a list of `{image, height, width, cat: [text, ...], masks: [masks of the text, ...]}`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated as Option
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, is_crowd, is_id
from workbench.benchmarks.json_stream import Listed
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    blank,
    existing,
    numbered,
    read_list,
    split_in_name,
    text_of,
    unusable,
)
from workbench.benchmarks.refs import (
    Objects,
    instances_beside,
    said,
    samples_of_ref,
    sized,
    skipped,
    splits_of,
    with_whole_ids,
)
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.masks import Rle, from_annotation
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

EXPECTED = "{ref_id, image_id, ann_id, sentences} or {image, height, width, cat, masks}"


Split = Option[str | None, "train, val, testA or testB; none: all that is in the file."]


@reads_files("grefcoco/rela", "grefcoco/gsva", "grefcoco/instructsam")
def grefcoco(
    annotations: Annotations = "data/grefcoco/grefs(unc).json",
    images: Images = "data/images/train2014",
    split: Split = None,
    protocol: Protocol = "grefcoco/rela",
) -> Annotated:
    """gRefCOCO from its published files, or from InstructSAM's JSON.

    `split` is train, val, testA or testB, and all that is in the file where it is not given. `instances.json` is
    expected beside the published file. A sample keeps its number whatever the split.
    """
    path, root = existing("grefcoco", annotations, images)
    entries, mended = _entries(path)
    if not _is_published(entries):
        if split is not None:
            raise ConfigurationError(f"grefcoco: {path} has no splits: leave out `split`, got {split!r}")
        facts = {"split": split_in_name(path, ["train", "val", "testA", "testB"])}
        return Annotated("grefcoco", protocol, (path,), root or path.parent, lambda: read(path, root), facts)
    known = splits_of(entries)
    if split is not None and split not in known:
        raise ConfigurationError(f"grefcoco: {path} has no split {split!r}; it has {', '.join(known) or 'none'}")
    instances = instances_beside("grefcoco", path, "gRefCOCO")

    def remarks() -> list[Remark]:
        return [*mended, *CocoFile(instances).remarks]

    return Annotated(
        "grefcoco",
        protocol,
        (path, instances),
        root or path.parent,
        lambda: read(path, root, split),
        {"split": split},
        remarks,
    )


def read(annotations: Path, images: Path | None, split: str | None = None) -> Iterator[Sample]:
    """Read the published file of expressions, or InstructSAM's list.

    Samples are numbered through the whole file, ref by ref and within it sentence by sentence, also where only those
    of one `split` are given; a ref without a list of sentences counts as one sample. InstructSAM's entries count in
    the same way, text by text. The instruction is the text as it was written (`raw`), or `sent` where there is none.
    Targets are the objects of `ann_id` that are no crowds, each once, and none for [-1]; a ref whose objects are all
    crowds, or are of another image, is unusable. `others` are the further objects of the image that can be read.
    `facts` are `ref_id`, `sent_id`, `image_id` and `split`.
    Raises `ConfigurationError` for a file that is no such list and where `instances.json` is missing.
    """
    entries, _ = _entries(annotations)
    folder = ImageFolder(images, annotations.parent)
    if not _is_published(entries):
        readable = (sample for i, entry in enumerate(entries) for sample in _packed(entry, f"entry {i}", folder))
        return numbered(readable, annotations.name)
    instances = CocoFile(instances_beside("grefcoco", annotations, "gRefCOCO"))
    objects = Objects(instances, lambda value, *place: from_annotation(_valid_parts(value), *place))
    readable = (
        sample
        for i, ref in enumerate(entries)
        for sample in (
            skipped(ref, folder)
            if _is_elsewhere(ref, split)
            else samples_of_ref(ref, f"ref {i}", objects, folder, _with_objects)
        )
    )
    samples = numbered(readable, annotations.name)
    return (sample for sample in samples if split is None or sample.facts.get("split") == split)


def _entries(path: Path) -> tuple[Listed, list[Remark]]:
    """The entries of a file, with whole ids, and remarks about ids that were mended."""
    return with_whole_ids(path, read_list(path, EXPECTED))


def _is_elsewhere(ref: object, split: str | None) -> bool:
    return split is not None and isinstance(ref, dict) and ref.get("split") != split


def _is_published(entries: Listed) -> bool:
    return any(isinstance(entry, dict) and {"sentences", "ann_id", "ref_id"} & entry.keys() for entry in entries)


def _valid_parts(segmentation: object) -> object:
    """Polygons of less than 3 points are dropped, as officially."""
    if isinstance(segmentation, list):
        return [part for part in segmentation if not (isinstance(part, list) and len(part) < 6)]
    return segmentation


def _with_objects(asked: Sample, ref: dict[str, Any], objects: Objects, where: str) -> Sample:
    wanted = ref.get("ann_id")
    wanted = wanted if isinstance(wanted, list) else [wanted]
    targets: dict[int, Rle] = {}
    if not (len(wanted) == 1 and is_id(wanted[0]) and wanted[0] == -1):
        crowds = 0
        for key in wanted:
            annotation = objects.of_image(key, ref["image_id"], where)
            if is_crowd(annotation, f"{where}: annotation {key}"):
                crowds += 1
            else:
                targets[key] = objects.mask(annotation, asked.height, asked.width, where)
        if not targets:
            what = f"all of its {crowds} objects are crowds" if crowds else "`ann_id` is empty"
            raise SampleError(f"{where}: {what}; no target would be [-1]")
    others = objects.others(ref["image_id"], set(targets), asked.height, asked.width)
    return replace(asked, targets=tuple(targets.values()), others=tuple(others))


def _packed(entry: object, where: str, images: ImageFolder) -> list[Sample]:
    """The samples of one entry of InstructSAM's list, still without ids."""
    texts = entry.get("cat") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(texts, list):
        expected = "{image, height, width, cat: [...], masks: [...]}"
        return [unusable(f"{where}: expected {expected}, got {short(entry)}", images)]
    asked, answers = blank(images), entry.get("masks")
    try:
        asked = sized(entry, "image", where, images)
        if not isinstance(answers, list) or len(answers) != len(texts):
            got = len(answers) if isinstance(answers, list) else short(answers)
            raise SampleError(f"{where}: expected `masks` with an entry for each of {len(texts)} texts, got {got}")
    except SampleError as error:
        asked, answers = replace(asked, problem=str(error)), [None] * len(texts)
    return [
        _answered(text, answer, f"{where}: text {i}", asked)
        for i, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]


def _answered(text: object, answer: object, where: str, asked: Sample) -> Sample:
    asked_so = said(text, asked, where, lambda item, place: (text_of(item, place), {}))
    if asked_so.problem:
        return asked_so
    masks = [answer] if isinstance(answer, dict) else answer
    if masks is not None and not isinstance(masks, list):
        return replace(asked_so, problem=f"{where}: expected a list of masks or null, got {short(answer)}")
    try:
        return replace(
            asked_so,
            targets=tuple(
                from_annotation(mask, asked.height, asked.width, f"{where}: mask[{i}]")
                for i, mask in enumerate(masks or [])
            ),
        )
    except SampleError as error:
        return replace(asked_so, problem=str(error))
