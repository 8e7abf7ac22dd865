"""The answers of one store, in the order of a run's samples.

Those of a small file are parsed once and kept. Of a large one only the place of each line is kept: an answer is read
and parsed when it is asked for, and going through all of them needs the memory of one.
"""

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar, overload

from workbench.data.errors import SampleError
from workbench.data.samples import Sample
from workbench.runs.checks import Checking, check_prediction, check_record
from workbench.runs.files import Line, Lines, damaged
from workbench.runs.stored import Stored

KEPT = 32_000_000
"""Bytes of a file whose answers are kept; parsed they take several times that."""
T = TypeVar("T")
U = TypeVar("U")
_HEAD = b'{"sample_id":"'
_AGAIN = b'"earlier":['


class StoredAnswers(Sequence[Stored]):
    """The answers to some samples, in their order; those without one are left out.

    All lines are checked against their checksums, and those of a small file in all their fields, when this is made;
    those of a large file when they are read. Raises `ConfigurationError` that names file, line and sample where one
    cannot be used. `traces`: whether an answer that is read comes with what its calls sent and replied.
    """

    def __init__(self, path: Path, samples: Sequence[Sample], traces: bool = True) -> None:
        self.path, self.traces = path, traces
        self.large = self.is_large(path)
        starts, numbers, kept = _index(path, samples, self.large)
        self._asked = [sample for sample in samples if sample.sample_id in starts]
        self._starts = array("q", (starts[sample.sample_id] for sample in self._asked))
        self._numbers = array("q", (numbers[sample.sample_id] for sample in self._asked))
        self._kept = None if self.large else [kept[sample.sample_id] for sample in self._asked]

    @staticmethod
    def is_large(path: Path) -> bool:
        """Whether the answers of a store's file are not kept."""
        return path.exists() and path.stat().st_size > KEPT

    def without_traces(self) -> "StoredAnswers":
        """The same, but for what calls sent and replied; an answer of a large file is then read in a fraction of the
        time."""
        other = object.__new__(StoredAnswers)
        other.__dict__.update(self.__dict__, traces=False)
        return other

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Stored]:
        if self._kept is not None:
            yield from self._kept
            return
        with self.path.open("rb") as file:
            for place in range(len(self)):
                yield self._read(file, place)

    @overload
    def __getitem__(self, place: int) -> Stored: ...
    @overload
    def __getitem__(self, place: slice) -> list[Stored]: ...
    def __getitem__(self, place: int | slice) -> Stored | list[Stored]:
        if self._kept is not None:
            return self._kept[place]
        with self.path.open("rb") as file:
            if isinstance(place, slice):
                return [self._read(file, one) for one in range(len(self))[place]]
            return self._read(file, place)

    def _read(self, file: IO[bytes], place: int) -> Stored:
        file.seek(self._starts[place])
        sample, number = self._asked[place], self._numbers[place]
        found: list[Stored] = []
        problem = check_record(json.loads(file.readline()), lambda record: found.append(self._checked(record, sample)))
        if problem:
            raise damaged(self.path, {number: problem}, number)
        return found[0]

    def _checked(self, record: dict[str, Any], sample: Sample) -> Stored:
        record.pop("crc", None)
        if record["sample_id"] != sample.sample_id:
            raise SampleError(f"the file was changed while it was read: expected sample {sample.sample_id!r}")
        stored = Stored.from_json(record, self.traces)
        check_prediction(stored, sample)
        return stored


class Mapped(Sequence[U]):
    """What a function makes of each item of a sequence, made when it is asked for."""

    def __init__(self, items: Sequence[T], function: Callable[[T], U]) -> None:
        self._items, self._function = items, function

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[U]:
        return map(self._function, self._items)

    @overload
    def __getitem__(self, place: int) -> U: ...
    @overload
    def __getitem__(self, place: slice) -> "list[U]": ...
    def __getitem__(self, place: int | slice) -> "U | list[U]":
        if isinstance(place, slice):
            return list(map(self._function, self._items[place]))
        return self._function(self._items[place])


def _index(
    path: Path, samples: Sequence[Sample], large: bool
) -> tuple[dict[str, int], dict[str, int], dict[str, Stored]]:
    """By sample id: the byte and the number of its line, and, of a small file, the parsed answer."""
    asked = {sample.sample_id: sample for sample in samples}
    starts: dict[str, int] = {}
    numbers: dict[str, int] = {}
    kept: dict[str, Stored] = {}
    checking = Checking(path)

    def check(record: dict[str, Any]) -> None:
        sample = asked.get(record["sample_id"])
        if sample is not None and not large:  # else of an earlier, larger run
            stored = Stored.from_json(record)
            check_prediction(stored, sample)
            kept[sample.sample_id] = stored

    for line in Lines(path, _head) if large else Lines(path) if path.exists() else ():
        checking.add(line, check)
        _remember(line, asked, starts, numbers)
    checking.finish()
    return starts, numbers, kept


def _remember(line: Line, asked: dict[str, Sample], starts: dict[str, int], numbers: dict[str, int]) -> None:
    sample_id = line.record.get("sample_id")
    if isinstance(sample_id, str) and sample_id in asked:
        starts[sample_id], numbers[sample_id] = line.start, line.number


def _head(text: bytes) -> dict[str, Any] | None:
    """The sample id of a line as `Store` writes it, without the rest of the line; None where all of it is needed."""
    if not text.startswith(_HEAD) or _AGAIN in text or b'"outcome":"ok"' not in text:
        return None
    end = text.find(b'"', len(_HEAD))
    head = text[len(_HEAD) : end]
    return None if b"\\" in head else {"sample_id": head.decode()}
