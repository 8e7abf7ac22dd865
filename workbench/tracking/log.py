"""Logs a finished run to MLflow: a parent run for the comparison, a child for each system.

The tracking URI is always given explicitly; by default it is one SQLite file beside the run folders. Local artifacts
lie beside that file. All runs of one version of a benchmark share an experiment, and all children have the same metric
keys. What is logged is enough to read the run back as a folder, see `workbench.tracking.fetch`.
"""

import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.digests import digest, file_digest, flatten
from workbench.data.errors import ConfigurationError, disk_fault
from workbench.data.results import CHECKSUM, Difference, Results
from workbench.data.units import definition
from workbench.runs.files import read_json
from workbench.runs.run import Run
from workbench.tracking.client import BESIDE, PARENT, RUN, SYSTEM, _key, log_metrics, log_params, open_experiment, shown
from workbench.tracking.stores import OFF, chosen, sqlite_uri, tidy

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOGGED = "workbench.logged"
"""Tag of a run and its children: stands for all that was logged."""

DESCRIPTION = "mlflow.note.content"
"""Tag that MLflow's UI shows as the description of a run."""
DESCRIBED = 5000
"""Characters of a description; MLflow refuses a tag of more than 8000."""

COLUMNS = {
    **dict.fromkeys(("sample_id", "instances", "outcome", "message"), "string"),
    **dict.fromkeys(("latency", "processor", "waited"), "float64"),
    **dict.fromkeys(("calls", "candidates", "phrases"), "string"),
    **dict.fromkeys(("resumed", "rejected"), "bool_"),
    **dict.fromkeys(("image", "instruction"), "string"),
    "seconds": "float64",
    **dict.fromkeys(("earlier", "when"), "string"),
    BESIDE: "string",
}
"""Of the table of predictions, with their types: what a line of a store has, and what else one has beside that."""
ROWS_AT_ONCE = 256
COUNTS = ("failures", "diagnosis", "missed_targets", "call_failures", "recovered_calls")
"""Groups of counts: what is not listed for a system happened 0 times."""
MEASURES = ("samples", "unscored", "n_failed", "asked_again", "cold_start", "samples_per_second", "calls_per_sample")
NESTED_MEASURES = ("latency", "tokens_per_sample", "per_correct_instance", "cost")


class TrackingError(Exception):
    """The run is complete on disk, but could not be logged."""


def default_uri(run: Path) -> str:
    """`mlflow.db` in the folder that holds the run folder."""
    return sqlite_uri(run.resolve().parent / "mlflow.db")


def track(run: Run, uri: str | None = None) -> dict[str, str] | None:
    """Log a finished run; returns `tracking_uri`, `experiment` and `run_id` of the parent run.

    `uri`: the store; without it that of `MLFLOW_TRACKING_URI`, and without that `mlflow.db` beside the run. For `none`,
    nothing is logged and None is returned. A run that the store has already is not logged again.

    Raises `ConfigurationError` where the run has no results, and `TrackingError` where MLflow refuses something or a
    server cannot be reached. The run folder is only read.
    """
    _ = run.results  # raises where there are none
    uri = chosen(uri) or default_uri(run.path)
    if uri == OFF:
        return None
    try:
        experiment = f"{run.benchmark}-{_benchmark_digest(run)[:8]}"
        with tidy(uri):
            client, experiment_id = open_experiment(uri, run.path, experiment)
            run_id = _known(client, experiment_id, run) or _log(client, experiment_id, run, uri)
        return {"tracking_uri": shown(uri), "experiment": experiment, "run_id": run_id}
    except Exception as error:
        kind = "" if isinstance(error, ConfigurationError) else f"{type(error).__name__}: "
        reason = disk_fault(error) or f"{kind}{shown(str(error))}"
        raise TrackingError(
            f"MLflow at {shown(uri)} failed: {reason}\n"
            f"All results are in {run.path}; log them later with `workbench track {run.path} --tracking-uri URI`"
        ) from error


def metric_values(run: Run) -> dict[str, dict[str, float]]:
    """For each system its numbers under the same flat keys; nan where one is undefined for a system."""
    numbers_of = {system: _numbers(result.to_json()) for system, result in run.results.systems.items()}
    for row in run.results.oracles:
        for metric, gain in (row.gains or {}).items():
            numbers_of[row.system] |= _gains(f"oracles.{row.oracle}.{metric}", gain)
    keys = sorted({key for numbers in numbers_of.values() for key in numbers})
    return {
        system: {key: numbers.get(key, 0.0 if key.startswith(COUNTS) else math.nan) for key in keys}
        for system, numbers in numbers_of.items()
    }


def stress_values(run: Run, system: str) -> list[dict[str, float]]:
    """Of a run of a stress axis the metrics at each level, so that MLflow draws the curve with the place of the level
    as its step; with the first level also the areas under the curves."""
    stress = run.results.stress
    if stress is None:
        return []
    curves = stress.curves[system]
    steps = [
        {f"stress.{name}": float(value) for name, curve in curves.items() if (value := curve.values[place]) is not None}
        for place in range(len(stress.axis.levels))
    ]
    areas = {f"stress.area.{name}": curve.area for name, curve in curves.items() if curve.area is not None}
    return [{**steps[0], **areas}, *steps[1:]]


def _gains(name: str, gain: Difference) -> dict[str, float]:
    """Gain of a metric, bounds of its interval and corrected p-value."""
    low, high = gain.interval or (None, None)
    known = {"": gain.difference, ".low": low, ".high": high, ".p_holm": gain.p_holm}
    return {_key(name + ending): math.nan if value is None else float(value) for ending, value in known.items()}


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    groups = {key: result[key] for key in (*COUNTS, *NESTED_MEASURES) if key in result}
    measures = {key: result[key] for key in MEASURES if key in result}
    tree = {**result["metrics"], **measures, **groups, "intervals": result["intervals"]}
    flat = flatten(_with_bounds(tree))
    return {_key(key): math.nan if value is None else float(value) for key, value in flat.items()}


def _with_bounds(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers with their intervals beside them as `name.low` and `name.high`, at every depth; without notes."""
    bounded: dict[str, Any] = {}
    for key, value in tree.items():
        if key == "intervals":
            known = {name: interval for name, interval in value.items() if interval}
            bounded |= {
                f"{name}.{bound}": v for name, i in known.items() for bound, v in zip(("low", "high"), i, strict=True)
            }
        elif isinstance(value, Mapping):
            bounded[key] = _with_bounds(value)
        elif key not in ("note", "currency"):
            bounded[key] = value
    return bounded


def _log(client: "MlflowClient", experiment_id: str, run: Run, uri: str) -> str:
    from workbench.tracking.tables import log_comparison, log_samples
    from workbench.tracking.traces import log_traces

    manifest, results = run.manifest, run.results
    shared = {"benchmark": manifest.benchmark.identity, "option": manifest.options.to_json()}
    tags = {
        DESCRIPTION: _descriptions(results),
        "git.commit": str(manifest.git.commit),
        "git.dirty": str(manifest.git.dirty),
        "benchmark.digest": _benchmark_digest(run),
        RUN: manifest.name,
        LOGGED: _fingerprint(run),
    }
    parent = _start(client, experiment_id, run, manifest.name, tags)
    try:
        log_params(client, parent, {**shared, "version": manifest.versions, "machine": manifest.machine.to_json()})
        values = metric_values(run)
        for system, identity in manifest.systems.items():
            own = {PARENT: parent, SYSTEM: system, "system.digest": digest(identity)}
            child = _start(client, experiment_id, run, system, {**tags, **own})
            log_params(client, child, {"system": identity, **shared})
            log_metrics(client, child, values[system])
            for step, numbers in enumerate(stress_values(run, system)):
                log_metrics(client, child, numbers, step)
            _log_predictions(client, child, run, system)
            log_samples(client, child, run, system)
            if (run.store(system) / "sessions.jsonl").exists():
                client.log_artifact(child, str(run.store(system) / "sessions.jsonl"))
            log_traces(uri, experiment_id, child, run.samples(), run.predictions(system))
            client.set_terminated(child)
        client.log_artifact(parent, str(run.path / run.benchmark / "samples.jsonl"), run.benchmark)
        for name in ("manifest.json", "results.json", "samples.parquet"):
            client.log_artifact(parent, str(run.path / name))
        log_comparison(client, parent, run)
        report = run.path / Path(results.report or "report.html").name  # the folder may have moved since
        if results.report and report.exists():
            client.log_artifact(parent, str(report))
        if (run.path / "figures").is_dir():
            client.log_artifacts(parent, str(run.path / "figures"), "figures")
    except BaseException:
        client.set_terminated(parent, "FAILED")
        raise
    client.set_terminated(parent)
    return parent


def _descriptions(results: Results) -> str:
    """What each metric is, with its unit and direction, a line each, those that lead first; as many as fit."""
    text = ""
    for name, info in results.metrics.items():
        line = f"* **{name}**: {definition(info)}\n" if definition(info) else ""
        if len(text) + len(line) > DESCRIBED:
            break
        text += line
    return text


def _known(client: "MlflowClient", experiment_id: str, run: Run) -> str | None:
    """The id under which this very run was logged before. A half-logged earlier attempt is deleted: no other process
    can be logging the run, as the run folder is locked.
    """
    logged = client.search_runs([experiment_id], f"tags.`{LOGGED}` = '{_fingerprint(run)}'")
    complete = [one.info.run_id for one in logged if PARENT not in one.data.tags and one.info.status == "FINISHED"]
    for one in logged:
        if one.data.tags.get(PARENT, one.info.run_id) not in complete:
            client.delete_run(one.info.run_id)
    if not complete:
        return None
    print(f"workbench: the store has this run already, as {complete[0]}: nothing was logged again", file=sys.stderr)
    return str(complete[0])


def _fingerprint(run: Run) -> str:
    """A digest of a run and all its results, independent of the place of its folder and report."""
    stores = [run.store(system) / "predictions.jsonl" for system in run.systems]
    files = [file_digest(path) for path in (run.path / run.benchmark / "samples.jsonl", *stores)]
    manifest = {key: run.manifest.to_json()[key] for key in ("name", "created", "systems", "options")}
    return digest([manifest, files, _without_places(read_json(run.path / "results.json"))])


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        places = ("run", "store", "report", "mlflow", "image_root", CHECKSUM)
        return {key: _without_places(item) for key, item in value.items() if key not in places}
    return [_without_places(item) for item in value] if isinstance(value, list) else value


def _start(client: "MlflowClient", experiment_id: str, run: Run, name: str, tags: Mapping[str, str]) -> str:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag

    run_id = str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)
    source = CodeDatasetSource({"benchmark": run.benchmark})
    dataset = MetaDataset(source, name=run.benchmark, digest=_benchmark_digest(run))
    context = InputTag("mlflow.data.context", "evaluation")
    client.log_inputs(run_id, [DatasetInput(dataset._to_mlflow_entity(), [context])])
    return run_id


def _log_predictions(client: "MlflowClient", run_id: str, run: Run, system: str) -> None:
    """All predictions as one Parquet table; nested fields as JSON text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write_predictions(run.records(system), path)
        client.log_artifact(run_id, str(path))


def write_predictions(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write records of a store as a Parquet table, nested fields as JSON text, with a few rows in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: getattr(pa, kind)() for name, kind in COLUMNS.items()}
    rows = iter(records)
    with pq.ParquetWriter(
        path, pa.schema(columns), compression="zstd", use_dictionary=False, write_page_checksum=True
    ) as writer:
        while part := [_row(record) for record in islice(rows, ROWS_AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(part, pa.schema(columns)))


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in record.items()}
    beside = {key: record[key] for key in row.keys() - COLUMNS.keys()}
    return {key: row[key] for key in row.keys() - beside.keys()} | ({BESIDE: json.dumps(beside)} if beside else {})


def _benchmark_digest(run: Run) -> str:
    """32 characters; MLflow takes 36 at most."""
    return digest(run.manifest.benchmark.identity)
