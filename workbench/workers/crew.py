"""What the driver of a comparison asks of the workers of one system, wherever they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from workbench.data.predictions import Prediction
from workbench.data.progress import WorkerProgress
from workbench.data.samples import Sample
from workbench.workers.answers import Answer
from workbench.workers.making import About, Plan

SHOWN = 16
"""Samples of a worker that `Crew.workers` names."""


@dataclass(frozen=True)
class Joined:
    """A worker is ready. `session`: what the store keeps of it; `outage`: of its warm-up, where a server failed."""

    session: Mapping[str, Any]
    outage: Sequence[Prediction] = ()


@dataclass(frozen=True)
class Ended:
    """Answers that came together. `begun`: when the first of their samples was handed out (`time.monotonic`); `about`:
    what the store keeps beside each answer, such as the worker."""

    answers: Sequence[Answer]
    begun: float
    about: Mapping[str, Any] = field(default_factory=dict)


class Crew(Protocol):
    """The workers of one system, while it is at work."""

    def wants(self) -> bool:
        """Whether a worker would take samples now."""
        ...

    def give(self, samples: Sequence[Sample]) -> None:
        """Hand samples out, to be asked together where the system takes batches."""
        ...

    def open(self) -> int:
        """How many samples are handed out."""
        ...

    def take(self) -> Sequence[Joined | Ended]:
        """Wait for what happens next; it may be nothing. Raises `StoppedError` where the workers cannot go on."""
        ...

    def stored(self, sample_ids: Sequence[str]) -> None:
        """Their answers are on disk."""

    def check(self) -> None:
        """Ask the system whether it can work; raises `ConfigurationError` with the reason where it cannot."""
        ...

    def workers(self) -> Sequence[WorkerProgress]: ...

    def close(self) -> None:
        """Let go of the workers; what is handed out is given up."""
        ...


class Team(Protocol):
    """Makes systems and their crews. The first worker of a system tells what is to be known of it, before any work."""

    side_by_side: bool
    """Whether several crews may work at the same time, each in a thread of its own."""

    def look(self, plan: Plan) -> About:
        """Make a system; it stays for the next calls about it. Raises `ConfigurationError` where it cannot be made."""
        ...

    def check(self, plan: Plan) -> None:
        """Ask a system that was just looked at whether it can work, as `Crew.check`."""
        ...

    def check_samples(self, plan: Plan, samples: Sequence[Sample]) -> None:
        """Ask a system that was just looked at, and has its answers already, whether they are about these samples."""
        ...

    def leave(self, owner: str) -> None:
        """Let go of a system, and of its oracles, until they are to work."""
        ...

    def fits(self, plan: Plan) -> bool:
        """Whether a crew of the system could begin beside those that are at work."""
        ...

    def crew(self, plan: Plan, about: About, samples: Sequence[Sample], todo: int, folder: Path) -> Crew:
        """A crew of the system; `samples` to warm up with, `todo`: how many are to be asked, `folder`: of its store."""
        ...

    def close(self) -> None: ...
