"""OmniLabel: boxes of what categories and free descriptions name (layout: samschulter/omnilabeltools).

The file is `{images, descriptions, annotations}`. A description `{id, text, image_ids, anno_info: {type}}` lists every
image that is asked for it, whether its object is there or not; type `object_description` is free text, any other a
plain category. An annotation `{id, image_id, bbox, description_ids, iscrowd}` answers several descriptions at once.
"""

from collections import defaultdict
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
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.numbers import many
from workbench.data.remarks import Remark
from workbench.data.samples import Sample
from workbench.metrics.omnilabel import CATEGORY, DESCRIPTION
from workbench.plugins.interfaces import reads_files

Asked = dict[int, list[tuple[str, Entry]]]
"""By image: place in the file and description, in file order"""


@reads_files("omnilabel")
def omnilabel(
    annotations: Annotations = "data/omnilabel/dataset_all_val.json",
    images: Images = "data/omnilabel/images",
    protocol: Protocol = "omnilabel",
) -> Annotated:
    """OmniLabel from its published file: boxes for categories and free descriptions."""
    path, root = existing("omnilabel", annotations, images)

    def remarks() -> list[Remark]:
        file = CocoFile(path)
        return file.remarks + [Remark(path, text) for text in _asked(file)[1]]

    facts = {"split": split_in_name(path, ("train", "val", "test"))}
    return Annotated("omnilabel", protocol, (path,), root or path.parent, lambda: read(path, root), facts, remarks)


def read(annotations: Path, images: Path | None) -> list[Sample]:
    """Read the published file; samples are numbered image by image as `images` lists them, and within an image in the
    order of `descriptions`.

    `kind` is `description` or `category`. Truths are boxes (`Sample.only_boxes`); `others` are the annotated objects of
    the image that the description does not mean. `facts` have `image` (its id), `coco_id` (the ids of image and
    description), `type` as the file has it, `crowds`, and `unmatchable` where an annotation has the id 0. Objects under
    a description that their image is not asked for, and descriptions of images that are not in the file, are left out,
    as officially. Raises `ConfigurationError` for a file that is not in this layout.
    """
    file = CocoFile(annotations)
    folder, (asked, _) = ImageFolder(images, annotations.parent), _asked(file)
    samples = (
        sample
        for i, entry in enumerate(file.image_list)
        for sample in _samples(entry, f"image {i}", file, asked, folder)
    )
    return numbered(samples, annotations.name)


def _asked(file: CocoFile) -> tuple[Asked, list[str]]:
    """What each image is asked for, and what is left out."""
    descriptions = file.content.get("descriptions")
    if not isinstance(descriptions, list):
        raise ConfigurationError(f"{file.path}: expected a list of descriptions, got {short(descriptions)}")
    asked: Asked = defaultdict(list)
    left_out = []
    for i, description in enumerate(descriptions):
        where = f"description {i}"
        images = description.get("image_ids") if isinstance(description, dict) else None
        if not isinstance(images, list):
            left_out.append(f"{where} is left out: expected {{id, text, image_ids}}, got {short(description)}")
            continue
        known = dict.fromkeys(image for image in images if is_id(image) and file.has_image(image))
        if len(known) < len(images):
            left_out.append(
                f"{where}: {len(images) - len(known)} of its {len(images)} `image_ids` left out, as they name no image "
                "of the file or one again"
            )
        for image in known:
            asked[image].append((where, description))
    return asked, left_out + _unasked(file, asked)


def _unasked(file: CocoFile, asked: Asked) -> list[str]:
    """How many objects stand under a description that their image is not asked for."""
    places = []
    for image in file.image_ids():
        known = {one["id"] for _, one in asked[image] if is_id(one.get("id"))}
        for annotation in file.annotations_of(image):
            ids = annotation.get("description_ids")
            if isinstance(ids, list) and any(is_id(one) and one not in known for one in ids):
                places.append(short(annotation.get("id")))
    shown = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
    what = "left out where an annotation names a description that its image is not asked for: annotation"
    return [f"{many(len(places), 'object')} {what} {shown}"] if places else []


def _samples(entry: object, where: str, file: CocoFile, asked: Asked, images: ImageFolder) -> list[Sample]:
    """One sample for each description of an image. An error in the image or in any of its annotations is the problem
    of all of them.
    """
    image_id = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not is_id(image_id):
        return []
    names = {d["id"]: d["text"] for _, d in asked[image_id] if is_id(d.get("id")) and isinstance(d.get("text"), str)}
    try:
        file.image(image_id, where)
        shown = canvas(entry, file.annotations_of(image_id), images, where, lambda one, at: _answered(one, names, at))
    except SampleError as error:
        return [unusable(str(error), images) for _ in asked[image_id]]
    ids = [description.get("id") for _, description in asked[image_id]]
    return [_sample(entry, shown, place, one, ids, images) for place, one in asked[image_id]]


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
