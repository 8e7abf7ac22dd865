"""D3 (D-cube): boxes of what descriptions of presence or absence mean (layout: shikras/d-cube).

`d3_json/d3_{full,pres,abs}_annotations.json` are in the layout of COCO: a category is a description, named by its text,
and an object that answers several has an annotation for each. `d3_pkl` has groups of images and descriptions, as
pickles of plain data; `groups.json` and `sentences.json` with lists of their values are read in their place.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated as Option
from typing import Any, Literal

from workbench.benchmarks.annotated import Annotated
from workbench.benchmarks.coco_file import CocoFile, Entry, is_id
from workbench.benchmarks.d3_groups import Groups, read_groups
from workbench.benchmarks.described import Canvas, canvas
from workbench.benchmarks.options import Annotations, Images, Protocol
from workbench.benchmarks.reading import ImageFolder, existing, numbered, numbers_of, text_of, unusable
from workbench.data.errors import SampleError, short
from workbench.data.samples import Sample
from workbench.plugins.interfaces import reads_files

Setting = Option[
    Literal["intra", "inter"], "What an image is asked: the descriptions of its own group (intra), or all (inter)."
]
Language = Option[Literal["en", "zh"], "Language of the descriptions; Chinese needs sentences.pkl."]
Toolkit = Option[str | None, "Folder of groups.pkl and sentences.pkl; none: d3_pkl beside the annotations' folder."]


@reads_files("d3")
def d3(
    annotations: Annotations = "data/d3/d3_json/d3_full_annotations.json",
    images: Images = "data/d3/d3_images",
    setting: Setting = "intra",
    language: Language = "en",
    toolkit: Toolkit = None,
    protocol: Protocol = "d3",
) -> Annotated:
    """D3 from its published files; the file given asks for all descriptions, those of presence or those of absence."""
    path, root = existing("d3", annotations, images)
    folder = path.parent.parent / "d3_pkl" if toolkit is None else Path(toolkit)
    groups = read_groups(path, folder, setting == "intra", language == "zh")
    facts = {"setting": setting, "language": language, "split": _split(path, setting)}
    return Annotated(
        "d3",
        protocol,
        (path, *groups.files),
        root or path.parent,
        lambda: read(path, root, groups),
        facts,
        lambda: CocoFile(path).remarks,
    )


@dataclass(frozen=True)
class _File:
    """What all images share."""

    coco: CocoFile
    names: Mapping[int, str]
    """of all descriptions of the file by id, in file order"""
    groups: Groups
    images: ImageFolder


def read(annotations: Path, images: Path | None, groups: Groups) -> Iterator[Sample]:
    """Read one of the three annotation files; samples are numbered image by image as `images` lists them, and within an
    image in the order of `categories`.

    `kind` is `presence` or `absence` where that is known. Truths are boxes (`Sample.only_boxes`); `others` are the
    annotated objects of the image that the description does not mean. `facts` have `image` (its id), `coco_id` (the ids
    of image and description), `category` (the id of the description), `words` (at single blanks, as officially),
    `areas`, `crowds`, `unmatchable` where an annotation has the id 0, and `unasked`: the objects that stand under
    descriptions which no image is asked for them, see `_hand_out`. Raises `ConfigurationError` for a file that is not
    in this layout.
    """
    file = CocoFile(annotations)
    shared = _File(file, file.categories(shared_names=True), groups, ImageFolder(images, annotations.parent))
    asked = (_samples(entry, f"image {i}", shared) for i, entry in enumerate(file.image_list))
    if groups.asked is None:  # then nothing is left to hand out, and there may be millions of samples
        return numbered((sample for found, _ in asked for sample in found), annotations.name)
    samples: list[Sample] = []
    unasked: list[dict[str, Any]] = []
    for found, left in asked:
        samples += found
        unasked += left
    _hand_out(unasked, samples)
    return numbered(samples, annotations.name)


def _samples(entry: object, where: str, file: _File) -> tuple[list[Sample], list[dict[str, Any]]]:
    """One sample for each description that an image is asked, and its objects under others. An error in the image or in
    any of its annotations is the problem of all of them.
    """
    image_id = entry.get("id") if isinstance(entry, dict) else None
    asked = [key for key in file.names if file.groups.asks(image_id, key)]
    try:
        if not isinstance(entry, dict):
            raise SampleError(f"{where}: expected {{id, file_name, height, width}}, got {short(entry)}")
        key = file.coco.image(image_id, where)["id"]

        def answered(annotation: Entry, at: str) -> tuple[frozenset[int], str]:
            category = annotation.get("category_id")
            if not is_id(category) or category not in file.names:
                raise SampleError(f"{at}: expected `category_id` of one of the categories, got {short(category)}")
            return frozenset([category]), file.names[category]

        shown = canvas(entry, file.coco.annotations_of(key), file.images, where, answered, _area)
    except SampleError as error:
        return [unusable(str(error), file.images) for _ in asked], []
    return [_sample(entry, shown, one, where, file) for one in asked], _unasked(entry, shown, asked, file)


def _area(annotation: Entry, where: str) -> float:
    (area,) = numbers_of([annotation.get("area")], 1, f"{where}: area")
    if area < 0:
        raise SampleError(f"{where}: expected an `area` of at least 0, got {short(area)}")
    return float(area)


def _sample(entry: Entry, shown: Canvas, description: int, where: str, file: _File) -> Sample:
    try:
        text = text_of(file.groups.text(description, file.names[description]), f"{where}: description {description}")
    except SampleError as error:
        return unusable(str(error), file.images)
    return shown.sample(entry, description, text, file.groups.kind(description), _about(description, file))


def _about(description: int, file: _File) -> dict[str, Any]:
    return {"category": str(description), "words": len(file.names[description].split(" "))}


def _unasked(entry: Entry, shown: Canvas, asked: Sequence[int], file: _File) -> list[dict[str, Any]]:
    """The image's objects under descriptions that it is not asked for, by description."""
    left: dict[int, list[Any]] = defaultdict(list)
    for one in shown.boxed:
        for description in one.descriptions - set(asked):
            left[description].append(one)
    return [
        {
            "image": entry["id"],
            "kind": file.groups.kind(description),
            **_about(description, file),
            "areas": [one.area for one in found if not one.crowd],
            "crowds": sum(one.crowd for one in found),
        }
        for description, found in left.items()
    ]


def _hand_out(unasked: Sequence[dict[str, Any]], samples: Sequence[Sample]) -> None:
    """Add each entry to the `facts` of a sample of its image: officially such objects are missed ones, whatever the
    system does. Of the image's samples it is the one most like it, so that kinds of samples have their own; where the
    image has none of its kind, it is one of another image.
    """
    alike: dict[tuple[Any, ...], Sample] = {}
    for sample in samples:
        if sample.problem is None:
            for key in _likeness(sample.kind, len(sample.targets), sample.facts["image"]):
                alike.setdefault(key, sample)
    for one in unasked:
        keys = _likeness(one["kind"], len(one["areas"]), one["image"])
        place = next((alike[key] for key in keys if key in alike), None)
        if place is not None:
            place.facts.setdefault("unasked", []).append(one)


def _likeness(kind: str | None, targets: int, image: int) -> list[tuple[Any, ...]]:
    """From most to least alike."""
    return [(kind, image, min(targets, 2)), (kind, image, targets > 0, None), (kind, image), (kind,), ()]


def _split(path: Path, setting: str) -> str:
    """The setting, and which descriptions the file has where these are not all, by its published name."""
    part = next((name for name in ("pres", "abs") if name in path.stem.split("_")), None)
    return f"{setting}-{part}" if part else setting
