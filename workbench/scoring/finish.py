"""Scores a run whose predictions are complete."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

from workbench.data.results import VERSION, read_results
from workbench.data.stress import axis_of
from workbench.runs.checks import REPEATS, Repeat, read_repeats
from workbench.runs.files import finite, held, replacing
from workbench.runs.run import Run, add_results
from workbench.scoring.one_system import score_systems
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

    from workbench.metrics.statistics import MANY_IMAGES, enough_draws, enough_for_percentiles
    from workbench.plugins.registry import load
    from workbench.scoring import system as protocols
    from workbench.scoring.differences import differences_of
    from workbench.scoring.oracles import count_changed, gains
    from workbench.scoring.stress import stress_results

    run = load_run(path)
    protocol = run.manifest.benchmark.protocol
    build = load("metrics", protocol)
    # all that is slow, once: every metric, every bootstrap draw, the diagnosis and the report read these
    scored = score_systems(run)
    with replacing(run.path / "samples.parquet") as file:
        table = pd.concat([one.table for one in scored.values()], ignore_index=True)
        table.to_parquet(file, index=False, write_page_checksum=True)
        del table
    described = protocols.metrics_of(
        protocol, dict.fromkeys(name for one in scored.values() for name in one.result["metrics"])
    )
    sides = {system: one.side for system, one in scored.items()}
    repeated = _repeated(
        {system: side.latencies for system, side in sides.items()},
        {name: read_repeats(run.store(name) / REPEATS) for name in run.systems},
    )
    samples = run.samples()
    boxes = {"only_boxes": True} if any(sample.only_boxes for sample in samples) else {}
    images = len({sample.image_id for sample in samples})
    many = images > MANY_IMAGES
    fewer = {"draws": enough_draws(images), "latency_draws": enough_for_percentiles(images)} if many else {}
    frontier = run.manifest.options.frontier
    first, *others = sides
    pairs = [(name, first) for name in others] if frontier else list(combinations(sides, 2))
    differences = differences_of(sides, build, pairs, repeated=repeated)
    if frontier:
        differences = [
            pair.model_copy(update={"changed": count_changed(run.predictions(pair.a), run.predictions(pair.b))})
            for pair in differences
        ]
    axis = axis_of(run.manifest.benchmark.identity, str(run.path))
    stressed = stress_results(axis, {name: run.overlaps(name) for name in sides}, build, described) if axis else None
    results = {
        "version": VERSION,
        "run": str(run.path),
        "benchmark": {**run.manifest.benchmark.to_json(), "samples": len(samples), **boxes},
        "protocol": protocol,
        "metrics": {name: asdict(about) for name, about in described.items()},
        "systems": {system: one.result for system, one in scored.items()},
        "differences": [pair.to_json() for pair in differences],
        "oracles": [one.to_json() for one in gains(run.manifest.oracles, samples, sides, run.predictions, protocol)],
        **({"frontier": frontier} if frontier else {}),
        **fewer,
        **({"stress": stressed.to_json()} if stressed else {}),
        "report": None,
        "mlflow": None,
    }
    return add_results(run, read_results(finite(results), str(run.path / "results.json")))


def _repeated(
    latencies_of: Mapping[str, Mapping[str, float]], repeats: Mapping[str, Sequence[Repeat]]
) -> dict[str, dict[str, list[float]]]:
    """The latencies of each sample of the run that was asked again, by system and sample id. A sample that failed is
    left out; while some were not asked again yet, so are all, since those that were are no fair choice.

    latencies_of: of each system, the first latency of each sample that was timed, by id.
    """
    timed = {name: set(latencies_of[name]) for name, found in repeats.items() if found}
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
