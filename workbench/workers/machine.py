"""What the machine did while a system worked: seconds of processor, of waiting for a processor, and its load.

On Linux the kernel counts how long each thread was ready to run but had no processor (`/proc/PID/task/*/schedstat`, the
second number, in nanoseconds), and how much a hypervisor took away (`steal` in `/proc/stat`); see proc(5) and the
kernel's `sched-stats` document. Elsewhere waiting is not known.
"""

import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.runs.provenance import cpu_name

_TASKS, _STAT, _CPUINFO = Path("/proc/self/task"), Path("/proc/stat"), Path("/proc/cpuinfo")
_VMSTAT = Path("/proc/vmstat")


@dataclass(frozen=True)
class Spent:
    """What an answer took, in seconds: of the clock, of all processors (of this process, all its threads), and of
    waiting for others: how long the thread that waited longest had no processor, but no longer than other processes
    computed, since its own threads may keep each other waiting too. None where the system does not count that.
    """

    seconds: float
    processor: float
    waited: float | None


class Clock:
    """Started when it is made; `read` says what was spent since. `waits`: whether that includes what it waited for
    others, which takes a tenth of a millisecond to find out.
    """

    def __init__(self, waits: bool = True) -> None:
        self._waits, self._stat = (_waits(), _processors()) if waits else ({}, (0.0, 0.0))
        self._processor = time.process_time()
        self._begun = time.perf_counter()

    def read(self) -> Spent:
        seconds = time.perf_counter() - self._begun
        processor = time.process_time() - self._processor
        return Spent(seconds, processor, self._waited(seconds, processor))

    def _waited(self, seconds: float, processor: float) -> float | None:
        now = _waits() if self._waits else {}
        if not now:
            return None
        longest = max(wait - self._waits.get(thread, 0.0) for thread, wait in now.items())
        used, stolen = (after - before for after, before in zip(_processors(), self._stat, strict=True))
        others = max(0.0, used - processor)
        # of the time that processors were wanted, this share went to other machines
        share = stolen / (used + stolen) if stolen > 0 else 0.0
        return min(seconds, min(longest, others) + seconds * share)


def machine_state() -> dict[str, Any]:
    """`load`: processes that wanted a processor, mean of the last minute; `threads`: how many torch computes with, None
    where it is not loaded; `mhz`: mean frequency of the cores. None for what the system does not tell.
    """
    torch = sys.modules.get("torch")  # the bench itself never imports it
    return {
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "threads": torch.get_num_threads() if torch else None,
        "mhz": _frequency(),
    }


def memory_kills() -> int | None:
    """How many processes the kernel has ended for lack of memory since the machine started; None where the system does
    not tell.
    """
    try:
        found = re.search(r"^oom_kill (\d+)$", _VMSTAT.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


def device() -> str:
    """What the systems of this process compute on: the first GPU that torch sees, where it is loaded and sees one, else
    the processor.
    """
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return cpu_name()


def _waits() -> dict[str, float]:
    """Seconds that each thread of this process has waited for a processor."""
    waits = {}
    try:
        for thread in os.scandir(_TASKS):
            waits[thread.name] = int(Path(thread.path, "schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return {}
    return waits


def _processors() -> tuple[float, float]:
    """Seconds that all processes of the machine have used processors, and that a hypervisor took processors away."""
    try:
        with _STAT.open("rb") as file:
            user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return 0.0, 0.0
    second = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / second, steal / second


def _frequency() -> float | None:
    try:
        found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", _CPUINFO.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return round(sum(map(float, found)) / len(found), 1) if found else None
