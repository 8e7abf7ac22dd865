"""Kills a comparison at a random moment, again and again, and says what must be the same in the end."""

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.forking import forked
from workbench.runs.files import read_json, read_records


def kills(usual: int) -> int:
    """How many kills are wanted: `WORKBENCH_KILLS`, or what a test does without it."""
    return int(os.environ.get("WORKBENCH_KILLS", usual))


def killed(work: Callable[[], int | None], seconds: float) -> bool:
    """Whether work in a process of its own, killed after so many seconds, did not come to its end.

    The process is a copy of this one, so that all the time before the kill is spent on the work. Work that ends with an
    error, or returns anything but None or 0, fails the test; what it said is then shown.
    """
    with tempfile.TemporaryFile("w+") as output:
        child = forked(work, output.fileno())
        deadline = time.monotonic() + seconds
        while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        ended = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        output.seek(0)
        assert ended, f"a continued comparison failed: {output.read()[-3000:]}"
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
    untimed: dict[str, Any] = {"latency": None, "processor": None, "waited": None, "seconds": None, "resumed": False}
    return {
        name: [
            {
                **one,
                **untimed,
                "calls": [{**call, "start": None, "duration": None, "processor": None} for call in one["calls"]],
            }
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
