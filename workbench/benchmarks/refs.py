"""What RefCOCO and gRefCOCO share: refs with sentences in one file, and `instances.json` with the objects beside it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.benchmarks.coco_file import CocoFile, Entry, is_crowd, is_id
from workbench.benchmarks.json_stream import Listed
from workbench.benchmarks.reading import ImageFolder, blank, checked_size, kept, text_of, unusable, whole_ids
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import Ids
from workbench.data.masks import Rle
from workbench.data.remarks import Remark
from workbench.data.samples import Sample, SceneObject

KEPT = 4096
"""Masks that are kept"""
ReadMask = Callable[[object, int, int, str], Rle]
"""The mask of a `segmentation` for an image of this height and width; the text names its place in errors"""
AddObjects = Callable[[Sample, dict[str, Any], "Objects", str], Sample]
"""A sample with the targets and other objects of its ref"""


class Objects:
    """The masks of the objects in `instances.json`. Those that were asked for last are kept, as refs of one image stand
    together."""

    def __init__(self, file: CocoFile, read_mask: ReadMask) -> None:
        self.file = file
        self._read_mask = read_mask
        self._masks: OrderedDict[int, Rle | SampleError] = OrderedDict()

    def mask(self, annotation: Entry, height: int, width: int, where: str) -> Rle:
        """The mask of an annotation; raises `SampleError` where it has none."""
        key = annotation["id"]
        if key in self._masks:
            self._masks.move_to_end(key)
        else:
            try:
                place = f"{self.file.name}: annotation {key}"
                self._masks[key] = self._read_mask(annotation.get("segmentation"), height, width, place)
            except SampleError as error:
                self._masks[key] = error
            if len(self._masks) > KEPT:
                self._masks.popitem(last=False)
        mask = self._masks[key]
        if isinstance(mask, SampleError):
            raise SampleError(f"{where}: {mask}")
        return mask

    def of_image(self, key: object, image_id: int, where: str) -> Entry:
        """The annotation of this id; raises `SampleError` where it is not there, or of another image."""
        annotation = self.file.annotation(key, where)
        if not is_id(annotation.get("image_id")) or annotation["image_id"] != image_id:
            raise SampleError(f"{where}: annotation {key} is of another image than {short(image_id)}")
        return annotation

    def others(self, image_id: int, targets: set[int], height: int, width: int) -> Iterator[SceneObject]:
        """The objects of the image that are not asked for. Objects that cannot be read are left out, as no sample asks
        for them.
        """
        for annotation in self.file.annotations_of(image_id):
            try:
                if is_id(annotation.get("id")) and annotation["id"] not in targets and not is_crowd(annotation, ""):
                    yield SceneObject(self.mask(annotation, height, width, ""), self.file.category(annotation))
            except SampleError:
                continue


def instances_beside(benchmark: str, annotations: Path, owner: str) -> Path:
    """The file `instances.json` beside the annotations; raises `ConfigurationError` where it is not there."""
    path = annotations.with_name("instances.json")
    if not path.is_file():
        raise ConfigurationError(f"{benchmark}: {annotations} needs the file {path} of {owner}, which is not there")
    return path


def with_whole_ids(path: Path, entries: Listed) -> tuple[Listed, list[Remark]]:
    """Refs whose ids that stand for whole numbers are whole numbers; remarks about those that were mended."""
    ids = Ids()
    refs = whole_ids(entries, "ref", ("ref_id", "image_id", "ann_id"), ids)
    return refs, [Remark(path, note, mended=True) for note in ids.notes()]


def splits_of(entries: Listed) -> list[str]:
    """The names of the splits that refs have."""
    splits = [entry.get("split") for entry in entries if isinstance(entry, dict)]
    return sorted({item for item in splits if isinstance(item, str)})


def skipped(ref: dict[str, Any], images: ImageFolder) -> list[Sample]:
    """Placeholders for the samples of another split, so that sample numbers stay the same."""
    sentences = ref.get("sentences")
    return [blank(images)] * (len(sentences) if isinstance(sentences, list) else 1)


def samples_of_ref(
    ref: object, where: str, objects: Objects, images: ImageFolder, add_objects: AddObjects
) -> list[Sample]:
    """The samples of one ref, without ids yet; an error in the ref is the problem of each of them."""
    sentences = ref.get("sentences") if isinstance(ref, dict) else None
    if not isinstance(ref, dict) or not isinstance(sentences, list):
        expected = "{ref_id, image_id, ann_id, sentences: [...]}"
        facts = kept(ref, ["ref_id", "split"]) if isinstance(ref, dict) else {}
        return [replace(unusable(f"{where}: expected {expected}, got {short(ref)}", images), facts=facts)]
    facts = kept(ref, ["ref_id", "image_id", "split"])
    asked = blank(images)
    try:
        if not isinstance(ref.get("split"), str):
            raise SampleError(f"{where}: expected a `split`, got {short(ref.get('split'))}")
        image = objects.file.image(ref.get("image_id"), where)
        asked = sized(image, "file_name", f"{where}: {objects.file.name}: image {short(image['id'])}", images)
        asked = add_objects(asked, ref, objects, where)
    except SampleError as error:
        asked = replace(asked, problem=str(error))
    return [
        said(item, replace(asked, facts=facts), f"{where}: sentence {i}", _sentence) for i, item in enumerate(sentences)
    ]


def said(
    item: object, asked: Sample, where: str, read_text: Callable[[object, str], tuple[str, dict[str, Any]]]
) -> Sample:
    """The sample with its instruction; an earlier problem is kept."""
    try:
        text, facts = read_text(item, where)
    except SampleError as error:
        return replace(asked, problem=asked.problem or str(error), targets=(), others=())
    return replace(asked, instruction=text, facts=asked.facts | facts)


def sized(image: dict[str, Any], name: str, where: str, images: ImageFolder) -> Sample:
    """A sample that has its image and nothing else; `name` is the key of the image's path."""
    path = images.place(image.get(name), where)
    height, width = checked_size(image.get("height"), image.get("width"), where)
    return Sample("", image[name], path, width=width, height=height, instruction="")


def _sentence(item: object, where: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(item, dict):
        raise SampleError(f"{where}: expected {{sent_id, raw, sent}}, got {short(item)}")
    raw = item.get("raw", "")
    text = item.get("sent") if isinstance(raw, str) and not raw.strip() else raw
    return text_of(text, where), kept(item, ["sent_id"])
