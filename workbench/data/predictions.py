"""What a system answers: instances, how it ended, and a trace of how it got there."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from workbench.data.masks import Rle
from workbench.data.samples import Box

CallKind = Literal["llm", "segment", "encode", "decode", "render"]
"""llm: a language-model request; encode: image features; segment: detector and mask head for phrases or slots;
decode: masks to image size and RLE; render: pictures for a language model."""

Dropped = Literal["suppressed", "empty", "rejected", "replaced", "unselected", "low_score"]
"""Why a candidate is not in the answer: overlap suppression; empty mask; rejected by the mask check; a later phrase
replaced it; shown but not selected; below the score threshold."""

OK = "ok"
BAD_SAMPLE = "bad_sample"  # image or annotation unusable; the system never saw it
CRASHED = "crashed"  # the system raised; the message says what
OUTCOMES: Mapping[str, str] = {
    OK: "the system answered (an empty answer is an answer)",
    BAD_SAMPLE: "the image or the annotation could not be used",
    CRASHED: "the system raised an exception",
    "malformed_call": "the agent's model never produced a readable tool call within its retries",
    "unknown_tool": "the agent's model kept naming a tool that does not exist",
    "wrong_order": "the agent's model kept calling a tool before there were masks for it",
    "bad_parameters": "the agent's model kept giving parameters the tool does not take",
    "unreadable_verdict": "a mask check gave no readable verdict within its retries",
    "model_unavailable": "the language model could not be reached or failed",
    "cut_off": "the language model's reply hit its length limit within every retry",
    "budget_spent": "the agent used up its rounds without a final answer",
    "timed_out": "the sample ran past its time limit",
    "segmenter_failed": "the segmenter raised an exception",
    "too_long": "the instruction does not fit the model's context",
}


@dataclass(frozen=True)
class Instance:
    """One predicted instance; `score` in [0, 1]. `box`: where the system predicts it apart from the mask."""

    mask: Rle
    score: float
    box: Box | None = None


@dataclass(frozen=True)
class Candidate:
    """A mask that was seen on the way and is not in the answer."""

    mask: Rle
    score: float
    dropped: Dropped
    phrase: str = ""


@dataclass
class Call:
    """One model call. `start` and `duration` in seconds, `start` from the beginning of the sample. `note` is the
    system's own (JSON types); `note["mistake"]` says what went wrong, see `workbench.failures.calls`."""

    kind: CallKind
    start: float
    duration: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    note: dict[str, Any] = field(default_factory=dict)


@dataclass
class Trace:
    """The calls and the dropped candidates of one sample, recorded as they happen."""

    calls: list[Call] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    origin: float = field(default_factory=time.perf_counter)

    @contextmanager
    def call(self, kind: CallKind, **note: Any) -> Iterator[Call]:
        """Time a block as one call; the call is recorded also when the block raises."""
        begun = time.perf_counter()
        record = Call(kind, begun - self.origin, note=note)
        self.calls.append(record)
        try:
            yield record
        finally:
            record.duration = time.perf_counter() - begun


@dataclass(frozen=True)
class Prediction:
    """A system's answer to one sample. `outcome` is a key of `OUTCOMES`; anything but `ok` counts as a failure and
    scores as an empty answer. `latency` in seconds is wall time of the whole answer, image in memory to RLE masks,
    and is None where the sample was not timed alone."""

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
    """Begun by a process that was killed and ended by another: it has no latency."""
    rejected: bool | None = None
    """Whether the system says that nothing answers the instruction, where it decides that apart from its instances;
    None: it does so by giving no instance."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Prediction":
        """Rebuild from `to_json`; raises `KeyError` or `TypeError` for anything else."""
        return cls(
            sample_id=record["sample_id"],
            instances=tuple(Instance(i["mask"], i["score"], _box(i.get("box"))) for i in record["instances"]),
            outcome=record["outcome"],
            message=record["message"],
            latency=record["latency"],
            calls=tuple(Call(**c) for c in record["calls"]),
            candidates=tuple(Candidate(**c) for c in record["candidates"]),
            phrases=tuple(record["phrases"]),
            resumed=record.get("resumed", False),
            rejected=record.get("rejected"),
        )


def _box(values: Sequence[float] | None) -> Box | None:
    if values is None:
        return None
    x, y, width, height = values
    return x, y, width, height
