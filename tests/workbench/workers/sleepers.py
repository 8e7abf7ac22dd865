"""Systems that sleep, and come to grief in all ways at the samples that they are told; and a benchmark for them."""

import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from tests.workbench.toys import Rectangles, Threshold
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image

Grief = Literal["", "killed", "killed once", "hangs", "idles", "leaks", "leaks once"]


class Sleeper(Threshold):
    """Answers by colour, with a score that the sample alone decides, after `delay` seconds for each sample.

    `griefs`: what happens at a sample, by its id. `marks`: a folder for what happens only once. `own`: the identity is
    another one in each process. `together`: after its first answer, a process waits for that of so many processes.
    """

    def __init__(
        self,
        delay: float = 0.0,
        batch_size: int = 1,
        griefs: str = "",
        marks: str = "",
        own: bool = False,
        together: int = 0,
    ) -> None:
        super().__init__(60, 0.0)
        self.seconds, self.batch_size, self.own = delay, batch_size, own
        self.griefs = dict(pair.split("=") for pair in griefs.split(",") if pair)
        self.marks = Path(marks)
        self.leaked, self.together = False, together

    def identity(self) -> dict[str, Any]:
        return {"name": "sleeper", **({"process": os.getpid()} if self.own else {})}

    def _answer(self, sample: Sample, image: Image) -> Prediction:
        time.sleep(self.seconds)
        self.wait_for_others()
        self.come_to_grief(sample.sample_id)
        answer = super()._answer(sample, image)
        scored = tuple(type(one)(one.mask, 1 / (1 + len(sample.instruction))) for one in answer.instances)
        return Prediction(sample.sample_id, scored, calls=answer.calls)

    def wait_for_others(self) -> None:
        if not self.together:
            return
        own = self.marks / f"process-{os.getpid()}"
        if not own.exists():
            own.touch()
            return
        while len(list(self.marks.glob("process-*"))) < self.together:
            time.sleep(0.01)

    def come_to_grief(self, sample_id: str) -> None:
        what, _, once = self.griefs.get(sample_id, "").partition(" ")
        if once:
            try:
                (self.marks / sample_id).touch(exist_ok=False)
            except FileExistsError:
                return
        if what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        self.leaked |= what == "leaks"
        if self.leaked:  # nor is there memory for any other sample of this process
            bytearray(1 << 50)
        if what == "idles":
            time.sleep(600)
        if what == "hangs":  # where no Python code is interrupted, as in a library
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(600)


class Streamer(Sleeper):
    """The same, side by side: the time of a sample grows with its number in threes."""

    at_once = 4
    _pool: ThreadPoolExecutor | None = None

    def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.at_once)
        return self._pool.submit(self._slowly, sample, image)

    def _slowly(self, sample: Sample, image: Image) -> Prediction:
        time.sleep(self.seconds * (int(sample.sample_id[1:]) % 3))
        return self._answer(sample, image)


class Whole(Sleeper):
    """One whose scores depend on the batch, and that says so."""

    depends_on_batch = True

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        answers = super().predict(samples, images)
        number = 1 / (1 + sum(int(sample.sample_id[1:]) for sample in samples))
        return [
            Prediction(one.sample_id, tuple(type(i)(i.mask, number) for i in one.instances), calls=one.calls)
            for one in answers
        ]


def refused() -> Sleeper:
    """One that cannot be made."""
    raise ConfigurationError("its checkpoint is missing")


def toy(folder: Path, samples: int = 12) -> Rectangles:
    """The benchmark: its images are written once."""
    benchmark = Rectangles(folder / "data", samples)
    list(benchmark.samples())
    return benchmark
