"""Samples that a system answers side by side: one that is answered makes room for the next, whatever the others do."""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import replace

from workbench.data.errors import SampleError, no_memory, no_room
from workbench.data.predictions import BAD_SAMPLE, CRASHED, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Streaming
from workbench.workers.answers import Answer, Options, checked, described, failure, load, set_generators, without_times


class Stream:
    """The open samples of one system. `begin` takes samples, and starts as many as the system works on at once; `ended`
    gives the answers that are ready.

    Each answer has an equal share of the time since the answers before it, so that the seconds of all add up to the
    time that the system worked. A sample that is over its time limit is cancelled.
    """

    def __init__(self, system: Streaming, options: Options) -> None:
        self._system, self._options = system, options
        self._waiting: list[Sample] = []
        self._open: dict[Future[Prediction], tuple[Sample, float]] = {}
        self._ready: list[Answer] = []
        self._counted = time.perf_counter()

    def __len__(self) -> int:
        """Samples that were taken and not given back."""
        return len(self._waiting) + len(self._open) + len(self._ready)

    def begin(self, samples: Sequence[Sample]) -> None:
        """Take more samples. Only the error of a full disk is raised; any other is the sample's outcome."""
        if not len(self):
            self._counted = time.perf_counter()
        self._waiting += samples
        self._fill()

    def ended(self) -> list[Answer]:
        """Wait for answers, and give all that are ready; none where no sample is open."""
        while not self._ready and self._open:
            wait(self._open, self._patience(), FIRST_COMPLETED)
            for future in [future for future in self._open if future.done()]:
                sample, _ = self._open.pop(future)
                self._ready.append(self._answer(sample, future))
            self._give_up()
            self._fill()
        now = time.perf_counter()
        share = (now - self._counted) / max(1, len(self._ready))
        answers = [replace(one, seconds=share) for one in self._ready]
        self._counted = now
        self._ready.clear()
        return answers

    def close(self) -> None:
        """Give up all samples."""
        self._waiting.clear()
        for future in self._open:
            future.cancel()
        self._open.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._open) < self._system.at_once:
            self._start(self._waiting.pop(0))

    def _start(self, sample: Sample) -> None:
        try:
            image = load(sample)
        except SampleError as error:
            self._ready.append(failure(sample, BAD_SAMPLE, str(error), 0.0))
            return
        set_generators(self._options.seed, sample.sample_id)
        try:
            self._open[self._system.start(sample, image)] = sample, time.monotonic()
        except (Exception, SystemExit) as error:
            if no_room(error):
                raise
            self._ready.append(failure(sample, CRASHED, described(error), 0.0, no_memory(error)))

    def _patience(self) -> float | None:
        """Seconds until the first open sample is over its limit; None where there is no limit."""
        limit = self._options.time_limit
        if limit is None:
            return None
        return max(0.0, min(begun for _, begun in self._open.values()) + limit - time.monotonic())

    def _give_up(self) -> None:
        limit = self._options.time_limit
        if limit is None:
            return
        for future, (sample, begun) in list(self._open.items()):
            if time.monotonic() - begun >= limit and not future.done():
                future.cancel()
                del self._open[future]
                self._ready.append(failure(sample, "timed_out", f"no answer within {limit:g} s", 0.0))

    def _answer(self, sample: Sample, future: "Future[Prediction]") -> Answer:
        try:
            return Answer(without_times(checked([future.result()], [sample])[0]), 0.0)
        except SampleError as error:
            return failure(sample, CRASHED, f"unusable answer: {error}", 0.0)
        except CancelledError:
            return failure(sample, CRASHED, "the system cancelled its answer", 0.0)
        except (Exception, SystemExit) as error:
            if no_room(error):
                raise
            return failure(sample, CRASHED, described(error), 0.0, no_memory(error))
