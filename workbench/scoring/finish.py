"""Scores a run whose predictions are complete."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.runs.checks import read_sessions
from workbench.runs.files import held, replacing, write_json

if TYPE_CHECKING:
    pass
from workbench.runs.run import Run
from workbench.tracking.load import load_run


def finish(path: Path) -> Run:
    """Score a run whose predictions are complete: write `results.json` and `samples.parquet`, and read it back."""
    load_run(path)  # refuses what is no run before a lock is made in it
    with held(path):
        return _finish(path)


def _finish(path: Path) -> Run:
    import pandas as pd

    from workbench.failures.funnel import funnel
    from workbench.metrics.overlaps import overlaps
    from workbench.scoring import system as protocols
    from workbench.scoring.differences import compare
    from workbench.scoring.oracles import gains

    run = load_run(path)
    samples = run.samples()
    protocol = run.manifest["benchmark"]["protocol"]
    predictions = {system: run.predictions(system) for system in run.systems}
    # all that is slow, once: every metric, every bootstrap draw and the diagnosis read these
    found = {system: overlaps(samples, answers) for system, answers in predictions.items()}
    rows = [
        {"benchmark": run.benchmark, "system": system, **row}
        for system, answers in predictions.items()
        for row in protocols.table(samples, answers, found[system])
    ]
    with replacing(run.path / "samples.parquet") as file:
        pd.DataFrame(rows).to_parquet(file, index=False, write_page_checksum=True)
    systems = {
        system: {
            **protocols.score(samples, answers, protocol, found[system]),
            "funnel": funnel(found[system]),
            **_costs(run, system),
            "report": None,
        }
        for system, answers in predictions.items()
    }
    measured = dict.fromkeys(name for system in systems.values() for name in system["metrics"])
    results = {
        "run": str(run.path),
        "benchmark": {**run.manifest["benchmark"], "samples": len(samples)},
        "protocol": protocol,
        "metrics": {name: asdict(info) for name, info in protocols.metrics_of(protocol, measured).items()},
        "systems": systems,
        "differences": compare(found, protocol, predictions),
        "oracles": gains(run.manifest.get("oracles", {}), samples, found, run.predictions, protocol),
        "report": None,
        "mlflow": None,
    }
    write_json(run.path / "results.json", results)
    return load_run(path)


def _costs(run: Run, system: str) -> dict[str, Any]:
    """Cold start in seconds, throughput, and the store.

    Cold start is making the system (`load`) and its first answer (`warm_up`), as done in the first session. The first
    system of a run also pays for the libraries that others share with it; what it takes alone, a run of its own shows.
    Answers that were made elsewhere have neither cold start nor throughput, nor has a store that lost its sessions.
    """
    first = _first_session(run.store(system) / "sessions.jsonl")
    records = run.records(system)
    seconds = sum(record["seconds"] for record in records)
    timed = first.get("timed", True)
    resumed = any(record.get("resumed") for record in records)  # part of their time is not known
    throughput = run.manifest["options"]["mode"] == "throughput" and seconds > 0 and timed and not resumed
    return {
        "cold_start": first["load"] + (first["warm_up"] or 0.0) if timed else None,
        "load": first["load"],
        "warm_up": first["warm_up"],
        "samples_per_second": len(run.samples()) / seconds if throughput else None,
        "store": str(run.store(system)),
    }


def _first_session(path: Path) -> dict[str, Any]:
    """The first session, or one in which nothing is known where the file is missing or empty."""
    sessions = read_sessions(path)
    if sessions:
        return sessions[0]
    print(f"workbench: {path} is missing or empty: cold start and throughput are not known", file=sys.stderr)
    return {"load": None, "warm_up": None, "timed": False}
