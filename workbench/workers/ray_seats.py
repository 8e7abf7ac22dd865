"""One worker of a Ray cluster as the driver sees it: where it is, what it has, and which of its calls are open."""

import platform
import re
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.data.progress import WorkerDoes, WorkerProgress
from workbench.data.samples import Sample
from workbench.workers.answers import Options
from workbench.workers.blame import Parcel
from workbench.workers.crew import SHOWN
from workbench.workers.machine import memory_kills
from workbench.workers.making import Plan
from workbench.workers.ray_cluster import RayCluster, Room
from workbench.workers.seat import Made, Seat, Where

MACHINE_LOST = "its machine is lost"
CALLS = 2
"""Calls of a worker that are open: it works on one, and has the next when that is done."""


@dataclass(frozen=True)
class Call:
    """A call to a worker that is open. `sent`: seconds of `time.monotonic`."""

    samples: tuple[Sample, ...]
    sent: float


@dataclass(eq=False)
class RaySeat:
    """A worker. `step`: the open call that makes it ready, None when it is; `calls`: by reference of Ray; `held`: when
    each of its samples was handed out; `reserved`: it is to get no more until it has none.
    """

    handle: Any
    room: Room
    state: WorkerDoes = "waits for a place"
    since: float = field(default_factory=time.time)
    where: Where | None = None
    made: Made | None = None
    step: Any = None
    calls: dict[Any, Call] = field(default_factory=dict)
    outbox: deque[Parcel] = field(default_factory=deque)
    held: dict[str, tuple[Sample, float]] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)
    answered: int = 0
    reserved: bool = False
    placing: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Machine and process."""
        return f"{self.where.node} {self.where.process}" if self.where else "a worker without a place"

    def now(self, state: WorkerDoes) -> None:
        """Note what it does from now on."""
        self.state, self.since = state, time.time()

    def waiting(self) -> list[Sample]:
        """Samples that are not sent yet."""
        return [sample for parcel in self.outbox for sample in parcel.samples]

    def load(self) -> int:
        """Samples that it has or is to get."""
        return len(self.held) + len(self.waiting())

    def progress(self) -> WorkerProgress:
        """What it does, for `progress.json`."""
        idle = self.state == "works" and not self.held
        return WorkerProgress(
            name=self.name,
            state="idle" if idle else self.state,
            since=self.since,
            samples=list(self.held)[:SHOWN],
            answered=self.answered,
            node=self.where.node if self.where else "",
            device=self.made.device if self.made else "",
        )


def seated(cluster: RayCluster, room: Room) -> RaySeat:
    """A new worker in a free place. Ray places it when it can; `RaySeat.step` is the call that says where it is."""
    ray, needs = cluster.ray, room.needs
    more: dict[str, Any] = {}
    if room.node is not None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        more["scheduling_strategy"] = NodeAffinitySchedulingStrategy(room.node, soft=False)
    if needs.memory:
        more["memory"] = int(needs.memory * 1024**3)
    # never restarted by Ray: what a restarted worker would answer was counted as lost already
    remote = ray.remote(max_restarts=0, max_task_retries=0)(Seat)
    handle = remote.options(num_cpus=needs.cpu, num_gpus=needs.gpu or 0, **more).remote()
    seat = RaySeat(handle, room)
    cluster.take(seat, room)
    path = [place for place in sys.path if place]
    seat.step = handle.where.remote(str(Path.cwd()), path, bool(needs.gpu))
    return seat


def unseat(cluster: RayCluster, seat: RaySeat) -> None:
    """End a worker, whatever it does."""
    cluster.ray.kill(seat.handle, no_restart=True)
    cluster.leave(seat)


def packed(plan: Plan) -> bytes:
    """A plan that can be sent to another process."""
    from ray import cloudpickle

    sent: bytes = cloudpickle.dumps(plan)
    return sent


def make(seat: RaySeat, plan: bytes, options: Options) -> None:
    """Have a worker make its system."""
    seat.now("loads")
    seat.step = seat.handle.make.remote(plan, options)


def lost(cluster: RayCluster, error: Exception) -> bool:
    """Whether an error says that a worker is gone, or what it answered."""
    errors = cluster.ray.exceptions
    gone = (errors.RayActorError, errors.WorkerCrashedError, errors.ObjectLostError, errors.OutOfMemoryError)
    return isinstance(error, (*gone, errors.NodeDiedError))


def reason(error: Exception, where: Where | None = None) -> str:
    """Why a worker is gone, in few words. `where`: its place, where that is known."""
    text = str(error)
    if "low on memory" in text:  # Ray ended it before the kernel would have to
        used = re.search(r"([\d.]+.?B) used / ([\d.]+.?B) limit", text)
        return f"out of memory ({used[1]} of {used[2]} of its machine were in use)" if used else "out of memory"
    if re.search(r"node (has )?died|node .{0,80}(is dead|was terminated|has failed)|node failure", text, re.IGNORECASE):
        return MACHINE_LOST
    if where and where.node == platform.node() and (memory_kills() or 0) > (where.memory_kills or 0):
        return "its process ended, and the kernel has ended a process for lack of memory meanwhile"
    return "its process ended"


def pace(options: Options, call: Call | None, streams: bool) -> float | None:
    """Seconds that a call may take before the worker counts as hanging; None for any. A batch that runs out of time is
    asked again one by one within the same call.
    """
    limit = options.time_limit
    if limit is None or call is None:
        return None
    count = 1 if streams else len(call.samples)
    return limit * (count if count == 1 else 2 * count) + GRACE


GRACE = 10.0
"""Seconds beyond its limits in which a worker must come back before it is replaced."""


def oldest(seat: RaySeat) -> Call | None:
    """The call that a worker works on."""
    return next(iter(seat.calls.values()), None)


def suspects(seat: RaySeat, at_once: int, streams: bool) -> tuple[list[Sample], list[Parcel]]:
    """The samples that a worker was working on, and the parcels that it had not begun with."""
    if streams:
        held = [sample for sample, _ in seat.held.values()]
        untouched = [Parcel((sample,)) for sample in held[at_once:]]
        return held[:at_once], [*untouched, *seat.outbox]
    calls = list(seat.calls.values())
    first: Sequence[Sample] = calls[0].samples if calls else ()
    return list(first), [*(Parcel(call.samples) for call in calls[1:]), *seat.outbox]
