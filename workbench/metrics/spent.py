"""What the answers of a system cost, in columns. `workbench.metrics.latency` reads these in place of the answers, since
100,000 of them with their calls take gigabytes.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import CALL_KINDS, counted_as
from workbench.metrics.rounds import rounds, wall_clock

Pair = tuple[Sample, Prediction]


def _floats() -> "array[float]":
    return array("d")


def _numbers() -> "array[int]":
    return array("q")


@dataclass(eq=False)
class Calls:
    """All calls of one kind, and the seconds of the clock that they took of each sample that has any."""

    owners: "array[int]" = field(default_factory=_numbers)
    """the place of each call's sample"""
    durations: "array[float]" = field(default_factory=_floats)
    processors: "array[float]" = field(default_factory=_floats)
    """nan where not known"""
    clocked: "array[int]" = field(default_factory=_numbers)
    """the place of each sample that has a call"""
    clock: "array[float]" = field(default_factory=_floats)


class Spent:
    """What each of S samples cost, in the order in which they were asked."""

    def __init__(self) -> None:
        self.sample_ids: list[str] = []
        self.image_ids: list[str] = []
        self.kinds: list[str | None] = []
        self.outcomes: list[str] = []
        self.calls_of: dict[str, Calls] = {kind: Calls() for kind in CALL_KINDS}
        """by kind; one that a system named itself stands under `other: NAME`"""
        self._seconds = {name: _floats() for name in ("latency", "processor", "waited")}
        self._counts = {name: _numbers() for name in ("targets", "rounds", "calls", "tokens_in", "tokens_out")}

    @classmethod
    def of(cls, pairs: "Iterable[Pair] | Spent") -> "Spent":
        """From samples with their answers, of which one at a time is needed."""
        if isinstance(pairs, Spent):
            return pairs
        spent = cls()
        for sample, answer in pairs:
            spent.add(sample, answer)
        return spent

    def __len__(self) -> int:
        return len(self.sample_ids)

    def add(self, sample: Sample, answer: Prediction) -> None:
        """Count the next sample."""
        place = len(self)
        self.sample_ids.append(sample.sample_id)
        self.image_ids.append(sample.image_id)
        self.kinds.append(sample.kind)
        self.outcomes.append(answer.outcome)
        for name, seconds in self._seconds.items():
            value = getattr(answer, name)
            seconds.append(math.nan if value is None else value)
        read, written = answer.tokens
        counts = (len(sample.targets), rounds(answer), len(answer.calls), read, written)
        for numbers, count in zip(self._counts.values(), counts, strict=True):
            numbers.append(count)
        wall = wall_clock(answer.calls)
        for call in answer.calls:
            calls = self.calls_of.setdefault(counted_as(call.kind, CALL_KINDS), Calls())
            calls.owners.append(place)
            calls.durations.append(call.duration)
            calls.processors.append(math.nan if call.processor is None else call.processor)
        for kind, seconds_of_kind in wall.items():
            calls = self.calls_of[counted_as(kind, CALL_KINDS)]
            calls.clocked.append(place)
            calls.clock.append(seconds_of_kind)

    @cached_property
    def latency(self) -> NDArray[np.float64]:
        """`[S]` seconds; nan where the sample was not timed alone."""
        return np.array(self._seconds["latency"])

    @cached_property
    def processor(self) -> NDArray[np.float64]:
        """`[S]` seconds of all processors; nan where not known."""
        return np.array(self._seconds["processor"])

    @cached_property
    def waited(self) -> NDArray[np.float64]:
        """`[S]` seconds without a processor; nan where not known."""
        return np.array(self._seconds["waited"])

    @cached_property
    def timed(self) -> NDArray[np.int64]:
        """The places of the samples that were timed alone."""
        return np.flatnonzero(~np.isnan(self.latency))

    def counts(self, name: str) -> NDArray[np.int64]:
        """`[S]` of each sample its `targets`, `rounds`, `calls`, `tokens_in` or `tokens_out`."""
        return np.array(self._counts[name], dtype=np.int64)

    def latencies(self) -> dict[str, float]:
        """The seconds of each sample that was timed alone, by id."""
        return {self.sample_ids[place]: float(self.latency[place]) for place in self.timed.tolist()}
