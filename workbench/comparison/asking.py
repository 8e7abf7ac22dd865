"""Asks one system: hands its samples out to the workers, and stores the answers as they come."""

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.comparison.board import Board
from workbench.comparison.budget import Budget
from workbench.comparison.outages import Patience, Watch
from workbench.comparison.progress import Progress
from workbench.data.digests import digest
from workbench.data.errors import StoppedError
from workbench.data.numbers import many
from workbench.data.predictions import OK
from workbench.data.samples import Sample
from workbench.runs.digests import ImageDigests
from workbench.runs.store import Store
from workbench.workers.answers import Options
from workbench.workers.crew import Crew, Ended, Joined
from workbench.workers.making import About, Plan
from workbench.workers.worker import at_once, streams


@dataclass(frozen=True)
class Job:
    """A system with its store and the samples of the run."""

    plan: Plan
    about: About
    store: Store
    samples: Sequence[Sample]

    @property
    def name(self) -> str:
        """Name of the system in the run."""
        return self.plan.name

    def todo(self, patience: Patience) -> list[Sample]:
        """The samples without an answer."""
        done = {name for name, outcome in self.store.done.items() if patience.keep_failed or not outcome.outage}
        return [sample for sample in self.samples if sample.sample_id not in done]

    def answered(self, todo: Sequence[Sample]) -> tuple[int, int, int]:
        """How many samples are answered, beside those that are to be asked; how many of these failed; and how many
        samples there are.
        """
        waiting = {sample.sample_id for sample in todo}
        done = [self.store.done[one.sample_id] for one in self.samples if one.sample_id not in waiting]
        return len(done), sum(one.failed for one in done), len(self.samples)


class InterruptedByOthers(Exception):  # noqa: N818 - not an error of this system
    """Another system of the comparison ended it."""


@dataclass(frozen=True)
class Means:
    """What all systems of a comparison share. `stop`: set where one of them ends the comparison, and the others finish
    what is handed out; `at_once`: set where they do not; `alone`: whether no other system is asked at the same time.
    """

    digests: ImageDigests
    options: Options
    patience: Patience
    money: Budget
    board: Board
    stop: threading.Event
    at_once: threading.Event
    alone: bool = True


def batches(job: Job, todo: Sequence[Sample], options: Options) -> list[list[Sample]]:
    """The samples as they are handed out. A system whose answers depend on its batch is asked the same batches
    whatever was answered before; the answers that are there already are not stored again.
    """
    size = 1 if streams(job.about, options) else at_once(job.about, options)
    if not job.about.depends_on_batch or size == 1:
        return [list(todo[start : start + size]) for start in range(0, len(todo), size)]
    missing = {sample.sample_id for sample in todo}
    whole = [list(job.samples[start : start + size]) for start in range(0, len(job.samples), size)]
    return [batch for batch in whole if any(sample.sample_id in missing for sample in batch)]


def ask(job: Job, crew: Crew, todo: Sequence[Sample], means: Means) -> None:
    """Ask these samples, and store the answers. What was handed out when the budget is spent, or a server has failed
    too often, is stored too.

    Raises `StoppedError` for these, `OutageError` where a server keeps failing, the error of a disk that is full, and
    `InterruptedByOthers` where another system ended the comparison.
    """
    done, failed, total = job.answered(todo)
    progress = Progress(job.name, total, done, failed, alone=means.alone)
    desk = _Desk(job, crew, todo, means, progress)
    try:
        desk.work()
    finally:
        progress.close()
        means.board.tell(progress, list, now=True)
    if lost := sum(job.store.done[sample.sample_id].outage for sample in job.samples):
        what = many(lost, "sample")
        print(f"{job.name}: {what} failed for a server's sake; the same command asks again", file=sys.stderr)


class _Desk:
    def __init__(self, job: Job, crew: Crew, todo: Sequence[Sample], means: Means, progress: Progress) -> None:
        self._job, self._crew, self._means, self._progress = job, crew, means, progress
        self._missing = {sample.sample_id: sample for sample in todo}
        self._batches = deque(batches(job, todo, means.options))
        self._watch = Watch(job.name, crew.check, means.patience)
        self._counted = time.perf_counter()

    def work(self) -> None:
        """Until every sample is answered, or one of the errors of `ask`."""
        while self._batches or self._crew.open():
            while self._batches and self._crew.wants():
                self._crew.give(self._batches.popleft())
            try:
                self._next()
                if self._means.stop.is_set() or self._means.at_once.is_set():
                    raise InterruptedByOthers
            except (StoppedError, InterruptedByOthers):
                self._finish()
                raise

    def _next(self) -> None:
        """Take what the workers have, and store it."""
        self._means.board.tell(self._progress, self._crew.workers)
        for event in self._crew.take():
            if isinstance(event, Joined):
                self._job.store.add_session(event.session)
                self._counted = time.perf_counter()
                self._progress.begin()
                self._watch.after(event.outage, len(self._missing))
            else:
                self._stored(event)

    def _finish(self) -> None:
        """Store the answers to what is handed out, whatever they are: their work is done and paid."""
        while self._crew.open() and not self._means.at_once.is_set():
            for event in self._crew.take():
                if isinstance(event, Ended):
                    self._keep(event)

    def _stored(self, event: Ended) -> None:
        means, left = self._means, self._progress
        self._keep(event)
        if left.done < left.total:
            means.money.check(self._job.name, left.done, left.total)
        self._watch.after([one.prediction for one in event.answers], len(self._missing), event.begun)

    def _keep(self, event: Ended) -> None:
        now = time.perf_counter()
        # of the time since the last answers, each has an equal share
        share = {"wall": (now - self._counted) / len(event.answers)} if event.about else {}
        self._counted = now
        kept = []
        for one in event.answers:
            sample = self._missing.pop(one.prediction.sample_id, None)
            if sample is None:  # of a batch that was asked again as a whole
                continue
            image = self._means.digests[sample.image_path]
            about: dict[str, Any] = {**event.about, **share}
            self._job.store.append(one.prediction, image, digest(sample.instruction), one.seconds, about)
            kept.append(one)
        self._crew.stored([one.prediction.sample_id for one in event.answers])
        self._progress.add(len(kept), sum(one.prediction.outcome != OK for one in kept))
        self._means.money.add(
            self._job.name, sum(one.seconds for one in event.answers), [one.prediction for one in event.answers]
        )
