"""How much more workers answer, and what handing samples out costs.

    python speed/scale.py [--part sleeping|tiny|orchestration] [--json]

* `sleeping`: a system that sleeps 50 ms for a sample, with 1, 2 and 4 workers. Efficiency is the rate over what so many
  workers would answer without any loss.
* `tiny`: instructsam-tiny with one thread, 1 and 2 workers: the ratio of the rates, and milliseconds of the workers'
  processors for an answer. The rates need as many idle cores as workers.
* `orchestration`: a system that answers at once, in one process and with one worker: milliseconds of the clock and of
  the driver's processor for a sample, with reading a small image, checking, and writing the answer to the disk.

Rates count from when the last worker has joined. `speed/scale_scores.py` measures what comes after the answers: store,
scores, report and MLflow of 100,000 samples.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from workbench.comparison.runner import run
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Benchmark, Image, System
from workbench.plugins.registry import prepare
from workbench.runs.store import Store
from workbench.workers.wanted import Workers

PARTS = ("sleeping", "tiny", "orchestration")
SECONDS = 0.05


class Sleeps:
    """Answers that nothing is there, after so many seconds."""

    batch_size = 1

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def identity(self) -> dict[str, Any]:
        """See `System`."""
        return {"sleeps": self.seconds}

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        """See `System`."""
        time.sleep(self.seconds * len(samples))
        return [Prediction(sample.sample_id) for sample in samples]


@dataclass
class OneImage:
    """Questions about one small image."""

    folder: Path
    count: int
    name: str = "one-image"
    protocol: str = "inst2seg"

    def identity(self) -> dict[str, Any]:
        """See `Benchmark`."""
        return {"count": self.count}

    def image_root(self) -> Path:
        """See `Benchmark`."""
        return self.folder

    def samples(self) -> Iterable[Sample]:
        """See `Benchmark`."""
        path = self.folder / "image.png"
        if not path.exists():
            Pillow.fromarray(np.zeros((24, 32, 3), np.uint8)).save(path)
        return [Sample(f"s{n}", "image", path, 32, 24, "the box", ()) for n in range(self.count)]


@dataclass(frozen=True)
class Pace:
    """`seconds` of the clock and of the driver's `processor` for so many `answers`, after the last worker joined;
    `workers`: seconds of the workers' processors, 0 where they were not counted.
    """

    answers: int
    seconds: float
    processor: float
    workers: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def pace(
    system: Callable[[], System], benchmark: Benchmark, workers: Workers | None, counts_workers: bool = False
) -> Pace:
    """How fast samples are answered in throughput mode. `counts_workers`: also what the workers' processors spend."""
    joined: list[int] = []
    processes: list[str] = []
    times: list[tuple[float, float, float]] = []
    append, add_session = Store.append, Store.add_session

    def timed_append(store: Store, *given: Any, **more: Any) -> None:
        append(store, *given, **more)
        spent = sum(map(processor, processes)) if counts_workers else 0.0
        times.append((time.perf_counter(), time.process_time(), spent))

    def timed_session(store: Store, record: Any) -> None:
        add_session(store, record)
        joined.append(len(times))
        if "worker" in record:
            processes.append(record["worker"].split()[-1])

    Store.append = timed_append  # type: ignore[assignment, method-assign]
    Store.add_session = timed_session  # type: ignore[assignment, method-assign]
    try:
        with tempfile.TemporaryDirectory() as out, redirect_stderr(StringIO()):
            run({"system": system}, lambda: benchmark, Path(out) / "run", mode="throughput", workers=workers)
    finally:
        Store.append, Store.add_session = append, add_session  # type: ignore[method-assign]
    counted = times[joined[-1] :]
    return Pace(len(counted) - 1, *(ended - begun for begun, ended in zip(counted[0], counted[-1], strict=True)))


def processor(process: str) -> float:
    """Seconds of the processor that a process has used, with its threads (proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sleeping(folder: Path, samples: int) -> list[dict[str, Any]]:
    """Rate and efficiency by number of workers."""
    found = []
    for count in (1, 2, 4):
        rate = pace(partial(Sleeps, SECONDS), OneImage(folder, samples * count), Workers(count)).rate
        found.append({"workers": count, "per_second": rate, "efficiency": rate * SECONDS / count})
    return found


def tiny(samples: int) -> list[dict[str, Any]]:
    """Rate of instructsam-tiny by number of workers, and what an answer takes of the workers' processors: where that
    stays the same, workers with a core of their own do not hold each other up.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    system = prepare("systems", "instructsam-tiny", {"batch_size": 4})
    benchmark = First(prepare("benchmarks", "tabletop")(), samples)
    found = {count: pace(system, benchmark, Workers(count), counts_workers=True) for count in (1, 2)}
    return [
        {
            "workers": count,
            "per_second": one.rate,
            "times": one.rate / found[1].rate,
            "processor_ms": 1000 * one.workers / one.answers,
        }
        for count, one in found.items()
    ]


@dataclass
class First:
    """The first samples of a benchmark."""

    whole: Any
    count: int

    def __getattr__(self, name: str) -> Any:
        if name == "whole":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.whole, name)

    def samples(self) -> Iterable[Sample]:
        """See `Benchmark`."""
        return islice(self.whole.samples(), self.count)


def orchestration(folder: Path, samples: int) -> list[dict[str, Any]]:
    """Milliseconds for a sample that takes no time by itself."""
    found = []
    for name, workers in (("one process", None), ("one worker of Ray", Workers(1))):
        spent = pace(partial(Sleeps, 0.0), OneImage(folder, samples), workers)
        each = 1000 / spent.answers
        found.append({"by": name, "ms": spent.seconds * each, "driver_ms": spent.processor * each})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each part as a table, or all as one JSON object."""
    parser = argparse.ArgumentParser(description="How much more workers answer, and what handing samples out costs.")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (all)")
    parser.add_argument("--samples", type=int, default=200, help="for each worker (%(default)s)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder:
        for part in options.part or PARTS:
            match part:
                case "sleeping":
                    found[part] = sleeping(Path(folder), options.samples)
                case "tiny":
                    found[part] = tiny(2 * options.samples)
                case "orchestration":
                    found[part] = orchestration(Path(folder), 5 * options.samples)
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"{found.pop('cores')} cores, load {found.pop('load'):.1f} when it began")
    for part, rows in found.items():
        print(f"\n{part}")
        for row in rows:
            cells = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}
            print("  " + ", ".join(f"{key} {value}" for key, value in cells.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
