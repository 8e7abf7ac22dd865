"""What a picture shows: the instances that the samples of a benchmark name, and of which categories they are all.

Instructions are made only from categories that are clear in the picture: every instance is annotated, each is large
enough to be seen, none lies on another, and the name fits nothing else. What is not clear is counted by its reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.masks import Rle
from workbench.data.samples import Sample
from workbench.instructions.nouns import Noun, alike, mistakable, noun_of
from workbench.tabletop.vocabulary import COLOURS, SIZES

MIN_AREA = 0.002
"""Share of the picture; smaller objects are tiny."""
MIN_SIDE = 8
"""Pixels of the shorter side of a box; smaller objects are tiny."""
MAX_OVERLAP = 0.3
"""Of the smaller of two objects."""
MAX_OBJECTS = 10
"""Instances of a category; of more than these, some are often missing."""

REASONS: dict[str, str] = {
    "crowd": "a group of instances is annotated as one",
    "not_exhaustive": "the file does not say that every instance is annotated",
    "tiny": f"an instance covers less than {MIN_AREA:.1%} of the picture or is narrower than {MIN_SIDE} pixels",
    "overlap": f"an instance lies on another object, with more than {MAX_OVERLAP:.0%} of the smaller one",
    "many": f"there are more than {MAX_OBJECTS} instances",
    "name": "the name says nothing, or fits another category in the picture too",
}
"""Why a category is left out of a picture."""
DROPPED: dict[str, str] = {
    "unusable": "an annotation of the picture cannot be used",
    "no_masks": "the benchmark annotates boxes and no masks",
    "no_truth": "the benchmark does not say what is right",
    "unnamed": "an object has no category",
    "no_category": "no category in the picture is clear",
    "unreadable": "the picture cannot be read, or has another size",
    "no_instruction": "no instruction about it was clear",
}
"""Why a picture is left out."""


@dataclass(frozen=True)
class Thing:
    """An annotated instance."""

    category: str
    mask: Rle


@dataclass(frozen=True)
class Annotated:
    """A picture with its instances. `clear`: the nouns that may be said, by category, of the instances that are there;
    `absent`: nouns of which the file says that nothing is there; `unclear`: categories left out, with the reason."""

    image_id: str
    path: Path
    width: int
    height: int
    things: tuple[Thing, ...]
    clear: Mapping[str, Noun]
    absent: tuple[Noun, ...]
    unclear: Mapping[str, str]


@dataclass
class _Seen:
    """What the samples of one picture say together: masks by category, and which categories are complete."""

    named: dict[str, list[Rle]] = field(default_factory=dict)
    complete: dict[str, str | None] = field(default_factory=dict)
    """Category -> why it is not complete, None where it is."""
    targets: list[Rle] = field(default_factory=list)
    """Targets whose category their sample does not say."""


def annotated(samples: Iterable[Sample], exhaustive: bool, dropped: Counter[str]) -> Iterator[Annotated]:
    """The pictures of a benchmark with their instances, in the order of the samples; what is left out is counted in
    `dropped`. `exhaustive`: the labels of objects are complete, though the file does not say so.
    """
    by_picture: dict[str, list[Sample]] = defaultdict(list)
    labels: set[str] = set()
    for sample in samples:
        by_picture[sample.image_id].append(sample)
        labels |= {_label(other.label, sample) for other in sample.others}
    for image_id, asked in by_picture.items():
        reason = _unusable(asked)
        seen = _Seen() if reason else _seen(asked, exhaustive, labels)
        if seen.targets and not reason:
            reason = "unnamed"
        if reason:
            dropped[reason] += 1
            continue
        yield _picture(image_id, asked[0], seen)


def check_named(samples: Sequence[Sample], name: str) -> None:
    """Raise `ConfigurationError` where no sample says what any of its objects is."""
    if not any(_category(sample) or sample.others for sample in samples):
        raise ConfigurationError(
            f"instructions: the samples of {name} do not say what their objects are: expected a benchmark that names "
            "a category for each of its instances, such as coco, tabletop or folder with `objects`"
        )


def _unusable(asked: Sequence[Sample]) -> str | None:
    if any(sample.problem for sample in asked):
        return "unusable"
    if any(sample.only_boxes for sample in asked):
        return "no_masks"
    return "no_truth" if not all(sample.has_truth for sample in asked) else None


def _seen(asked: Sequence[Sample], exhaustive: bool, labels: Iterable[str]) -> _Seen:
    seen = _Seen()
    for sample in asked:
        if category := _category(sample):
            seen.named[category] = list(sample.targets)
            crowd = "crowd" if sample.facts.get("crowds") else None
            seen.complete[category] = crowd or (None if sample.facts.get("exhaustive", True) else "not_exhaustive")
    scenes = any(sample.phrase is not None for sample in asked)
    for sample in asked:
        for other in sample.others if _category(sample) is None else ():
            rles = seen.named.setdefault(_label(other.label, sample), [])
            if other.mask not in rles:
                rles.append(other.mask)
    known = {rle["counts"] for rles in seen.named.values() for rle in rles}
    seen.targets = [rle for s in asked if _category(s) is None for rle in s.targets if rle["counts"] not in known]
    for label in (*seen.named, *labels):
        seen.complete.setdefault(label, None if exhaustive or scenes else "not_exhaustive")
    return seen


def _category(sample: Sample) -> str | None:
    """The category of all targets, where the sample asks for all of a category."""
    category = sample.facts.get("category")
    return category if isinstance(category, str) else None


def _label(label: str, sample: Sample) -> str:
    """The category in a label. Files in the schema of tabletop list all objects of a scene as `[size] [colour] noun`,
    and their samples have a phrase."""
    if sample.phrase is None:
        return label
    words = label.split()
    while len(words) > 1 and words[0] in (*SIZES, *COLOURS):
        del words[0]
    return " ".join(words)


def _picture(image_id: str, sample: Sample, seen: _Seen) -> Annotated:
    things = tuple(Thing(category, rle) for category, rles in seen.named.items() for rle in rles)
    nouns = {category: noun_of(category) for category in seen.complete}
    present = [noun for category, noun in nouns.items() if noun and seen.named.get(category)]
    unclear: dict[str, str] = {}
    overlapping = _overlapping(things)
    for category, problem in seen.complete.items():
        noun, rles = nouns[category], seen.named.get(category, [])
        doubled = sum(other == noun for other in nouns.values()) > 1
        if problem is None and (noun is None or doubled or mistakable(noun, present)):
            problem = "name"
        problem = problem or _unclear(rles, category in overlapping, sample.width * sample.height)
        if problem:
            unclear[category] = problem
    clear = {c: noun for c, noun in nouns.items() if noun and c not in unclear and seen.named.get(c)}
    absent = [
        noun
        for c, noun in nouns.items()
        if noun and c not in unclear and not seen.named.get(c) and not alike(noun, present)
    ]
    return Annotated(image_id, sample.image_path, sample.width, sample.height, things, clear, tuple(absent), unclear)


def _unclear(rles: Sequence[Rle], overlaps: bool, pixels: int) -> str | None:
    if len(rles) > MAX_OBJECTS:
        return "many"
    sides = [min(masks.bounding_box(rle)[2:]) for rle in rles]
    if any(area < MIN_AREA * pixels for area in masks.areas(rles)) or any(side < MIN_SIDE for side in sides):
        return "tiny"
    return "overlap" if overlaps else None


def _overlapping(things: Sequence[Thing]) -> set[str]:
    """Categories with an instance that lies on another object, unless that is much larger, as a table is than the cup
    whose pixels were given to both."""
    rles = [thing.mask for thing in things]
    if len(rles) < 2 or len(rles) ** 2 > masks.MAX_PAIRS:
        return {thing.category for thing in things} if len(rles) > 1 else set()
    covered = masks.iou_matrix(rles, rles, crowd=True)
    areas = np.array(masks.areas(rles), dtype=float)
    found: set[str] = set()
    for a, b in np.argwhere(covered > MAX_OVERLAP):
        same = things[a].category == things[b].category
        if a != b and (same or areas[b] < 2 * areas[a]):
            found |= {things[a].category, things[b].category}
    return found
