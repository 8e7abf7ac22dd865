"""Systems that work in this process, one after the other, with the models of one in memory."""

import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.data.progress import WorkerDoes, WorkerProgress
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Answered, KeepsSteps, Resumable, System
from workbench.workers.answers import Options
from workbench.workers.crew import SHOWN, Ended, Joined
from workbench.workers.machine import machine_state
from workbench.workers.making import About, Plan, check, forget, make, same_identity
from workbench.workers.worker import Worker, at_once


class LocalTeam:
    """Makes each system in this process. `keep`: all that were looked at stay in memory."""

    side_by_side = False

    def __init__(self, options: Options, keep: bool = False) -> None:
        self._options, self._keep = options, keep
        self._systems: dict[str, tuple[str, System]] = {}
        """By name: owner, system."""
        self._seconds: dict[str, float] = {}

    def look(self, plan: Plan) -> About:
        """See `Team`."""
        system, about = self._made(plan)
        self._systems[plan.name] = plan.owner, system
        self._seconds.setdefault(plan.name, about.seconds)
        return about

    def check(self, plan: Plan) -> None:
        """See `Team`."""
        check(self._systems[plan.name][1])

    def check_samples(self, plan: Plan, samples: Sequence[Sample]) -> None:
        """See `Team`."""
        system = self._systems[plan.name][1]
        if isinstance(system, Answered):
            system.check_samples(samples)

    def leave(self, owner: str) -> None:
        """See `Team`."""
        if not self._keep:
            self._systems = {name: one for name, one in self._systems.items() if one[0] != owner}
            forget()

    def fits(self, plan: Plan) -> bool:
        """See `Team`: one system at a time."""
        return False

    def crew(self, plan: Plan, about: About, samples: Sequence[Sample], todo: int, folder: Path) -> "LocalCrew":
        """See `Team`. The systems that others own are let go of first."""
        for owner in {owner for owner, _ in self._systems.values()} - {plan.owner}:
            self.leave(owner)
        if plan.name in self._systems:
            system = self._systems[plan.name][1]
        else:
            system, again = self._made(plan)
            same_identity(plan.name, about.identity, again.identity)
        if plan.oracle is None:
            self._systems[plan.name] = plan.owner, system
        worker = Worker(plan.name, system, about, self._options)
        return LocalCrew(worker, about, self._seconds[plan.name], samples, todo, folder)

    def system(self, name: str) -> System:
        """A system that is in memory."""
        return self._systems[name][1]

    def close(self) -> None:
        """See `Team`."""
        self._systems.clear()

    def _made(self, plan: Plan) -> tuple[System, About]:
        base = self._systems.get(plan.owner)
        return make(plan, base[1] if base and plan.oracle else None)


class LocalCrew:
    """One worker, in this process."""

    def __init__(
        self, worker: Worker, about: About, load: float, samples: Sequence[Sample], todo: int, folder: Path
    ) -> None:
        self._worker, self._about, self._load, self._todo = worker, about, load, todo
        self._samples: Sequence[Sample] | None = samples  # to warm up with; None afterwards
        self._folder = folder
        self._size = at_once(about, worker.options)
        self._open: dict[str, float] = {}
        self._answered = 0
        self._since = time.time()

    def wants(self) -> bool:
        """See `Crew`."""
        if self._samples is not None:
            return False
        return len(self._open) < self._size if self._worker.streams else not self._open

    def give(self, samples: Sequence[Sample]) -> None:
        """See `Crew`."""
        now = time.monotonic()
        self._since = time.time()
        self._open.update({sample.sample_id: now for sample in samples})
        self._worker.give(samples)

    def open(self) -> int:
        """See `Crew`."""
        return len(self._open)

    def take(self) -> list[Joined | Ended]:
        """See `Crew`."""
        if self._samples is not None:
            return [self._warmed_up(self._samples)]
        answers = self._worker.take()
        begun = min((self._open.pop(one.prediction.sample_id) for one in answers), default=time.monotonic())
        self._answered += len(answers)
        return [Ended(answers, begun)]

    def stored(self, sample_ids: Sequence[str]) -> None:
        """See `Crew`."""
        if self._worker.streams and isinstance(self._worker.system, KeepsSteps):
            self._worker.system.stored(sample_ids)

    def check(self) -> None:
        """See `Crew`."""
        check(self._worker.system)

    def workers(self) -> list[WorkerProgress]:
        """See `Crew`."""
        state: WorkerDoes = "warms up" if self._samples is not None else "works" if self._open else "idle"
        samples = list(self._open)[:SHOWN]
        node = platform.node()
        return [
            WorkerProgress(
                name=f"{node} {os.getpid()}",
                state=state,
                since=self._since,
                samples=samples,
                answered=self._answered,
                node=node,
                device=self._about.device,
            )
        ]

    def close(self) -> None:
        """See `Crew`."""
        self._worker.close()

    def _warmed_up(self, samples: Sequence[Sample]) -> Joined:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._samples = None
        warm_up = self._worker.warm_up(samples)
        if isinstance(self._worker.system, Resumable):
            self._worker.system.resume_in(self._folder)
        session: dict[str, Any] = {
            "started": started,
            "load": self._load,
            "warm_up": warm_up.seconds,
            "todo": self._todo,
            "machine": machine_state(),
            "node": platform.node(),
            "device": self._about.device,
        }
        return Joined(session if self._about.timed else {**session, "timed": False}, warm_up.outage)
