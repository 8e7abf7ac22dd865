"""How far a comparison is, as kept in `progress.json` of its run folder while it runs."""

from typing import Final, Literal

from pydantic import Field

from workbench.data.records import Record, Time

PROGRESS: Final = "progress.json"
"""Name of the file in a run folder."""

State = Literal["starts", "runs", "answered", "stopped"]
WorkerDoes = Literal["waits for a place", "loads", "warms up", "idle", "works"]


class WorkerProgress(Record):
    """What a worker does."""

    name: str
    """Node and process."""
    state: WorkerDoes
    """What it does."""
    since: float
    """Since when, in seconds since 1970."""
    samples: list[str]
    """Ids of the samples that it has, 16 at most."""
    answered: int
    """How many it has answered."""
    node: str
    """Name of the machine; empty until the worker has a place."""
    device: str
    """What it computes on; empty until that is known."""


class SystemProgress(Record):
    """How far a system is."""

    name: str
    """Name of the system in the run."""
    total: int
    """Samples of the run."""
    done: int
    """Samples that have their answer."""
    failed: int
    """Those of them that have no answer but a failure."""
    rate: float | None = None
    """Answers per second in the last minute, or among the last twenty; None before the first."""
    left: float | None = None
    """Seconds until all are answered, at this rate; None where that is not known."""
    cost: float | None = None
    """What the answers have cost; None without prices."""
    cost_left: float | None = None
    """What the other samples will cost, as the answered ones did; None where that is not known."""
    currency: str | None = None
    """Currency of the prices."""
    workers: list[WorkerProgress] = Field(default_factory=list)
    """Its workers; empty before its turn and after it."""


class RunProgress(Record):
    """How far a comparison is."""

    state: State
    """`starts`: the benchmark is read and systems are made, to see whether they can be; `answered`: all samples of all
    systems have an answer; `stopped`: it ended before."""
    process: int
    """Id of the process that writes."""
    node: str
    """Name of the machine on which it runs."""
    started: Time
    """When the comparison was started or continued (ISO 8601)."""
    updated: float
    """When this was written, in seconds since 1970."""
    systems: list[SystemProgress]
    """The systems in their order; none while it starts."""
