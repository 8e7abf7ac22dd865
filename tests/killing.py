"""Kills a comparison at a random moment, again and again, and says what must be the same in the end."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm.std import tqdm

from workbench.runs.files import read_json, read_records


def kills(usual: int) -> int:
    """How many kills are wanted: `WORKBENCH_KILLS`, or what a test does without it."""
    return int(os.environ.get("WORKBENCH_KILLS", usual))


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Whether work in a process of its own, killed after so many seconds, did not come to its end.

    The process is a copy of this one, so that all the time before the kill is spent on the work. Work that ends with an
    error, or returns anything but None or 0, fails the test; what it said is then shown.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            sys.stdout = sys.stderr = os.fdopen(2, "w")
            # the usual lock of progress bars is shared by all copies: one that is killed while it holds it blocks the
            # next for good
            tqdm.set_lock(threading.RLock())
            code = 1 if work() else 0
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}"[:2000].encode())
        os._exit(code)
    os.close(writing)
    deadline = time.monotonic() + seconds
    while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        ended = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        assert ended, f"a continued comparison failed: {said.read()}"
    return os.WIFSIGNALED(status)


def moment(draw: random.Random, longest: float) -> float:
    """Seconds until a kill; the early ones come more often, as a comparison that goes on has less left to do."""
    return longest * draw.random() ** 2


def stored(out: Path, benchmark: str, systems: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """The stored answers of each system."""
    return {name: read_records(out / benchmark / name / "predictions.jsonl") for name in systems}


def without_times(stored: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Stored answers without what differs from one undisturbed comparison to the next, and without the word that a
    sample was resumed.
    """
    untimed: dict[str, Any] = {"latency": None, "seconds": None, "resumed": False}
    return {
        name: [
            {**one, **untimed, "calls": [{**call, "start": None, "duration": None} for call in one["calls"]]}
            for one in records
        ]
        for name, records in stored.items()
    }


def scores(out: Path) -> Any:
    """Every number of a scored run that does not depend on the clock."""
    results = read_json(out / "results.json")
    kept = ("metrics", "intervals", "by_targets", "by_kind", "diagnosis", "missed_targets", "funnel", "failures")
    pairs = [(pair["a"], pair["b"], pair["metrics"], pair["rates"]) for pair in results["differences"]]
    return {name: [one[key] for key in kept] for name, one in results["systems"].items()}, pairs
