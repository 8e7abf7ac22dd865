"""Reads runs back from MLflow: a run that `workbench.tracking.log` logged becomes a run folder again.

A run is downloaded once, into `segmentation-workbench/runs/RUN_ID` below `XDG_CACHE_HOME` (`~/.cache`), since a logged
run does not change. A run that an earlier version logged has no samples: its scores and its table can be read;
operations that need the samples say that they are missing.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError, short
from workbench.data.manifest import Manifest, read_manifest
from workbench.data.predictions import Prediction
from workbench.data.results import Results, read_results
from workbench.data.traces import packed
from workbench.runs.files import FETCHED, read_json, write_json, write_lines
from workbench.tracking.client import BESIDE, PARENT, RUN, SYSTEM, connect, local_path, shown
from workbench.tracking.stores import ARTIFACTS, OFF, check, chosen, database, sqlite_uri, tidy

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

RUN_ID = re.compile(r"[0-9a-f]{32}")
AGAIN = ("earlier", "when")
"""What only lines of samples have that were asked again, or may be."""
NESTED = {field.name for field in fields(Prediction) if field.default == ()} | {"earlier"}
"""What is JSON text in the table of predictions."""
SUMMARY = ("manifest.json", "results.json")
_DEFAULT = Path("runs/mlflow.db")
_PAGE = 1000


def fetch(run_id: str, uri: str | None = None) -> Path:
    """The folder of a logged run, downloaded where it is not there yet; `run_id` is of the run or of one of its
    children, `uri` as in `store_uri`.

    Raises `ConfigurationError` where the store cannot be reached or does not have the run, whole.
    """
    with _opened(uri) as client:
        parent = _parent(client, run_id)
        if not RUN_ID.fullmatch(parent.info.run_id):  # it names a folder
            raise ConfigurationError(f"expected the store to give a run id, got {short(parent.info.run_id)}")
        folder: Path = _cache() / parent.info.run_id
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            made = Path(temporary) / "run"
            _download(client, parent, made)
            write_json(made / FETCHED, {"run_id": parent.info.run_id, "tracking_uri": shown(client.tracking_uri)})
            try:
                made.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was faster
                    raise
    return folder


def summaries(sources: Iterable[str], uri: str | None = None) -> Iterator[tuple[str, Manifest, Results]]:
    """Id, manifest and results of each run of `sources`: run ids, or names of experiments, whose runs are taken in the
    order of their creation. Raises as `fetch` does."""
    with _opened(uri) as client:
        for source in sources:
            parents = [_parent(client, source)] if RUN_ID.fullmatch(source) else _runs_of(client, source)
            for parent in parents:
                with tempfile.TemporaryDirectory() as temporary:
                    folder = Path(temporary)
                    _get(client, parent.info.run_id, SUMMARY, folder)
                    manifest, results = (read_json(folder / name) for name in SUMMARY)
                run_id = parent.info.run_id
                where = [f"MLflow run {run_id}: {name}" for name in SUMMARY]
                yield run_id, read_manifest(manifest, where[0]), read_results(results, where[1])


def store_uri(uri: str | None = None) -> str:
    """The URI of the store: as given, else `MLFLOW_TRACKING_URI`, else `runs/mlflow.db`, where `compare` logs by
    default; raises `ConfigurationError` where there is none."""
    chosen_uri = chosen(uri) or (sqlite_uri(_DEFAULT) if _DEFAULT.exists() else None)
    if chosen_uri == OFF:
        raise ConfigurationError(f"an MLflow run needs a store, and the tracking URI is {OFF}: give another")
    if chosen_uri is None:
        raise ConfigurationError(
            f"an MLflow run needs a store, and there is no {_DEFAULT}: give a tracking URI (--tracking-uri), or set "
            "MLFLOW_TRACKING_URI"
        )
    check(chosen_uri)
    return chosen_uri


@contextmanager
def _opened(uri: str | None) -> "Iterator[MlflowClient]":
    from mlflow.exceptions import MlflowException

    uri = store_uri(uri)
    try:
        with tidy(uri):
            yield connect(uri)
    except (MlflowException, OSError) as error:
        raise ConfigurationError(f"MLflow at {shown(uri)}: {type(error).__name__}: {shown(str(error))}") from error


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segmentation-workbench" / "runs"


def _parent(client: "MlflowClient", run_id: str) -> "MlflowRun":
    run = client.get_run(run_id)
    parent = run.data.tags.get(PARENT)
    return client.get_run(parent) if parent else run


def _runs_of(client: "MlflowClient", experiment: str) -> "list[MlflowRun]":
    """The finished runs of the workbench in an experiment, given by name or id."""
    stored = client.get_experiment_by_name(experiment)
    if stored is None and experiment.isdecimal():
        stored = client.get_experiment(experiment)
    if stored is None:
        raise ConfigurationError(f"there is no folder and no MLflow experiment {experiment!r}")
    runs: list[MlflowRun] = []
    token = None
    while True:
        page = client.search_runs(
            [stored.experiment_id], "attributes.status = 'FINISHED'", max_results=_PAGE, page_token=token
        )
        runs += [run for run in page if RUN in run.data.tags and PARENT not in run.data.tags]
        token = page.token
        if not token:
            return sorted(runs, key=lambda run: run.info.start_time)


def _download(client: "MlflowClient", parent: "MlflowRun", folder: Path) -> None:
    """Make `folder` the run folder that was logged as `parent` and its children."""
    run_id = parent.info.run_id
    _get(client, run_id, (*SUMMARY, "samples.parquet"), folder)
    manifest = read_manifest(read_json(folder / "manifest.json"), f"MLflow run {run_id}: manifest.json")
    benchmark = manifest.benchmark.name
    _inside(run_id, folder, folder / benchmark, benchmark)
    if _has(client, run_id, benchmark):  # not where an earlier version logged it
        _get(client, run_id, (f"{benchmark}/samples.jsonl",), folder)
    children = client.search_runs([parent.info.experiment_id], f"tags.`{PARENT}` = '{run_id}'")
    ids = {child.data.tags.get(SYSTEM): child.info.run_id for child in children}
    for system in manifest.systems:
        if system not in ids:
            raise ConfigurationError(f"MLflow run {run_id} has no child run of {system}: was it deleted?")
        store = (folder / benchmark / system).resolve()
        _inside(run_id, folder, store, system)
        names = ["predictions.parquet", *(["sessions.jsonl"] if _has(client, ids[system], "sessions.jsonl") else [])]
        _get(client, ids[system], names, store)
        try:
            _unpack(store / "predictions.parquet")
        except (OSError, ValueError, TypeError) as error:  # what pyarrow, json and the journal raise
            reason = str(error).splitlines()[0]
            raise ConfigurationError(f"MLflow run {run_id}: predictions of {system} are damaged: {reason}") from error


def _inside(run_id: str, folder: Path, place: Path, name: str) -> None:
    if folder.resolve() not in place.resolve().parents:
        raise ConfigurationError(f"MLflow run {run_id}: the name of {name!r} leads out of the run folder")


def _has(client: "MlflowClient", run_id: str, name: str) -> bool:
    return name in {artifact.path for artifact in client.list_artifacts(run_id)}


def _get(client: "MlflowClient", run_id: str, names: Iterable[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    listed = {artifact.path for artifact in client.list_artifacts(run_id)}
    for name in names:
        if name.partition("/")[0] not in listed:
            _check_artifacts(client, run_id)
            raise ConfigurationError(f"MLflow run {run_id} has no {name}: it is no finished run of this workbench")
        got = Path(client.download_artifacts(run_id, name, str(folder)))  # some stores drop the folder of the name
        (folder / name).parent.mkdir(exist_ok=True)
        got.rename(folder / name)


def _check_artifacts(client: "MlflowClient", run_id: str) -> None:
    """Raise `ConfigurationError` where the folder of the run's artifacts is missing. MLflow stores absolute paths, so
    that a store which was moved looks for artifacts in the old place.
    """
    run = client.get_run(run_id)
    uri = str(run.info.artifact_uri)
    looked = local_path(uri)
    if RUN not in run.data.tags or looked is None or looked.exists():
        return
    database_file = database(client.tracking_uri)
    parts = looked.parts
    hint = "was the store moved?"
    if database_file is not None and ARTIFACTS in parts:
        moved = database_file.parent.joinpath(*parts[parts.index(ARTIFACTS) :])
        if moved.exists():
            old = Path(*parts[: parts.index(ARTIFACTS) + 1])
            new = database_file.parent / ARTIFACTS
            hint = f"they are in {moved}, as the store was moved. Move it back, or link it: ln -s {new} {old}"
    raise ConfigurationError(
        f"MLflow run {run_id}: its artifacts are looked for in {looked}, which is not there; {hint}"
    )


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """The line of a store that a row of the table was made of."""
    beside: dict[str, Any] = json.loads(row.pop(BESIDE, None) or "{}")
    given = {key: value for key, value in row.items() if value is not None or key not in AGAIN}
    return {key: json.loads(value) if key in NESTED else value for key, value in given.items()} | beside


def _unpack(table: Path) -> None:
    """Write the Parquet table of predictions as the journal that `Run.records` reads."""
    import pyarrow.parquet as pq

    write_lines(
        table.with_name("predictions.jsonl"),
        (
            packed(_line(row))
            for batch in pq.ParquetFile(table, page_checksum_verification=True).iter_batches(250)
            for row in batch.to_pylist()
        ),
    )
    table.unlink()
