"""What a run's results need of one system. Its answers and overlaps are forgotten before those of the next are read.
Systems of a large run are scored in processes of their own, two at a time.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import MATCHED
from workbench.plugins.registry import load
from workbench.runs.answers import StoredAnswers
from workbench.runs.checks import read_sessions
from workbench.runs.files import read_json
from workbench.runs.run import Run
from workbench.scoring.differences import Side, side_of
from workbench.scoring.gathered import Gathered, gather, gather_known, row_of, with_overlaps

if TYPE_CHECKING:
    import pandas as pd

MEMORY = "memory.json"
"""In the store of a system that had a process of its own: the memory that this process held at its peak."""
AT_ONCE = 2
"""Systems of a large run that are scored at the same time: each needs its samples and overlaps in memory."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What one system adds to the results."""

    result: dict[str, Any]
    """of `results.json`"""
    table: "pd.DataFrame"
    """its rows of `samples.parquet`"""
    side: Side
    """for the differences"""


def score_systems(run: Run) -> dict[str, Scored]:
    """Score every system of a run; raises `ConfigurationError` where predictions are missing."""
    stores = {system: run.store(system) / "predictions.jsonl" for system in run.systems}
    if len(stores) == 1 or not any(map(StoredAnswers.is_large, stores.values())):
        return {system: score_system(run, system) for system in run.systems}
    # the largest first, so that no core waits for it at the end
    largest = sorted(run.systems, key=lambda system: stores[system].stat().st_size, reverse=True)
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        scored = dict(zip(largest, pool.map(lambda system: _in_a_process(run, system), largest), strict=True))
    return {system: scored[system] for system in run.systems}


def score_system(run: Run, system: str) -> Scored:
    """Score one system."""
    import pandas as pd

    from workbench.failures.funnel import funnel
    from workbench.scoring import system as protocols
    from workbench.scoring.curves import curves

    protocol = run.manifest.benchmark.protocol
    build = load("metrics", protocol)
    columns: dict[str, list[Any]] = {}

    def add(row: Mapping[str, Any]) -> None:
        for name, value in {"benchmark": run.benchmark, "system": system, **row}.items():
            columns.setdefault(name, []).append(value)

    about = _About()
    found = _gathered(run, system, about, add)
    correct = dict(zip(columns["sample_id"], columns[MATCHED], strict=True))
    table = pd.DataFrame(columns)
    columns.clear()
    side = side_of(found.overlaps, build, found.spent.latencies())
    scored = protocols.score_gathered(found, protocol, build, side.drawn)
    described = protocols.metrics_of(protocol, scored["metrics"])
    leading = [name for name, info in described.items() if info.leads]
    result = {
        **scored,
        "curves": curves(found.overlaps, build, leading, run.manifest.conditions.get(system)).to_json(),
        "funnel": funnel(found.overlaps),
        **_costs(run, system, about),
        "asked_again": about.asked_again,
        "report": None,
        **_held(run, system),
        **_priced(run, system, about, found, correct),
    }
    return Scored(result, table, side)


class _About:
    """What is stored beside the answers of a system."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.passed = 0.0  # of the clock; less than the seconds of workers side by side
        self.asked_again = 0
        self.resumed = False

    def of(self, samples: Sequence[Sample], stored: StoredAnswers) -> Iterator[tuple[Sample, Prediction]]:
        """Each sample with its answer; what is stored beside it is gathered here."""
        for sample, one in zip(samples, stored, strict=True):
            self.seconds.append(one.seconds)
            self.passed += float(one.about.get("wall", one.seconds))
            self.asked_again += bool(one.about.get("earlier"))
            self.resumed = self.resumed or one.prediction.resumed
            yield sample, one.prediction


def _gathered(run: Run, system: str, about: _About, add: Callable[[Mapping[str, Any]], None]) -> Gathered:
    """Of a large store each answer is read once, and again where a metric or curve asks for its masks."""
    stored = run.stored(system)
    if stored.large:
        short = stored.without_traces()
        return gather(about.of(run.samples(), short), lambda place: short[place].prediction, add)
    pairs = list(about.of(run.samples(), stored))
    overlapping = run.overlaps(system)
    for asked, overlap in with_overlaps(pairs, overlapping):
        add(row_of(*asked, overlap))
    return gather_known(pairs, overlapping)


def _costs(run: Run, system: str, about: _About) -> dict[str, Any]:
    """Cold start in seconds, throughput, and the size of the store.

    Cold start is the time to make the system (`load`) plus its first answer (`warm_up`), in the first session. The
    first system of a run also loads the libraries that the others share; to see what one system takes alone, run it
    alone. A system with recorded answers has neither cold start nor throughput. The same holds for a store without its
    sessions.
    """
    first = _first_session(run.store(system) / "sessions.jsonl")
    timed = first.get("timed", True)
    # of resumed samples, part of the time is unknown
    throughput = run.manifest.options.mode == "throughput" and about.passed > 0 and timed and not about.resumed
    return {
        "cold_start": first["load"] + (first["warm_up"] or 0.0) if timed else None,
        "load": first["load"],
        "warm_up": first["warm_up"],
        "samples_per_second": len(about.seconds) / about.passed if throughput else None,
        "store": str(run.store(system)),
        "machine": first.get("machine"),
    }


def _priced(run: Run, system: str, about: _About, found: Gathered, correct: Mapping[str, int | None]) -> dict[str, Any]:
    """`cost`, where the run has prices. correct: correct instances of each sample, by id."""
    prices = run.manifest.options.prices
    if prices is None:
        return {}

    from workbench.metrics.latency import cost

    here = _first_session(run.store(system) / "sessions.jsonl").get("timed", True)
    seconds = about.seconds if here else [0.0] * len(about.seconds)
    note = None if here else "without the seconds, as the answers were made elsewhere"
    if about.resumed:
        note = "without what samples took before their process was killed"
    right = {sample_id: count or 0 for sample_id, count in correct.items()}
    return {"cost": {"currency": prices.currency, **cost(found.spent, seconds, right, prices.of(system)), "note": note}}


def _held(run: Run, system: str) -> dict[str, Any]:
    """What a system weighs, and the memory that its process held at the peak, where both are known."""
    stated = run.manifest.conditions.get(system)
    weights = {"weights": stated.weights} if stated is not None and stated.weights is not None else {}
    file = run.store(system) / MEMORY
    return {**weights, **(read_json(file) if file.exists() else {})}


def _first_session(path: Path) -> dict[str, Any]:
    """The first session; one without any values where the file is missing or empty."""
    sessions = read_sessions(path)
    if sessions:
        return sessions[0]
    print(f"workbench: {path} is missing or empty: cold start and throughput are not known", file=sys.stderr)
    return {"load": None, "warm_up": None, "timed": False}


def _in_a_process(run: Run, system: str) -> Scored:
    """`score_system` in a process of its own, which finds the plugins that this one finds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scored"
        command = [sys.executable, "-m", "workbench.scoring.one_system", str(run.path), system, str(out)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        if not out.exists():
            raise RuntimeError(f"scoring {system} in a process of its own ended with exit code {done.returncode}")
        with out.open("rb") as file:
            scored: Scored | ConfigurationError = pickle.load(file)  # our own process wrote it just now
    if isinstance(scored, ConfigurationError):
        raise scored
    return scored


def _main(path: str, system: str, out: str) -> None:
    from workbench.tracking.load import load_run

    scored: Scored | ConfigurationError
    try:
        scored = score_system(load_run(path), system)
    except ConfigurationError as error:
        scored = error
    with Path(out).open("wb") as file:
        pickle.dump(scored, file)


if __name__ == "__main__":
    # pickled objects must be of the module that the reading process imports
    from workbench.scoring.one_system import _main as main

    main(*sys.argv[1:])
