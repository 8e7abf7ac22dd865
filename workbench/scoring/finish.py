"""Scores a run whose predictions are complete."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.data.predictions import Prediction
from workbench.data.results import VERSION, read_results
from workbench.data.vocabulary import MATCHED
from workbench.runs.checks import REPEATS, Repeat, read_repeats, read_sessions
from workbench.runs.files import finite, held, replacing
from workbench.runs.run import Run, add_results
from workbench.tracking.load import load_run


def finish(path: Path) -> Run:
    """Score a run whose predictions are complete, and write `results.json` and `samples.parquet`.

    The returned run keeps the parsed files, so that the report and MLflow do not read them again. Raises
    `ConfigurationError` where predictions are missing.
    """
    load_run(path)  # refuses a folder that is not a run before a lock is made in it
    with held(path):
        return _finish(path)


def _finish(path: Path) -> Run:
    import pandas as pd

    from workbench.failures.funnel import funnel
    from workbench.plugins.registry import load
    from workbench.scoring import system as protocols
    from workbench.scoring.curves import curves
    from workbench.scoring.differences import pairwise_differences
    from workbench.scoring.oracles import gains

    run = load_run(path)
    samples = run.samples()
    protocol = run.manifest.benchmark.protocol
    predictions = {system: run.predictions(system) for system in run.systems}
    # all that is slow, once: every metric, every bootstrap draw, the diagnosis and the report read these
    overlaps_of = {system: run.overlaps(system) for system in run.systems}
    rows = [
        {"benchmark": run.benchmark, "system": system, **row}
        for system, answers in predictions.items()
        for row in protocols.table(samples, answers, overlaps_of[system])
    ]
    with replacing(run.path / "samples.parquet") as file:
        pd.DataFrame(rows).to_parquet(file, index=False, write_page_checksum=True)
    scores = {
        system: protocols.score(samples, answers, protocol, overlaps_of[system])
        for system, answers in predictions.items()
    }
    described = protocols.metrics_of(
        protocol, dict.fromkeys(name for one in scores.values() for name in one["metrics"])
    )
    leading = [name for name, about in described.items() if about.leads]
    build = load("metrics", protocol)
    systems = {
        system: {
            **scored,
            "curves": curves(overlaps_of[system], build, leading, run.manifest.conditions.get(system)).to_json(),
            "funnel": funnel(overlaps_of[system]),
            **_costs(run, system),
            "asked_again": sum(bool(one.about.get("earlier")) for one in run.stored(system)),
            "report": None,
            **_priced(run, system, {row["sample_id"]: row[MATCHED] or 0 for row in rows if row["system"] == system}),
        }
        for system, scored in scores.items()
    }
    repeated = _repeated(predictions, {name: read_repeats(run.store(name) / REPEATS) for name in run.systems})
    boxes = {"only_boxes": True} if any(sample.only_boxes for sample in samples) else {}
    results = {
        "version": VERSION,
        "run": str(run.path),
        "benchmark": {**run.manifest.benchmark.to_json(), "samples": len(samples), **boxes},
        "protocol": protocol,
        "metrics": {name: asdict(about) for name, about in described.items()},
        "systems": systems,
        "differences": [
            pair.to_json() for pair in pairwise_differences(overlaps_of, protocol, predictions, repeated=repeated)
        ],
        "oracles": [
            one.to_json() for one in gains(run.manifest.oracles, samples, overlaps_of, run.predictions, protocol)
        ],
        "report": None,
        "mlflow": None,
    }
    return add_results(run, read_results(finite(results), str(run.path / "results.json")))


def _repeated(
    predictions: Mapping[str, Sequence[Prediction]], repeats: Mapping[str, Sequence[Repeat]]
) -> dict[str, dict[str, list[float]]]:
    """The latencies of each sample of the run that was asked again, by system and sample id. A sample that failed is
    left out; while some were not asked again yet, so are all, since those that were are no fair choice.
    """
    timed = {
        name: {one.sample_id for one in predictions[name] if one.latency is not None}
        for name, found in repeats.items()
        if found
    }
    shared = set.intersection(*timed.values()) if timed else set()
    if any(not shared <= {one.sample_id for one in repeats[name]} for name in timed):
        return {}
    latencies: dict[str, dict[str, list[float]]] = {}
    for name in timed:
        failed = {one.sample_id for one in repeats[name] if one.latency is None}
        latencies[name] = {}
        for one in repeats[name]:
            if one.latency is not None and one.sample_id in shared - failed:
                latencies[name].setdefault(one.sample_id, []).append(one.latency)
    return latencies


def _costs(run: Run, system: str) -> dict[str, Any]:
    """Cold start in seconds, throughput, and the size of the store.

    Cold start is the time to make the system (`load`) plus its first answer (`warm_up`), in the first session. The
    first system of a run also loads the libraries that the others share; to see what one system takes alone, run it
    alone. A system with recorded answers has neither cold start nor throughput. The same holds for a store without its
    sessions.
    """
    first = _first_session(run.store(system) / "sessions.jsonl")
    stored = run.stored(system)
    seconds = sum(one.seconds for one in stored)
    timed = first.get("timed", True)
    resumed = any(one.prediction.resumed for one in stored)  # for these, part of the time is unknown
    throughput = run.manifest.options.mode == "throughput" and seconds > 0 and timed and not resumed
    return {
        "cold_start": first["load"] + (first["warm_up"] or 0.0) if timed else None,
        "load": first["load"],
        "warm_up": first["warm_up"],
        "samples_per_second": len(run.samples()) / seconds if throughput else None,
        "store": str(run.store(system)),
        "machine": first.get("machine"),
    }


def _priced(run: Run, system: str, correct: Mapping[str, int]) -> dict[str, Any]:
    """`cost`, where the run has prices. correct: correct instances of each sample, by id."""
    prices = run.manifest.options.prices
    if prices is None:
        return {}

    from workbench.metrics.latency import cost

    stored = run.stored(system)
    here = _first_session(run.store(system) / "sessions.jsonl").get("timed", True)
    pairs = list(zip(run.samples(), run.predictions(system), strict=True))
    seconds = [one.seconds if here else 0.0 for one in stored]
    note = None if here else "without the seconds, as the answers were made elsewhere"
    if any(one.prediction.resumed for one in stored):
        note = "without what samples took before their process was killed"
    return {"cost": {"currency": prices.currency, **cost(pairs, seconds, correct, prices.of(system)), "note": note}}


def _first_session(path: Path) -> dict[str, Any]:
    """The first session; one without any values where the file is missing or empty."""
    sessions = read_sessions(path)
    if sessions:
        return sessions[0]
    print(f"workbench: {path} is missing or empty: cold start and throughput are not known", file=sys.stderr)
    return {"load": None, "warm_up": None, "timed": False}
