"""One system at work in this process: its warm-up, and its answers by batch or as a stream."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.data.errors import SampleError, no_room, said
from workbench.data.outages import is_outage
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.data.secrets import hide
from workbench.plugins.interfaces import Streaming, System
from workbench.workers.answers import Answer, Options, OutOfTimeError, answer, deadline, load
from workbench.workers.making import About
from workbench.workers.stream import Stream

WARM_UP_LIMITS = 20
"""Time limits of a sample that the first answer may take: a model may compile and fill its caches in it."""


@dataclass(frozen=True)
class WarmUp:
    """`seconds` of a first answer, None where there was none; `outage`: its predictions, where a server failed."""

    seconds: float | None = None
    outage: list[Prediction] = field(default_factory=list)


def streams(about: About, options: Options) -> bool:
    """Whether a system is given samples one by one while others are open, in place of batches."""
    return options.mode == "throughput" and about.at_once > 1


def at_once(about: About, options: Options) -> int:
    """Samples of a batch, or of a stream those that are open."""
    if options.mode == "latency":
        return 1
    return about.at_once if streams(about, options) else about.batch_size


class Worker:
    """Asks one system. Batches are answered one after the other, in the order in which they were given."""

    def __init__(self, name: str, system: System, about: About, options: Options) -> None:
        self.name, self.system, self.options = name, system, options
        self._batches: list[Sequence[Sample]] = []
        self._stream: Stream | None = None
        if streams(about, options):
            assert isinstance(system, Streaming)
            self._stream = Stream(system, options)

    @property
    def streams(self) -> bool:
        """Whether it is given samples one by one while others are open."""
        return self._stream is not None

    def give(self, samples: Sequence[Sample]) -> None:
        """Take samples: a batch, or more for the stream."""
        if self._stream is not None:
            self._stream.begin(samples)
        elif samples:
            self._batches.append(samples)

    def take(self) -> list[Answer]:
        """The answers to a batch, or those of the stream that are ready; waits for one where none is. None where
        nothing is open. Raises the error of a full disk, and no other.
        """
        if self._stream is not None:
            return self._stream.ended()
        return answer(self.system, self._batches.pop(0), self.options) if self._batches else []

    def close(self) -> None:
        """Give up what is open."""
        if self._stream is not None:
            self._stream.close()

    def warm_up(self, samples: Sequence[Sample]) -> WarmUp:
        """A first answer, which is thrown away. Where a server failed in it, that counts as the first failure in a row.
        It may take `WARM_UP_LIMITS` times the time limit of a sample.
        """
        limit = self.options.time_limit
        longest = limit and WARM_UP_LIMITS * limit
        for sample in samples:
            try:
                image = load(sample)
            except SampleError:
                continue
            # mirrored, so that nothing that is cached for this image serves the timed answers
            image = np.ascontiguousarray(image[:, ::-1])
            begun = time.perf_counter()
            predictions: object = None
            try:
                with deadline(longest):
                    predictions = self.system.predict([sample], [image])
            except OutOfTimeError:
                print(f"{self.name}: warm-up failed: no answer within {longest:g} s", file=sys.stderr)
            except (Exception, SystemExit) as error:  # the samples will show it, each with its own outcome
                if no_room(error):
                    raise
                print(hide(f"{self.name}: warm-up failed: {said(error)}"), file=sys.stderr)
            seconds = time.perf_counter() - begun
            if (
                isinstance(predictions, list)
                and predictions
                and all(isinstance(one, Prediction) and is_outage(one) for one in predictions)
            ):
                return WarmUp(None, predictions)
            return WarmUp(seconds)
        return WarmUp()
