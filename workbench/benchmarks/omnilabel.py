"""OmniLabel: boxes of what categories and free descriptions name (layout: samschulter/omnilabeltools).

The file is `{images, descriptions, annotations}`. A description `{id, text, image_ids, anno_info: {type}}` lists every
image that is asked for it, whether its object is there or not; type `object_description` is free text, any other a
plain category. An annotation `{id, image_id, bbox, description_ids, iscrowd}` answers several descriptions at once.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, Entry, is_id
from workbench.benchmarks.described import Canvas, canvas
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    existing,
    is_text,
    numbered,
    split_in_name,
    text_of,
    unusable,
)
from workbench.data.errors import SampleError, short
from workbench.data.numbers import many
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.metrics.omnilabel import CATEGORY, DESCRIPTION
from workbench.plugins.interfaces import reads_files


@reads_files("omnilabel")
def omnilabel(
    annotations: Annotations = "data/omnilabel/dataset_all_val.json",
    images: Images = "data/omnilabel/images",
    protocol: Protocol = "omnilabel",
) -> Annotated:
    """OmniLabel from its published file: boxes for categories and free descriptions."""
    path, root = existing("omnilabel", annotations, images)

    def remarks() -> list[Remark]:
        file = _File(path)
        return file.coco.remarks + [Remark(path, text) for text in [*file.left_out, *file.unasked()]]

    facts = {"split": split_in_name(path, ("train", "val", "test"))}
    return Annotated("omnilabel", protocol, (path,), root or path.parent, lambda: read(path, root), facts, remarks)


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read the published file; samples are numbered image by image as `images` lists them, and within an image in the
    order of `descriptions`.

    `kind` is `description` or `category`. Truths are boxes (`Sample.only_boxes`); `others` are the annotated objects of
    the image that the description does not mean. `facts` have `image` (its id), `coco_id` (the ids of image and
    description), `type` as the file has it, `crowds`, and `unmatchable` where an annotation has the id 0. Objects under
    a description that their image is not asked for, and descriptions of images that are not in the file, are left out,
    as officially. Raises `ConfigurationError` for a file that is not in this layout.
    """
    file = _File(annotations)
    folder = ImageFolder(images, annotations.parent)
    samples = (
        sample for i, entry in enumerate(file.coco.image_list) for sample in _samples(entry, f"image {i}", file, folder)
    )
    return numbered(samples, annotations.name)


class _File:
    """The file, and which descriptions each image is asked for. `left_out` says what is wrong with the descriptions."""

    def __init__(self, path: Path) -> None:
        self.coco = CocoFile(path)
        self._descriptions = self.coco.list_of("descriptions")
        self._of_image: dict[int, array[int]] = defaultdict(lambda: array("q"))
        self.left_out = []
        for i, description in enumerate(self._descriptions):
            images = description.get("image_ids") if isinstance(description, dict) else None
            if not isinstance(images, list):
                self.left_out.append(
                    f"description {i} is left out: expected {{id, text, image_ids}}, got {short(description)}"
                )
                continue
            known = dict.fromkeys(image for image in images if is_id(image) and self.coco.has_image(image))
            if len(known) < len(images):
                self.left_out.append(
                    f"description {i}: {len(images) - len(known)} of its {len(images)} `image_ids` left out, as they "
                    "name no image of the file or one again"
                )
            for image in known:
                self._of_image[image].append(i)

    def asked(self, image: int) -> list[tuple[str, Entry]]:
        """Place in the file and description, in file order, of those that an image is asked for."""
        return [(f"description {i}", self._descriptions[i]) for i in self._of_image.get(image, ())]

    def unasked(self) -> list[str]:
        """How many objects stand under a description that their image is not asked for."""
        places = []
        for image in self.coco.image_ids():
            known = {one["id"] for _, one in self.asked(image) if is_id(one.get("id"))}
            for annotation in self.coco.annotations_of(image):
                ids = annotation.get("description_ids")
                if isinstance(ids, list) and any(is_id(one) and one not in known for one in ids):
                    places.append(short(annotation.get("id")))
        shown = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
        what = "left out where an annotation names a description that its image is not asked for: annotation"
        return [f"{many(len(places), 'object')} {what} {shown}"] if places else []


def _samples(entry: object, where: str, file: _File, images: ImageFolder) -> list[Sample]:
    """One sample for each description of an image. An error in the image or in any of its annotations is the problem
    of all of them.
    """
    image_id = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not is_id(image_id):
        return []
    asked, coco = file.asked(image_id), file.coco
    names = {d["id"]: d["text"] for _, d in asked if is_id(d.get("id")) and isinstance(d.get("text"), str)}
    try:
        coco.image(image_id, where)
        shown = canvas(entry, coco.annotations_of(image_id), images, where, lambda one, at: _answered(one, names, at))
    except SampleError as error:
        return [unusable(str(error), images) for _ in asked]
    ids = [description.get("id") for _, description in asked]
    return [_sample(entry, shown, place, one, ids, images) for place, one in asked]


def _answered(annotation: Entry, names: dict[int, str], where: str) -> tuple[frozenset[int], str]:
    ids = annotation.get("description_ids")
    if not isinstance(ids, list) or not all(is_id(one) for one in ids):
        raise SampleError(f"{where}: expected a list of `description_ids`, got {short(ids)}")
    known = [names[one] for one in ids if one in names and is_text(names[one])]
    return frozenset(ids), known[0] if known else "object"


def _sample(entry: Entry, shown: Canvas, where: str, description: Entry, ids: list[Any], images: ImageFolder) -> Sample:
    try:
        key = description.get("id")
        if not is_id(key) or ids.count(key) > 1:
            raise SampleError(f"{where}: expected an `id` of its own, got {short(key)}")
        text = text_of(description.get("text"), f"{where}: text")
        about = description.get("anno_info")
        kind = about.get("type") if isinstance(about, dict) else None
        if not isinstance(kind, str) or not is_text(kind):
            raise SampleError(f"{where}: expected `anno_info` with a `type`, got {short(about)}")
    except SampleError as error:
        return unusable(str(error), images)
    asked_as = DESCRIPTION if kind == "object_description" else CATEGORY
    return shown.sample(entry, key, text, asked_as, {"type": kind})
