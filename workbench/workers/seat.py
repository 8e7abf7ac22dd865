"""A worker in a process of its own, as Ray starts it: a plain class whose methods the driver calls one by one.

Its methods run in the main thread of the process, so that a time limit can interrupt a sample.
"""

import contextlib
import io
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from workbench.data.errors import ConfigurationError, StoppedError, UnusableSystemError, disk_fault, no_memory, said
from workbench.data.samples import Sample
from workbench.plugins.interfaces import System
from workbench.workers.answers import Answer, Options
from workbench.workers.machine import device, machine_state, memory_kills
from workbench.workers.making import About, Plan, check, make
from workbench.workers.worker import WarmUp, Worker

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """Where a worker is: name of the machine, id of the process, and Ray's id of the node. `memory_kills`: how many
    processes the machine had ended for lack of memory when the worker came.
    """

    node: str
    process: int
    ray_node: str
    memory_kills: int | None = None


@dataclass(frozen=True)
class Made:
    """What a worker says when it has made its system; `printed`: what that wrote to stderr and stdout."""

    about: About
    device: str
    printed: str


@dataclass(frozen=True)
class Warm:
    """A first answer, and the state of the machine."""

    warm_up: WarmUp
    machine: dict[str, Any]
    printed: str


@dataclass(frozen=True)
class Refusal:
    """An error that the driver is to raise: errors do not cross processes unchanged. `kind`: `system`, `configuration`,
    `disk`, `memory` or `other`."""

    kind: str
    message: str

    def raised(self, name: str) -> Exception:
        """The error for the driver."""
        if self.kind == "system":
            return UnusableSystemError(self.message)
        if self.kind == "configuration":
            return ConfigurationError(self.message)
        if self.kind == "memory":
            return UnusableSystemError(f"system {name} cannot be made: its worker is out of memory ({self.message})")
        if self.kind == "disk":
            return StoppedError(f"{name}: a worker's disk: {self.message}. The predictions so far are kept")
        return StoppedError(f"{name}: a worker failed: {self.message}. The predictions so far are kept")


class Seat:
    """Makes one system, and asks it."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._system: System | None = None

    def where(self, folder: str, path: Sequence[str], has_gpu: bool) -> Where:
        """Take the driver's working folder, where it is there, and its places of modules. A worker that takes no GPU
        sees none, however Ray is set up.
        """
        import ray

        if not has_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        with contextlib.suppress(OSError):
            os.chdir(folder)
        sys.path += [place for place in path if place not in sys.path]
        return Where(platform.node(), os.getpid(), ray.get_runtime_context().get_node_id(), memory_kills())

    def make(self, plan: bytes, options: Options) -> Made | Refusal:
        """Make the system of a pickled plan."""
        import pickle

        def work() -> Made:
            planned: Plan = pickle.loads(plan)
            self._system, about = make(planned)
            self._worker = Worker(planned.name, self._system, about, options)
            return Made(about, device(), printed.getvalue())

        printed = io.StringIO()
        return _refusing(work, printed)

    def check(self) -> Refusal | None:
        """Ask the system whether it can work."""
        assert self._system is not None
        system = self._system
        return _refusing(lambda: check(system))

    def check_samples(self, samples: Sequence[Sample]) -> Refusal | None:
        """Ask the system whether its answers are about these samples."""
        system: Any = self._system
        return _refusing(lambda: system.check_samples(samples))

    def warm_up(self, samples: Sequence[Sample]) -> Warm | Refusal:
        """A first answer, which is thrown away."""
        assert self._worker is not None
        worker = self._worker
        printed = io.StringIO()
        return _refusing(lambda: Warm(worker.warm_up(samples), machine_state(), printed.getvalue()), printed)

    def ask(self, samples: Sequence[Sample]) -> list[Answer] | Refusal:
        """Take samples, a batch or more for the stream, and give the answers that are ready; see `Worker`."""
        assert self._worker is not None
        worker = self._worker

        def work() -> list[Answer]:
            worker.give(samples)
            return worker.take()

        return _refusing(work)

    def leave(self) -> None:
        """Give up what is open."""
        if self._worker is not None:
            self._worker.close()


def _refusing(work: Callable[[], T], printed: io.StringIO | None = None) -> T | Refusal:
    """What the work returns, or its error; what it prints is kept in `printed`."""
    into = printed if printed is not None else io.StringIO()
    try:
        with contextlib.redirect_stderr(into), contextlib.redirect_stdout(into):
            return work()
    except UnusableSystemError as error:
        return Refusal("system", str(error))
    except ConfigurationError as error:
        return Refusal("configuration", str(error))
    except Exception as error:
        if no_memory(error):
            return Refusal("memory", said(error))
        reason = disk_fault(error)
        return Refusal("disk", reason) if reason else Refusal("other", said(error))
