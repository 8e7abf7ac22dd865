"""Writes `progress.json` in a run folder: how far each system is, and what its workers do, for `workbench watch`."""

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from workbench.comparison.budget import Budget
from workbench.comparison.progress import Progress
from workbench.data.progress import PROGRESS, RunProgress, State, SystemProgress, WorkerProgress
from workbench.runs.files import replacing, write_json

EVERY = 1.0
"""Seconds between two states of the file."""
HEARTBEAT = 15.0
"""Seconds without anything new after which the file is written again, so that it shows that the process lives."""


class Board:
    """Collects the state of all systems, which may come from several threads, and writes it at most each second.

    Entered, it says that a comparison starts. `asks` names the systems; a comparison that ends before that leaves what
    an earlier one said. A file that cannot be written is left as it is: nothing depends on it. `heartbeat` in seconds.
    """

    def __init__(self, folder: Path, heartbeat: float = HEARTBEAT) -> None:
        self._path = folder / PROGRESS
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._lock = threading.Lock()
        self._written = 0.0
        self._money: Budget | None = None
        self._systems: dict[str, SystemProgress] = {}
        self._before: bytes | None = None
        self._state: State = "starts"
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, args=(heartbeat,), daemon=True)

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._before = self._path.read_bytes()
        self._write("starts")
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()
        with self._lock:
            self._systems = {name: one.model_copy(update={"workers": []}) for name, one in self._systems.items()}
            complete = all(one.done == one.total for one in self._systems.values())
            if self._systems or self._before is None:
                self._write("answered" if self._systems and complete else "stopped")
                return
            with suppress(OSError), replacing(self._path) as file:
                file.write(self._before)

    def asks(self, systems: Mapping[str, tuple[int, int, int]], money: Budget) -> None:
        """Say which systems will be asked. systems: how many samples of each are answered, how many of these failed,
        and how many there are.
        """
        self._money = money
        with self._lock:
            self._systems = {
                name: SystemProgress(name=name, total=total, done=done, failed=failed)
                for name, (done, failed, total) in systems.items()
            }
            self._write("runs")
            self._written = 0.0  # what is told next is written at once

    def tell(self, progress: Progress, workers: Callable[[], Sequence[WorkerProgress]], now: bool = False) -> None:
        """Take the state of a system, where it is time to write. `now`: write it in any case."""
        if progress.label not in self._systems or not (now or time.time() - self._written >= EVERY):
            return
        rate, left = progress.rate, progress.total - progress.done
        cost, currency = (self._money.of(progress.label) if self._money else None) or (None, None)
        state = SystemProgress(
            name=progress.label,
            total=progress.total,
            done=progress.done,
            failed=progress.failed,
            rate=rate,
            left=left / rate if rate else None,
            cost=cost,
            cost_left=cost / progress.done * left if cost is not None and progress.done else None,
            currency=currency,
            workers=list(workers()),
        )
        with self._lock:
            self._systems[progress.label] = state
            self._write("runs")

    def _beat(self, heartbeat: float) -> None:
        while not self._ended.wait(heartbeat):
            with self._lock:
                if time.time() - self._written >= heartbeat / 2:
                    self._write(self._state)

    def _write(self, state: State) -> None:
        self._written, self._state = time.time(), state
        written = RunProgress(
            state=state,
            process=os.getpid(),
            node=platform.node(),
            started=self._started,
            updated=self._written,
            systems=list(self._systems.values()),
        )
        with suppress(OSError):
            write_json(self._path, written.to_json())
