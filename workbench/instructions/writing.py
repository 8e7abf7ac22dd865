"""Writes instructions about the pictures of a benchmark: files in the layout of Inst2Seg-Bench, one for each split.

SPLIT.json          a list of `{image, height, width, annotation: [{text, mask, kind, verify}], objects}`;
                    `workbench.benchmarks.inst2seg` reads it. `verify`: marked to be checked by hand
pictures/           copies of the pictures, where they are asked for
verify/             what is marked, drawn with its masks
instructions.json   from what it was made, how many there are, and what was left out, by reason
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.digests import file_digest
from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.masks import Rle
from workbench.data.pictures import read_picture
from workbench.instructions.colours import colours_of
from workbench.instructions.grammar import instructions
from workbench.instructions.objects import Annotated, annotated, check_named
from workbench.instructions.view import Colours, View
from workbench.plugins.interfaces import Benchmark
from workbench.runs.files import replacing, write_json

MANIFEST, PICTURES = "instructions.json", "pictures"
SPLITS = ("train", "val", "test")
VERSION = 1
"""Raised whenever the same seed gives other instructions."""
_STREAM = 0xA5C


@dataclass(frozen=True)
class Plan:
    """How many instructions each picture gets at most, the shares of the splits, the share that is marked for
    verification by hand, and whether all labels of objects are complete though the file does not say so."""

    per_picture: int = 8
    seed: int = 0
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    verify: float = 0.1
    exhaustive: bool = False
    limit: int | None = None


@dataclass
class Asked:
    """An instruction that is written: `masks` of its targets; `plain`: the text before it was rewritten."""

    text: str
    kind: str
    targets: tuple[int, ...]
    verify: bool = False
    plain: str | None = None


@dataclass
class Entry:
    """A picture with its instructions."""

    picture: Annotated
    digest: str
    asked: list[Asked]
    split: str = ""


@dataclass
class Made:
    """All that was made, and what was left out: pictures and their categories by reason."""

    entries: list[Entry]
    pictures: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)


def make(benchmark: Benchmark, plan: Plan) -> Made:
    """Instructions about the pictures of a benchmark; the same arguments give the same instructions.

    Pictures are dealt to the splits by their content, so that two files with the same picture fall into one split.
    Raises `ConfigurationError` for a benchmark that does not name its instances, and where nothing was clear.
    """
    samples = list(benchmark.samples())
    check_named(samples, benchmark.name)
    made = Made([])
    for picture in annotated(samples, plan.exhaustive, made.pictures):
        shown = {thing.category for thing in picture.things}
        made.categories.update(reason for category, reason in picture.unclear.items() if category in shown)
        entry = _entry(picture, plan, made.pictures)
        if entry is not None:
            made.entries.append(entry)
        if plan.limit is not None and len(made.entries) >= plan.limit:
            break
    if not made.entries:
        raise ConfigurationError(_nothing(benchmark.name, made))
    _deal(made.entries, plan)
    return made


def write(made: Made, out: Path, image_root: Path, copies: bool, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write what was made to a folder, and return what its manifest says. `copies`: the pictures are copied, and found
    from the folder; otherwise image paths start from `image_root`. `about`: more for the manifest.
    """
    splits = {}
    for split in SPLITS:
        chosen = [entry for entry in made.entries if entry.split == split]
        lines = ",\n".join(
            json.dumps(
                _record(entry, _place(entry, out, image_root, copies)), ensure_ascii=False, separators=(",", ":")
            )
            for entry in chosen
        )
        with replacing(out / f"{split}.json") as file:
            file.write(f"[\n{lines}\n]\n".encode())
        splits[split] = _counts(chosen)
    left_out = {"pictures": dict(sorted(made.pictures.items())), "categories": dict(sorted(made.categories.items()))}
    manifest = {"version": VERSION, **about, "splits": splits, "left_out": left_out}
    write_json(out / MANIFEST, manifest)
    return manifest


def colours_in(pixels: NDArray[np.uint8], picture: Annotated) -> Colours:
    """The colours of each thing in a picture."""
    from workbench.data.masks import decode

    return [colours_of(pixels, decode(thing.mask)) for thing in picture.things]


def _entry(picture: Annotated, plan: Plan, dropped: Counter[str]) -> Entry | None:
    if not picture.clear and not picture.absent:
        dropped["no_category"] += 1
        return None
    try:
        pixels = read_picture(picture.path, (picture.width, picture.height)).pixels
        digest = file_digest(picture.path)
    except (SampleError, OSError):
        dropped["unreadable"] += 1
        return None
    view = View(picture, colours_in(pixels, picture))
    rng = np.random.default_rng([_STREAM, plan.seed, _number(digest)])
    asked = [Asked(one.text, one.kind, one.targets) for one in instructions(view, rng, plan.per_picture)]
    if not asked:
        dropped["no_instruction"] += 1
        return None
    return Entry(picture, digest, asked)


def _deal(entries: Sequence[Entry], plan: Plan) -> None:
    """Give every picture its split, and mark a share of each split's instructions."""
    order = sorted({entry.digest for entry in entries}, key=lambda digest: _number(f"{plan.seed} {digest}"))
    ends = [round(sum(plan.shares[: i + 1]) * len(order)) for i in range(len(SPLITS))]
    splits = {digest: next(s for s, end in zip(SPLITS, ends, strict=True) if i < end) for i, digest in enumerate(order)}
    for entry in entries:
        entry.split = splits[entry.digest]
    for split in SPLITS:
        asked = [(entry.digest, one) for entry in entries if entry.split == split for one in entry.asked]
        asked.sort(key=lambda pair: _number(f"{plan.seed} {pair[0]} {pair[1].text}"))
        for _, one in asked[: round(plan.verify * len(asked))]:
            one.verify = True


def _record(entry: Entry, image: str) -> dict[str, Any]:
    picture = entry.picture
    annotation = []
    for one in entry.asked:
        rles: list[Rle] = [picture.things[i].mask for i in one.targets]
        marks = {"mask": rles} if rles else {}
        more = {"verify": True} if one.verify else {}
        plain = {"plain": one.plain} if one.plain is not None else {}
        annotation.append({"text": one.text, **marks, "kind": one.kind, **plain, **more})
    objects = [{"mask": thing.mask, "category": thing.category} for thing in picture.things]
    size = {"height": picture.height, "width": picture.width}
    return {"image": image, **size, "annotation": annotation, "objects": objects}


def _place(entry: Entry, out: Path, image_root: Path, copies: bool) -> str:
    """Where the picture is found: below the folder of the file, or below the benchmark's images."""
    path = entry.picture.path
    if not copies:
        try:
            return path.resolve().relative_to(image_root.resolve()).as_posix()
        except ValueError:
            raise ConfigurationError(f"instructions: {path} is not below {image_root}: give --copy") from None
    copy = out / PICTURES / f"{entry.digest[:16]}{path.suffix.lower()}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        with replacing(copy) as target, path.open("rb") as source:
            shutil.copyfileobj(source, target)
    return copy.relative_to(out).as_posix()


def _counts(entries: Sequence[Entry]) -> dict[str, Any]:
    asked = list(_all(entries))
    forms = Counter(("no_target", "single_target", "multi_target")[min(len(one.targets), 2)] for one in asked)
    kinds = Counter(one.kind for one in asked)
    return {
        "pictures": len(entries),
        "instructions": len(asked),
        **{name: forms[name] for name in ("no_target", "single_target", "multi_target")},
        "to_verify": sum(one.verify for one in asked),
        "kinds": dict(sorted(kinds.items())),
    }


def _all(entries: Sequence[Entry]) -> Iterator[Asked]:
    return (one for entry in entries for one in entry.asked)


def _nothing(name: str, made: Made) -> str:
    reasons = {**made.pictures, **{f"category: {reason}": n for reason, n in made.categories.items()}}
    counted = ", ".join(f"{reason} {n}" for reason, n in reasons.items()) or "no picture"
    advice = ""
    if made.categories["not_exhaustive"]:
        advice = "; --exhaustive says that every instance of a label is annotated, where that is so"
    return f"instructions: nothing about the pictures of {name} was clear enough to ask ({counted}){advice}"


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)
