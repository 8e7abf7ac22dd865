"""Answers in the layout of COCO's results: one list, with an entry for each instance.

    [{"image_id": 7, "category_id": 1, "segmentation": {"size": [h, w], "counts": "..."}, "score": 0.9}, ...]

`image_id` and `category_id` are those of the annotation file where it has such ids (`facts["coco_id"]` of a sample,
which the readers of COCO and SA-Co set); elsewhere `image_id` is the sample's id, and `category_id` is not looked at.
A sample without an entry is answered with no instance, as COCO counts it. Masks are RLE or polygons. `bbox` (`x, y,
width, height`) is read where the first entry has one, as pycocotools does; other keys are not looked at.

Where the benchmark has boxes only, `bbox` is enough, and OmniLabel's own results are read too, in which a box has a
score for each of several descriptions:

    {"image_id": 7, "bbox": [x, y, w, h], "description_ids": [1, 4], "scores": [0.9, 0.2]}

Entries about images and descriptions that are not asked are left out there, as officially; a file without any
other is refused.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.benchmarks.reading import box_of_sides, read_list, starts_with
from workbench.data.boxes import rectangle
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.ids import whole_number
from workbench.data.masks import Rle, check_pairs, from_annotation
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample, most_masks

Entry = Mapping[str, Any]
Key = tuple[str, int | None]
"""Image or sample, and category where it counts."""


def is_results(path: Path) -> bool:
    """Whether a file is a list, as COCO's results are; not so a file that cannot be read."""
    try:
        return starts_with(path, b"[")
    except ConfigurationError:
        return False


@dataclass(frozen=True)
class Results:
    """A file's entries with their places, by image or sample; `boxed`: their boxes are read too."""

    path: Path
    by_image: Mapping[str, Sequence[tuple[int, Entry]]]
    boxed: bool

    def prediction(self, sample: Sample) -> Prediction:
        """The answer to a sample; raises `SampleError` that names file and entry for one that does not fit it."""
        image, category = key_of(sample)
        entries = [
            (place, entry)
            for place, entry in self.by_image.get(image, ())
            if category is None or whole_number(entry.get("category_id")) == category
        ]
        where = f"{self.path}: sample {sample.sample_id!r}"
        try:
            check_pairs(len(entries), most_masks(sample))
        except SampleError as error:
            raise SampleError(f"{where}: {error}") from error
        return Prediction(sample.sample_id, tuple(self._instance(sample, *entry) for entry in entries))

    def check_samples(self, samples: Sequence[Sample]) -> None:
        """Raises `ConfigurationError` for an entry about an image or a category that none of these samples has. Of
        boxes, which files have of more than is asked, for a file without any entry about these samples."""
        keys = [key_of(sample) for sample in samples]
        if any(sample.only_boxes for sample in samples):
            _check_some(self, set(keys))
            return
        images = {image for image, _ in keys}
        categories = {category for _, category in keys if category is not None}
        for name, entries in self.by_image.items():
            place, entry = entries[0]
            if name not in images:
                raise ConfigurationError(
                    f"{self.path}: entry {place}: the annotations have no `image_id` {short(entry['image_id'])}: "
                    f"theirs are {short(keys[0][0])} to {short(keys[-1][0])}"
                    if keys
                    else f"{self.path}: entry {place}: the annotations have no samples"
                )
            for place, entry in entries if categories else ():
                if whole_number(entry.get("category_id")) not in categories:
                    raise ConfigurationError(
                        f"{self.path}: entry {place}: the annotations have no `category_id` "
                        f"{short(entry.get('category_id'))}"
                    )

    def _instance(self, sample: Sample, place: int, entry: Entry) -> Instance:
        where = f"{self.path}: entry {place} (sample {sample.sample_id!r})"
        score: Any = entry.get("score")
        mask, box = entry.get("segmentation"), None
        if type(score) not in (int, float) or not 0 <= score <= 1:
            raise SampleError(f"{where}: expected `score` to be a number from 0 to 1, got {short(score)}")
        if self.boxed or (sample.only_boxes and entry.get("bbox") is not None):
            box = box_of_sides(entry.get("bbox"), f"{where}: bbox")
        if mask is None and not (sample.only_boxes and box):
            what = "a box in `bbox`" if sample.only_boxes else "a mask in `segmentation`: boxes alone are not scored"
            raise SampleError(f"{where}: expected {what}")
        if mask is None and box:
            return Instance(rectangle(box, sample.height, sample.width), float(score), box)
        return Instance(mask_of(mask, sample, f"{where}: segmentation"), float(score), box)


def read_results(path: Path) -> Results:
    """Read a file of results. Raises `ConfigurationError` for a file that is no such list, and for an entry without
    an `image_id`; the rest of an entry is checked with its sample.
    """
    entries = read_list(path, "{image_id, category_id, segmentation, score}")
    by_image: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or "image_id" not in entry:
            raise ConfigurationError(
                f"{path}: entry {place}: expected {{image_id, category_id, segmentation, score}}, got {short(entry)}"
            )
        if (name := _name(entry["image_id"])) is None:
            raise ConfigurationError(
                f"{path}: entry {place}: expected `image_id` to be a whole number or a text, got "
                f"{short(entry['image_id'])}"
            )
        by_image[name] += [(place, one) for one in _single(entry, f"{path}: entry {place}")]
    return Results(path, by_image, bool(entries and entries[0].get("bbox")))


def read_predictions(path: Path, samples: Sequence[Sample]) -> list[Prediction]:
    """One prediction for each sample, in their order. Raises `ConfigurationError` for anything wrong in the file, an
    entry about an image or a category that no sample has included.
    """
    results = read_results(path)
    results.check_samples(samples)
    return _answered(results, samples)


def _answered(results: Results, samples: Sequence[Sample]) -> list[Prediction]:
    try:
        return [results.prediction(sample) for sample in samples]
    except SampleError as error:
        raise ConfigurationError(str(error)) from error


def _check_some(results: Results, keys: set[Key]) -> None:
    """Refuse a file none of whose entries is about what is asked: it belongs to other annotations."""
    about = (
        (name, whole_number(entry.get("category_id")))
        for name in results.by_image
        for _, entry in results.by_image[name]
    )
    if results.by_image and not any(key in keys for key in about):
        raise ConfigurationError(
            f"{results.path}: no entry is about an image and a description that the annotations ask for"
        )


def _single(entry: Entry, where: str) -> list[Entry]:
    """An entry of OmniLabel's results as one for each description; any other as it is."""
    if "description_ids" not in entry:
        return [entry]
    descriptions, scores = entry["description_ids"], entry.get("scores")
    if not isinstance(descriptions, list) or not isinstance(scores, list) or len(descriptions) != len(scores):
        raise ConfigurationError(
            f"{where}: expected `scores` with one for each of `description_ids`, got {short(scores)} and "
            f"{short(descriptions)}"
        )
    return [
        {"image_id": entry["image_id"], "category_id": one, "bbox": entry.get("bbox"), "score": score}
        for one, score in zip(descriptions, scores, strict=True)
    ]


def mask_of(value: object, sample: Sample, where: str) -> Rle:
    """A predicted mask; raises `SampleError` for one that does not fit the sample's image."""
    try:
        return from_annotation(value, sample.height, sample.width, where)
    except SampleError as error:
        if not sample.facts.get("unsized"):
            raise
        raise SampleError(
            f"{error}; the annotations have no image size: give the images, or boxes in place of masks"
        ) from error


def key_of(sample: Sample) -> Key:
    """What results call a sample: its image, and its category where an image is asked for several."""
    image, category = sample.facts.get("coco_id", (sample.sample_id, None))
    return str(image), category


def _name(value: object) -> str | None:
    number = whole_number(value)
    return str(number) if number is not None else value if isinstance(value, str) else None
