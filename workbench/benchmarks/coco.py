"""Reads instance files in the layout of COCO as a benchmark: which objects of each class does each image show?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, Entry, is_crowd, is_id
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import (
    ImageFolder,
    checked_size,
    existing,
    numbered,
    numbers_of,
    starts_with,
    unusable,
)
from workbench.data.errors import SampleError, short
from workbench.data.masks import Rle, from_annotation
from workbench.data.samples import Sample, SceneObject
from workbench.plugins.interfaces import reads_files


@reads_files("coco/ap", "tide", recognises=lambda path: starts_with(path, b"{"))
def coco(
    annotations: Annotations = "data/coco/annotations/instances_val2017.json",
    images: Images = "data/coco/val2017",
    protocol: Protocol = "coco/ap",
) -> Annotated:
    """COCO instance segmentation: one sample for each image and category."""
    path, root = existing("coco", annotations, images)
    return Annotated(
        "coco",
        protocol,
        (path,),
        root or path.parent,
        lambda: read(path, root),
        remarks=lambda: CocoFile(path).remarks,
    )


def read(annotations: Path, images: Path | None) -> Iterator[Sample]:
    """Read an instance file `{images, annotations, categories}`.

    Samples are numbered image by image as `images` lists them, and within an image category by category as `categories`
    does; the instruction is the category's name. `targets` are the image's instances of the category, `others` those
    of the other categories. `facts` have `image` (its id), `coco_id`
    (the ids of image and category), `category`, `crowds` (masks of the category's crowds), where every target has one,
    `areas` (square pixels), and `exhaustive`, false, where the image says as LVIS does that not every instance is
    annotated, or does not say whether there is any. Raises `ConfigurationError` for a file that is not in this
    layout.
    """
    file = CocoFile(annotations)
    names = file.categories()
    folder = ImageFolder(images, annotations.parent)
    samples = (
        sample
        for i, entry in enumerate(file.image_list)
        for sample in _samples(entry, f"image {i}", file, names, folder)
    )
    return numbered(samples, annotations.name)


def _samples(
    entry: object, where: str, file: CocoFile, categories: dict[int, str], images: ImageFolder
) -> list[Sample]:
    """One sample for each category. An error in the image or in any of its annotations is the problem of all of
    them.
    """
    try:
        if not isinstance(entry, dict):
            raise SampleError(f"{where}: expected {{id, file_name, height, width}}, got {short(entry)}")
        image_id = file.image(entry.get("id"), where)["id"]
        path = images.place(entry.get("file_name"), f"{where}: file_name")
        height, width = checked_size(entry.get("height"), entry.get("width"), where)
        annotated = [_annotation(a, height, width, categories, where) for a in file.annotations_of(image_id)]
    except SampleError as error:
        return [unusable(str(error), images) for _ in categories]
    shown = {label for label, *_ in annotated}
    return [
        Sample(
            "",
            entry["file_name"],
            path,
            width,
            height,
            name,
            targets=tuple(mask for label, mask, _, crowd in annotated if label == name and not crowd),
            others=tuple(
                SceneObject(mask, label) for label, mask, _, crowd in annotated if label != name and not crowd
            ),
            facts={
                "image": image_id,
                "coco_id": [image_id, category_id],
                **_facts(name, annotated),
                **_doubt(entry, category_id, name in shown),
            },
        )
        for category_id, name in categories.items()
    ]


_Annotation = tuple[str, Rle, float | None, bool]
"""category, mask, area, whether it is a crowd"""


def _facts(name: str, annotated: list[_Annotation]) -> dict[str, Any]:
    areas = [area for label, _, area, crowd in annotated if label == name and not crowd]
    crowds = [mask for label, mask, _, crowd in annotated if label == name and crowd]
    known = {"areas": areas} if areas and None not in areas else {}
    return {"category": name, **known, **({"crowds": crowds} if crowds else {})}


def _doubt(entry: Entry, category_id: int, shown: bool) -> dict[str, bool]:
    """LVIS lists the categories that are surely absent, and those of which instances may be missing."""
    partly, absent = entry.get("not_exhaustive_category_ids"), entry.get("neg_category_ids")
    missing = isinstance(partly, list) and category_id in partly
    unknown = isinstance(absent, list) and not shown and category_id not in absent
    return {"exhaustive": False} if missing or unknown else {}


def _annotation(annotation: Entry, height: int, width: int, categories: dict[int, str], where: str) -> _Annotation:
    where = f"{where}: annotation {short(annotation.get('id'))}"
    category = annotation.get("category_id")
    if not is_id(category) or category not in categories:
        raise SampleError(f"{where}: expected `category_id` of one of the categories, got {short(category)}")
    area = None
    if annotation.get("area") is not None:
        (area,) = numbers_of([annotation["area"]], 1, f"{where}: area")
        if area < 0:
            raise SampleError(f"{where}: expected an `area` of at least 0, got {short(area)}")
    mask = from_annotation(annotation.get("segmentation"), height, width, where)
    return categories[category], mask, area, is_crowd(annotation, where)
