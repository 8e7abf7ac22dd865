"""Checks what is read back from a run folder: samples, predictions and sessions, line by line.

A checksum finds accidental changes (see `workbench.runs.files`), but older runs have none, and a run that was fetched
may come from anywhere. A damaged mask could put the mask codec into an endless loop.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data import masks
from workbench.data.errors import ConfigurationError, SampleError, short
from workbench.data.outages import TIMED_OUT, UNAVAILABLE, Earlier, is_outage, stood_in_for
from workbench.data.predictions import OK, Candidate, Instance, Prediction
from workbench.data.samples import Sample, sample_from_json
from workbench.data.vocabulary import OUTCOMES
from workbench.runs.files import Line, damaged, read_records, whole_lines
from workbench.runs.stored import Stored

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
REPEATS = "repeats.jsonl"
"""File of a system's store."""


def read_samples(path: Path, image_root: Path) -> list[Sample]:
    """The samples of a run, in order; raises `ConfigurationError` that names file, line and sample where one cannot be
    used."""
    samples: list[Sample] = []
    checking = Checking(path)

    def check(record: Record) -> None:
        sample = sample_from_json(record, image_root)
        _check_sample(sample)
        samples.append(sample)

    for line in whole_lines(path):
        checking.add(line, check)
    checking.finish()
    return samples


class Checking:
    """Checks the lines of a journal one after the other, and remembers which cannot be used.

    A line needs a sample id, and may repeat an earlier one only where it says that it stands in for that line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: dict[int, str] = {}
        self._lines = 0
        self._seen: dict[str, tuple[int, Record | None]] = {}

    def add(self, line: Line, check: Callable[[Record], None]) -> None:
        """Check a line."""
        self._lines = line.number
        check_id = partial(self._check_id, line.number)
        if problem := check_record(line.record, check_id) or check_record(line.record, check):
            self._problems[line.number] = problem

    def finish(self) -> None:
        """Raise `ConfigurationError` that names the lines that failed, by number and, if they have one, by sample."""
        if self._problems:
            raise damaged(self._path, self._problems, self._lines)

    def _check_id(self, number: int, record: Record) -> None:
        sample_id = record["sample_id"]
        if not isinstance(sample_id, str):
            raise SampleError(f"sample_id: expected text, got {short(sample_id)}")
        if sample_id in self._seen:
            first, failure = self._seen[sample_id]
            if failure is None or not _stands_in(record, failure):
                raise SampleError(f"it repeats the sample of line {first}")
        self._seen[sample_id] = number, _failure(record)


def _failure(record: Record) -> Record | None:
    """What has to be known of a line that another may stand in for: one that failed because of a server."""
    if record.get("outcome") not in (UNAVAILABLE, TIMED_OUT):
        return None
    return {key: record[key] for key in ("outcome", "message", "earlier") if key in record}


def _stands_in(record: Record, before: Record) -> bool:
    """Whether a line says that it replaces an earlier line of its sample, which failed because of a server."""
    earlier = stood_in_for(record)
    told = {key: earlier[-1].get(key) for key in ("outcome", "message")} if earlier else None
    was = {key: before.get(key) for key in ("outcome", "message")}
    return told == was and len(earlier) == len(stood_in_for(before)) + 1


@dataclass(frozen=True)
class Done:
    """A sample that has its prediction. Digests of its image file (None: unreadable) and of its instruction; whether it
    failed, and whether because of a server (`outage`); `earlier`: its failures so far, this one included, that a next
    answer would replace; whether it has a latency (`timed`); the `seconds` that the system worked on it, and the tokens
    that language models read and wrote.
    """

    image: str | None
    instruction: str
    failed: bool
    outage: bool = False
    earlier: tuple[Earlier, ...] = ()
    timed: bool = False
    seconds: float = 0.0
    tokens: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, record: Record) -> "Done":
        """From a line of the store."""
        failed = record["outcome"] != OK
        outage = failed and is_outage(Prediction.from_json(record))
        this = Earlier(outcome=record["outcome"], message=record["message"], when=record.get("when"))
        earlier = (*stood_in_for(record), this) if outage else ()
        calls = record.get("calls", ())
        read, written = (sum(call.get(name, 0) for call in calls) for name in ("tokens_in", "tokens_out"))
        return cls(
            record["image"],
            record["instruction"],
            failed,
            outage,
            earlier,
            record.get("latency") is not None,
            record.get("seconds", 0.0),
            (read, written),
        )


class DoneReader:
    """Gathers the samples that have a prediction from the lines of a store, of which one at a time is in memory."""

    def __init__(self, path: Path) -> None:
        self._done: dict[str, Done] = {}
        self._checking = Checking(path)

    def add(self, line: Line) -> None:
        """Read a line."""
        self._checking.add(line, self._read)

    def finish(self) -> dict[str, Done]:
        """The samples that have a prediction, by id; raises `ConfigurationError` where a line is damaged."""
        self._checking.finish()
        return self._done

    def _read(self, record: Record) -> None:
        self._done[record["sample_id"]] = Done.of(record)


def read_sessions(path: Path) -> list[Record]:
    """When predictions were added, and what loading took; empty where the file is missing or empty."""
    records = read_records(path)

    def check(record: Record) -> None:
        _number("load", record["load"])
        if record["warm_up"] is not None:
            _number("warm_up", record["warm_up"])

    _each(path, records, check)
    return records


@dataclass(frozen=True)
class Repeat:
    """What it took to ask a sample again: seconds of the clock (None where it failed), of all processors and of waiting
    for one, the seconds that the system worked even where it failed, and the tokens that language models read and
    wrote.
    """

    sample_id: str
    latency: float | None
    processor: float | None
    waited: float | None
    seconds: float
    tokens: tuple[int, int]


def read_repeats(path: Path) -> list[Repeat]:
    """How samples that were asked again fared, in order; empty where the file is missing."""
    repeats: list[Repeat] = []

    def check(record: Record) -> None:
        for name in ("latency", "processor", "waited"):
            if record[name] is not None:
                _number(name, record[name])
        _number("seconds", record["seconds"])
        for tokens in record["tokens"]:
            _number("tokens", tokens)
        read, written = record["tokens"]
        repeats.append(Repeat(**{**record, "tokens": (read, written)}))

    _each(path, read_records(path), check)
    return repeats


def read_table(path: Path) -> "pd.DataFrame":
    """A Parquet table, with its checksums; raises `ConfigurationError` where it is damaged."""
    import pyarrow.parquet as pq

    try:
        table: pd.DataFrame = pq.read_table(path, page_checksum_verification=True).to_pandas()
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise ConfigurationError(
            f"{path} is damaged: {str(error).splitlines()[0]}. Delete results.json beside it, and "
            "`workbench report RUN` makes both again from the predictions"
        ) from error
    return table


def _each(path: Path, records: Sequence[Record], check: Callable[[Record], None]) -> None:
    """Check all records. The error names those that failed, by line and, if they have one, by sample."""
    problems = {number: found for number, record in enumerate(records, 1) if (found := check_record(record, check))}
    if problems:
        raise damaged(path, problems, len(records))


def check_record(record: Record, check: Callable[[Record], None]) -> str | None:
    """What a check finds wrong with a record."""
    try:
        check(record)
    except KeyError as error:
        return _of(record, f"it has no {error.args[0]}")
    except (SampleError, TypeError, ValueError, AttributeError) as error:
        return _of(record, str(error))
    return None


def _of(record: Record, problem: str) -> str:
    sample_id = record.get("sample_id")
    return problem if sample_id is None else f"sample {short(sample_id)}: {problem}"


def _check_sample(sample: Sample) -> None:
    for name in ("sample_id", "image_id", "instruction"):
        if not isinstance(getattr(sample, name), str):
            raise SampleError(f"{name}: expected text, got {short(getattr(sample, name))}")
    for name in ("width", "height"):
        value = getattr(sample, name)
        # of a sample that cannot be used, the size may not be known
        if type(value) is not int or value < (0 if sample.problem else 1):
            raise SampleError(f"{name}: expected pixels, got {short(value)}")
    sample_masks = [*sample.targets, *(other.mask for other in sample.others)]
    sample_masks += [target for reading in sample.readings for target in reading.targets]
    sample_masks += [] if sample.ignore is None else [sample.ignore]
    masks.check_all(sample_masks, sample.height, sample.width)
    for box in (*sample.boxes, *(box for reading in sample.readings for box in reading.boxes)):
        for side in box:
            _number("box", side, least=-math.inf)


def check_prediction(stored: Stored, sample: Sample) -> None:
    """Raise `SampleError` where a stored answer does not fit its sample."""
    answer = stored.prediction
    stood_in_for(stored.about)
    if not isinstance(answer.outcome, str) or answer.outcome not in OUTCOMES:
        raise SampleError(f"outcome: expected one of {', '.join(OUTCOMES)}, got {short(answer.outcome)}")
    scored: list[Instance | Candidate] = [*answer.instances, *answer.candidates]
    masks.check_all([one.mask for one in scored], sample.height, sample.width)
    for one in scored:
        _number("score", one.score, most=1)
    for instance in answer.instances:
        for side in instance.box or ():
            _number("box", side, least=-math.inf)
    for call in answer.calls:
        _number("start", call.start, least=-math.inf)
        _number("duration", call.duration, least=-math.inf)
        _number("tokens_in", call.tokens_in, least=-math.inf)
        _number("tokens_out", call.tokens_out, least=-math.inf)
        if call.processor is not None:
            _number("processor", call.processor, least=-math.inf)
    for name in ("latency", "processor", "waited"):
        if getattr(answer, name) is not None:
            _number(name, getattr(answer, name))
    for name in ("seconds", "wall"):
        _number(name, stored.about.get(name, 0.0))


def _number(name: str, value: object, least: float = 0.0, most: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SampleError(f"{name}: expected a number, got {short(value)}")
    if not least <= value <= most:
        raise SampleError(f"{name}: expected a number of at least {least:g} and at most {most:g}, got {value:g}")


def check_identity(path: Path, identity: object) -> Mapping[str, Any]:
    """The identity of a store as it was read; raises `ConfigurationError` where it is none."""
    if not isinstance(identity, dict):
        raise ConfigurationError(f"{path} is damaged: expected a JSON object, got {short(identity)}")
    return identity
