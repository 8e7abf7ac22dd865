"""The questions of a source on disk, by picture, so that a training holds none of them in memory.

A benchmark is read once, sample by sample; workers then read the questions of one picture at a time. A training that
goes on finds the same index, or stops where the source is no longer the same.
"""

import json
import os
import re
import shutil
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.errors import ConfigurationError
from workbench.data.masks import Rle, areas
from workbench.data.samples import Sample
from workbench.foundations.training.data.options import SourceOptions
from workbench.foundations.training.data.questions import KINDS, Kind
from workbench.plugins import registry
from workbench.plugins.interfaces import Benchmark

VERSION = 1
QUESTIONS, PICTURES, PLACES = "questions.jsonl", "pictures.jsonl", "places.npz"
SUMMARY, LEFT_OUT = "summary.json", "left_out.txt"
NO_TARGET, ONE, SEVERAL = "no target", "one target", "several targets"
UNUSABLE, NO_TRUTH, NOT_ALL, TOO_MANY, BOXES, OTHER_KIND, EMPTY, ABSENT = (
    "their annotation cannot be used",
    "they have no truth",
    "perhaps not every instance is annotated",
    "they have more instances than the model can answer with",
    "they have boxes, which this model cannot learn from",
    "they are of a kind that this model cannot learn from; `kind` says another",
    "their masks are empty",
    "nothing answers them",
)


@dataclass(frozen=True)
class Limits:
    """What a model can learn from: at most so many instances of one question, boxes or not, and which kinds."""

    most: int
    boxes: bool
    kinds: tuple[Kind, ...] = KINDS


@dataclass(frozen=True)
class Line:
    """A question as the index has it; `around` names what else is in the picture."""

    text: str
    phrase: str
    kind: Kind
    targets: tuple[Rle, ...]
    boxes: bool = False
    label: str | None = None
    around: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Only what is not as usual is written of the last three."""
        more = {"boxes": self.boxes, "label": self.label, "around": list(self.around)}
        usual = {"text": self.text, "phrase": self.phrase, "kind": self.kind, "targets": list(self.targets)}
        return {**usual, **{key: value for key, value in more.items() if value}}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Line":
        """The inverse of `to_json`."""
        return cls(**{**record, "targets": tuple(record["targets"]), "around": tuple(record.get("around", ()))})


@dataclass(frozen=True)
class Entry:
    """A picture of an index: its file, width and height, and what its benchmark calls it."""

    path: Path
    size: tuple[int, int]
    name: str


class Index:
    """The pictures of a source that have questions, in the order in which the benchmark has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        places = np.load(folder / PLACES)
        self._first, self._questions, self._pictures = places["first"], places["questions"], places["pictures"]
        self._files: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def entry(self, number: int) -> Entry:
        """The picture of this number."""
        record = self._line(PICTURES, int(self._pictures[number]))
        path = Path(self.summary["root"]) / record["path"]
        return Entry(path, (record["width"], record["height"]), record["name"])

    def lines(self, number: int) -> list[Line]:
        """The questions about the picture of this number, in the order of the benchmark."""
        places = self._questions[self._first[number] : self._first[number + 1]]
        return [Line.from_json(self._line(QUESTIONS, int(place))) for place in places]

    def paths(self) -> set[str]:
        """The files of all pictures."""
        with (self.folder / PICTURES).open("rb") as file:
            return {os.path.join(self.summary["root"], json.loads(line)["path"]) for line in file}  # noqa: PTH118

    def _line(self, name: str, offset: int) -> dict[str, Any]:
        # each process has its own file, and none has a position: forked ones would share it
        key = (os.getpid(), name)
        if key not in self._files:
            self._files[key] = os.open(self.folder / name, os.O_RDONLY)
        line, size = b"", 1 << 12
        while b"\n" not in line:
            part = os.pread(self._files[key], size, offset + len(line))
            if not part:
                raise ConfigurationError(f"{self.folder / name} is cut off: remove the folder {self.folder}")
            line, size = line + part, size * 4
        record: dict[str, Any] = json.loads(line.partition(b"\n")[0])
        return record


def opened(options: SourceOptions, folder: Path, limits: Limits) -> Index:
    """The index of a source in a folder, made where there is none.

    Raises `ConfigurationError` where the benchmark cannot be read or has nothing to learn from, and where the index was
    made of something else.
    """
    benchmark: Benchmark = registry.prepare("benchmarks", options.benchmark, options.options, options.name)()
    identity = {
        "version": VERSION,
        "benchmark": options.benchmark,
        "identity": json.loads(json.dumps(benchmark.identity())),
        "kind": options.kind,
        "phrase": options.phrase,
        "negatives": None if options.negatives is None else options.negatives > 0,
        "limits": [limits.most, limits.boxes, list(limits.kinds)],
    }
    if (folder / SUMMARY).exists():
        index = Index(folder)
        if index.summary["identity"] != identity:
            raise ConfigurationError(
                f"{options.name}: it is no longer what this training has learned from ({folder}): "
                "restore it, or train into another --out"
            )
        return index
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        summary = _write(benchmark, options, partial, limits)
        (partial / SUMMARY).write_text(json.dumps({"identity": identity, **summary}, indent=1) + "\n", encoding="utf-8")
        if not folder.exists():  # another process may have made the same
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Index(folder)


def counts_text(summary: Mapping[str, Any]) -> str:
    """What a source has, and what is left out of it, in one line each."""
    counts: Mapping[str, int] = summary["counts"]
    said = [f"{summary['pictures']:,} pictures, {sum(summary['kinds'].values()):,} questions"]
    said += [f"{name} {n:,}" for name, n in [*summary["kinds"].items(), *counts.items()]]
    left = "".join(f"\n  left out {n:,}: {reason}" for reason, n in summary["left_out"].items())
    return f"{', '.join(said)}{left}"


def _negatives(sample: Sample, options: SourceOptions) -> bool:
    """Whether a question without a target is kept. Where a benchmark has a sample for every category and picture, as
    COCO, most categories are absent: they are kept only where a share of them is asked for."""
    return "category" not in sample.facts if options.negatives is None else options.negatives > 0


def _write(benchmark: Benchmark, options: SourceOptions, folder: Path, limits: Limits) -> dict[str, Any]:
    root = benchmark.image_root().resolve()
    numbers: dict[str, int] = {}
    owners, places, pictures = array("q"), array("q"), array("q")
    kinds, counts, left_out = Counter[str](), Counter[str](), Counter[str]()
    with (
        (folder / QUESTIONS).open("wb") as questions,
        (folder / PICTURES).open("wb") as shown,
        (folder / LEFT_OUT).open("w", encoding="utf-8") as named,
    ):
        for sample in _samples(benchmark, options):
            line = _line(sample, options, limits)
            if isinstance(line, str):
                left_out[line] += 1
                if line == UNUSABLE:
                    named.write(f"{sample.problem}\n")
                continue
            key = str(sample.image_path)
            if key not in numbers:
                numbers[key] = len(numbers)
                pictures.append(shown.tell())
                shown.write(_json(_picture(sample, root)))
            owners.append(numbers[key])
            places.append(questions.tell())
            questions.write(_json(line.to_json()))
            kinds[line.kind] += 1
            counts[(NO_TARGET, ONE, SEVERAL)[min(len(line.targets), 2)]] += 1
    if not numbers:
        said = ", ".join(f"{n:,} as {reason}" for reason, n in left_out.items()) or "it has no samples"
        raise ConfigurationError(f"{options.name}: there is nothing to learn from: {said}")
    order = np.argsort(_numbers(owners), kind="stable")
    first = np.searchsorted(_numbers(owners)[order], np.arange(len(numbers) + 1))
    np.savez(folder / PLACES, first=first, questions=_numbers(places)[order], pictures=_numbers(pictures))
    return {
        "root": str(root),
        "pictures": len(numbers),
        "kinds": dict(sorted(kinds.items())),
        "counts": {name: counts[name] for name in (NO_TARGET, ONE, SEVERAL) if counts[name]},
        "left_out": dict(left_out.most_common()),
    }


def _samples(benchmark: Benchmark, options: SourceOptions) -> Iterable[Sample]:
    print(f"data: reading {options.name}", file=sys.stderr, flush=True)
    return benchmark.samples()


def _line(sample: Sample, options: SourceOptions, limits: Limits) -> Line | str:
    """The question of a sample, or why it is left out."""
    if sample.problem or not sample.instruction.strip():
        return UNUSABLE
    if not sample.has_truth:
        return NO_TRUTH
    targets = tuple(rle for rle, size in zip(sample.targets, areas(sample.targets), strict=True) if size)
    if sample.targets and not targets:
        return EMPTY
    if not targets and not _negatives(sample, options):
        return ABSENT
    if not targets and not _is_surely_absent(sample):
        return NOT_ALL
    if len(targets) > limits.most:
        return TOO_MANY
    if targets and sample.only_boxes and not limits.boxes:
        return BOXES
    kind: Kind = options.kind or ("phrase" if sample.kind == "phrase" else "instruction")
    if kind not in limits.kinds:
        return OTHER_KIND
    text = sample.instruction.strip()
    phrase = (sample.phrase or options.phrase) if kind == "instruction" else re.sub(r"[.?!]+$", "", text) or text
    around = tuple(sorted({other.label for other in sample.others})) if options.negatives else ()
    return Line(text, phrase, kind, targets, bool(targets and sample.only_boxes), sample.kind, around)


def _is_surely_absent(sample: Sample) -> bool:
    """Whether nothing answers a sample without targets: not where its annotators are not sure, or mark a crowd."""
    sure = all(one.exhaustive for one in sample.readings[:1])
    return sure and sample.facts.get("exhaustive", True) and not sample.facts.get("crowds")


def _picture(sample: Sample, root: Path) -> dict[str, Any]:
    path = sample.image_path.resolve()
    relative = path.relative_to(root) if path.is_relative_to(root) else path
    return {"path": str(relative), "name": sample.image_id, "width": sample.width, "height": sample.height}


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def _numbers(values: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(values, dtype=np.int64) if len(values) else np.zeros(0, dtype=np.int64)
