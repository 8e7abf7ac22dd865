"""The Ray cluster that a comparison uses: started for it on this machine, or one that runs; and what has room there."""

import math
import os
import secrets
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.data.errors import UnusableSystemError, said
from workbench.workers.answers import Options
from workbench.workers.wanted import LOCAL, Needs, Workers

if TYPE_CHECKING:
    from types import ModuleType

AUTH_MODE, AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
_TOKENS = (AUTH_TOKEN, "RAY_AUTH_TOKEN_PATH")
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_enable_worker_prestart": "0",  # a process for each processor would wait for work that never comes
    "RAY_prestart_worker_first_driver": "0",  # and so would one more
    "RAY_worker_niceness": "0",  # else workers would wait for every other process of the machine
    "RAY_process_group_cleanup_enabled": "1",  # what a worker has started ends with it
}
_STORE = 128 * 1024**2  # bytes of Ray's object store: answers are small, and images are read where they are needed
_GB = 1024**3
_ANSWERS = 10.0  # seconds


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, and all that it has."""

    id: str
    name: str
    cpu: float
    gpu: float
    memory: float


@dataclass(frozen=True)
class Room:
    """A place for a worker. `node`: the id of the node that it has to be on; None: any."""

    needs: Needs
    node: str | None = None


class RayCluster:
    """A connection to Ray, and the account of what the workers of this comparison take.

    A cluster of this machine is reachable from this machine alone, and by processes that know its token, which is
    passed on in the environment and written nowhere. For a cluster that runs already, the settings of the shell
    (`RAY_AUTH_MODE`, `RAY_AUTH_TOKEN`) hold.

    Raises `UnusableSystemError` where Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, workers: Workers, options: Options) -> None:
        if workers.address == LOCAL:
            _settings()
        try:
            import ray
        except ImportError:
            raise UnusableSystemError("workers need Ray: pip install 'segmentation-workbench[ray]'") from None
        self.ray: ModuleType = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            self._connect(workers, options)
        self.setup(workers, options)

    def setup(self, workers: Workers, options: Options) -> None:
        """Begin the account."""
        self._workers, self._latency = workers, options.mode == "latency"
        self._taken: dict[object, Room] = {}
        self._lock = threading.Lock()
        self._gpus = any(node.gpu for node in self.nodes())

    def _connect(self, workers: Workers, options: Options) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        where = workers.address
        if where != LOCAL:
            try:
                _reachable(where)
                self.ray.init(where, **quiet)
            except (OSError, RuntimeError, ValueError) as error:  # a ConnectionError is an OSError
                raise UnusableSystemError(f"no Ray cluster can be reached at {where}: {said(error)}") from error
            return
        needs = max((one.cpu for one in workers.needs.values()), default=1.0)
        wanted = 1.0 if options.mode == "latency" else (workers.count or 1) * max(needs, 1.0)
        self.ray.init(
            "local",
            num_cpus=max(os.cpu_count() or 1, math.ceil(wanted)),
            object_store_memory=_STORE,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            **quiet,
        )

    def close(self) -> None:
        """Leave the cluster; one that was started for this comparison ends."""
        if self._ours:
            self.ray.shutdown()

    def nodes(self) -> list[Node]:
        """The machines that are there."""
        found = []
        for one in self.ray.nodes():
            if one["Alive"]:
                has = one["Resources"]
                amounts = (has.get("CPU", 0.0), has.get("GPU", 0.0), has.get("memory", 0.0) / _GB)
                found.append(Node(one["NodeID"], one["NodeManagerHostname"], *amounts))
        return found

    def needs(self, system: str) -> Needs:
        """What a worker of a system takes; a GPU where there are any, unless it is said otherwise."""
        given = self._workers.of(system)
        gpu = (1.0 if self._gpus else 0.0) if given.gpu is None else given.gpu
        if self._latency and gpu:  # a device is timed with nothing else on it
            gpu = max(1.0, gpu)
        return replace(given, gpu=gpu)

    def rooms(self, system: str, taken: bool = True) -> list[Room]:
        """The places that are free for workers of a system, by our own account: other programs may have taken them.
        `taken`: leave out those that are taken.

        In latency mode there is one for each device: a GPU, or all processors of a machine without one.
        """
        needs = self.needs(system)
        with self._lock:
            nodes = self.nodes()
            free = self._free(nodes) if taken else {node.id: node for node in nodes}
        rooms = []
        for node in nodes:
            has, one = free[node.id], needs
            if self._latency and not needs.gpu:
                one = replace(needs, cpu=max(node.cpu, needs.cpu))
            while _fits(one, has):
                rooms.append(Room(one, node.id if self._latency else None))
                has = Node(has.id, has.name, has.cpu - one.cpu, has.gpu - (one.gpu or 0), has.memory - one.memory)
                if not (one.cpu or one.gpu or one.memory):
                    break
        return rooms

    def missing(self, system: str) -> str:
        """What a worker of a system takes, and why there is no place for it."""
        needs, nodes = self.needs(system), self.nodes()
        machines = f"{len(nodes)} machines" if len(nodes) > 1 else "one machine"
        if self.possible(system):
            have = "have" if len(nodes) > 1 else "has"
            return f"a worker takes {needs}, and {machines} {have} no further place for it"
        most = Needs(
            max((node.cpu for node in nodes), default=0.0),
            max((node.gpu for node in nodes), default=0.0),
            max((node.memory for node in nodes), default=0.0),
        )
        lacking = [
            f"{name}={wanted:g} (of {there:g})"
            for name, wanted, there in (
                ("cpu", needs.cpu, most.cpu),
                ("gpu", needs.gpu or 0.0, most.gpu or 0.0),
                ("memory", needs.memory, most.memory),
            )
            if wanted > there
        ]
        lacks = ", ".join(lacking) or "all of it on one machine"
        return f"a worker takes {needs}; of {machines} none has {lacks}"

    def possible(self, system: str) -> bool:
        """Whether any machine could ever have a worker of a system."""
        return any(_fits(self.needs(system), node) for node in self.nodes())

    def take(self, seat: object, room: Room) -> None:
        """A worker takes a place."""
        with self._lock:
            self._taken[seat] = room

    def placed(self, seat: object, node: str) -> None:
        """A worker is on a node, by its id."""
        with self._lock:
            if seat in self._taken:
                self._taken[seat] = replace(self._taken[seat], node=node)

    def leave(self, seat: object) -> None:
        """A worker is gone."""
        with self._lock:
            self._taken.pop(seat, None)

    def _free(self, nodes: Sequence[Node]) -> dict[str, Node]:
        """What is left on each node; a worker whose node is not known yet takes the first place that it fits in."""
        left = {node.id: node for node in nodes}
        for room in sorted(self._taken.values(), key=lambda room: room.node is None):
            known = [room.node] if room.node is not None else list(left)
            for name in known:
                node = left.get(name)
                if node is not None and (room.node is not None or _fits(room.needs, node)):
                    needs = room.needs
                    left[name] = replace(
                        node,
                        cpu=node.cpu - needs.cpu,
                        gpu=node.gpu - (needs.gpu or 0.0),
                        memory=node.memory - needs.memory,
                    )
                    break
        return left


def _fits(needs: Needs, node: Node) -> bool:
    slack = 1e-6
    return (
        needs.cpu <= node.cpu + slack and (needs.gpu or 0.0) <= node.gpu + slack and needs.memory <= node.memory + slack
    )


def _reachable(address: str) -> None:
    """Raise `OSError` or `ValueError` where nobody answers at `HOST:PORT`: Ray would try for a minute."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address:
        raise ValueError("expected HOST:PORT, as `ray start` prints it, or auto")
    with socket.create_connection((host, int(port)), timeout=_ANSWERS):
        pass


def _settings() -> None:
    """Set up the environment in which Ray is imported and starts on this machine; what the user has set stays.

    Ray reads its mode of authentication once, when it is imported. Where that was done before, it decides by itself,
    but finds the token, and so writes none under the home folder.
    """
    settings = dict(_SETTINGS)
    if not any(name in os.environ for name in (AUTH_MODE, *_TOKENS)):
        settings[AUTH_TOKEN] = secrets.token_hex(32)
        if "ray" not in sys.modules:
            settings[AUTH_MODE] = "token"
    for name, value in settings.items():
        os.environ.setdefault(name, value)
