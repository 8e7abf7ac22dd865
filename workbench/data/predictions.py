"""A system's answer to a sample: its instances, its outcome, and a trace of the steps that led to it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workbench.data.errors import SampleError, short
from workbench.data.fields import Fields, is_a
from workbench.data.masks import Rle
from workbench.data.notes import Note, Sent
from workbench.data.samples import Box
from workbench.data.vocabulary import BAD_SAMPLE, CRASHED, OK

__all__ = ["BAD_SAMPLE", "CRASHED", "OK", "Call", "Candidate", "Instance", "Note", "Prediction", "Sent", "Trace"]


@dataclass(frozen=True)
class Instance:
    """One predicted instance; `score` in [0, 1]. `box`: where the system predicts it apart from the mask."""

    mask: Rle
    score: float
    box: Box | None = None

    def __repr__(self) -> str:
        return f"Instance({_size(self.mask)}, score {_digits(self.score)})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"mask": self.mask, "score": self.score, "box": self.box and list(self.box)}

    @classmethod
    def from_json(cls, record: object, where: str = "instance") -> "Instance":
        """The inverse of `to_json`; raises `SampleError` that names the field."""
        fields = Fields(record, where)
        box = fields.maybe("box", list)
        if box is not None and not (len(box) == 4 and all(is_a(number, float) for number in box)):
            raise SampleError(f"{fields.at('box')}: expected [x, y, width, height], got {short(box)}")
        return cls(_mask(fields), fields.get("score", float), None if box is None else (box[0], box[1], box[2], box[3]))


@dataclass(frozen=True)
class Candidate:
    """A mask that came up on the way to the answer but is not part of it.

    `dropped` says why: a key of `workbench.data.vocabulary.DROP_REASONS`, or a short name of the system's own.
    """

    mask: Rle
    score: float
    dropped: str
    phrase: str = ""

    def __repr__(self) -> str:
        phrase = f", phrase {self.phrase!r}" if self.phrase else ""
        return f"Candidate({_size(self.mask)}, score {_digits(self.score)}, dropped {self.dropped!r}{phrase})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"mask": self.mask, "score": self.score, "dropped": self.dropped, "phrase": self.phrase}

    @classmethod
    def from_json(cls, record: object, where: str = "candidate") -> "Candidate":
        """The inverse of `to_json`; raises `SampleError` that names the field."""
        fields = Fields(record, where)
        return cls(_mask(fields), fields.get("score", float), fields.get("dropped", str), fields.get("phrase", str, ""))


@dataclass
class Call:
    """One model call. `start` and `duration` in seconds, `start` from the beginning of the sample. `processor`: seconds
    of all processors that the process used meanwhile, for this call and for any that ran beside it; None: not known.

    `kind` is a key of `workbench.data.vocabulary.CALL_KINDS`, or a short name of the system's own. A `note` that is a
    dictionary becomes a `Note`, as `Note.from_json` reads it.
    """

    kind: str
    start: float
    duration: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    note: Note = field(default_factory=Note)
    processor: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.note, Mapping):
            self.note = Note.from_json(self.note)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        counted = {"processor": self.processor, "tokens_in": self.tokens_in, "tokens_out": self.tokens_out}
        return {
            "kind": self.kind, "start": self.start, "duration": self.duration, **counted, "note": self.note.to_json()
        }  # fmt: skip

    @classmethod
    def from_json(cls, record: object, where: str = "call") -> "Call":
        """The inverse of `to_json`; raises `SampleError` that names the field."""
        fields = Fields(record, where)
        return cls(
            fields.get("kind", str),
            fields.get("start", float),
            fields.get("duration", float, 0.0),
            fields.get("tokens_in", int, 0),
            fields.get("tokens_out", int, 0),
            Note.from_json(fields.get("note", dict, {}), fields.at("note")),
            fields.maybe("processor", float),
        )


@dataclass
class Trace:
    """The calls and the dropped candidates of one sample, recorded as they happen."""

    calls: list[Call] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    origin: float = field(default_factory=time.perf_counter)

    def __repr__(self) -> str:
        return f"Trace({len(self.calls)} calls, {len(self.candidates)} candidates)"

    @contextmanager
    def call(self, kind: str, note: Note | None = None, **extra: Any) -> Iterator[Call]:
        """Time a block as one call; the call is recorded also when the block raises. `extra` joins the note."""
        begun, processor = time.perf_counter(), time.process_time()
        record = Call(kind, begun - self.origin, note=note or Note())
        if extra:
            record.note = Note.from_json({**record.note.to_json(), **extra})
        self.calls.append(record)
        try:
            yield record
        finally:
            record.duration = time.perf_counter() - begun
            record.processor = time.process_time() - processor


@dataclass(frozen=True)
class Prediction:
    """A system's answer to one sample. `outcome` is a key of `workbench.data.vocabulary.OUTCOMES`; anything but `ok`
    counts as a failure and scores as an empty answer. `latency` in seconds is wall time of the whole answer, image in
    memory to RLE masks, and is None where the sample was not timed alone."""

    sample_id: str
    instances: tuple[Instance, ...] = ()
    outcome: str = OK
    message: str = ""
    latency: float | None = None
    calls: tuple[Call, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    phrases: tuple[str, ...] = ()
    """Phrases the system used: sent to the segmenter (agent) or written before its slots (single pass)."""
    resumed: bool = False
    """Begun by a process that was killed and finished by another; such an answer has no latency."""
    rejected: bool | None = None
    """Whether the system says that nothing answers the instruction, where it decides that apart from its instances;
    None: it does so by giving no instance."""
    processor: float | None = None
    """Seconds of all processors that the process used within `latency`."""
    waited: float | None = None
    """Seconds of `latency` in which other processes kept it waiting for a processor; None where the operating system
    does not count them."""

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that language models read and wrote in all calls."""
        return sum(call.tokens_in for call in self.calls), sum(call.tokens_out for call in self.calls)

    def __repr__(self) -> str:
        seconds = "" if self.latency is None else f", {_digits(self.latency)} s"
        return f"Prediction({self.sample_id!r}, {len(self.instances)} instances, {self.outcome}{seconds})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` is its inverse."""
        return {
            "sample_id": self.sample_id,
            "instances": [instance.to_json() for instance in self.instances],
            "outcome": self.outcome,
            "message": self.message,
            "latency": self.latency,
            "processor": self.processor,
            "waited": self.waited,
            "calls": [call.to_json() for call in self.calls],
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "phrases": list(self.phrases),
            "resumed": self.resumed,
            "rejected": self.rejected,
        }

    @classmethod
    def from_json(cls, record: object) -> "Prediction":
        """Rebuild from `to_json`; raises `SampleError` that names the field and what it holds."""
        fields = Fields(record, "prediction")
        return cls(
            sample_id=fields.get("sample_id", str),
            instances=tuple(Instance.from_json(*one) for one in fields.items("instances")),
            outcome=fields.get("outcome", str),
            message=fields.get("message", str, ""),
            latency=fields.maybe("latency", float),
            processor=fields.maybe("processor", float),
            waited=fields.maybe("waited", float),
            calls=tuple(Call.from_json(*one) for one in fields.items("calls")),
            candidates=tuple(Candidate.from_json(*one) for one in fields.items("candidates")),
            phrases=tuple(fields.texts("phrases")),
            resumed=fields.get("resumed", bool, False),
            rejected=fields.maybe("rejected", bool),
        )


def _mask(fields: Fields) -> Rle:
    """The mask of an instance or candidate; whether its run lengths fit an image is not checked here."""
    mask = Fields(fields.get("mask", dict), fields.at("mask"))
    size = mask.get("size", list)
    if len(size) != 2 or not all(is_a(side, int) for side in size):
        raise SampleError(f"{mask.at('size')}: expected [height, width] in pixels, got {short(size)}")
    return {"size": size, "counts": mask.get("counts", str)}


def _size(mask: object) -> str:
    """What an instance's `repr` says about its mask. It also works for a wrong mask, since error messages show it."""
    size = mask.get("size") if isinstance(mask, dict) else None
    return f"mask of {size[1]}x{size[0]}" if isinstance(size, list) and len(size) == 2 else short(mask)


def _digits(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else short(value)
