"""A client of an MLflow store: its experiments, parameters and metrics."""

import logging
import os
import re
import shlex
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from workbench.data.digests import flatten
from workbench.data.errors import ConfigurationError
from workbench.tracking.stores import ARTIFACTS, database, prepare

if TYPE_CHECKING:
    from mlflow import MlflowClient


PARENT, SYSTEM, RUN = "mlflow.parentRunId", "system", "workbench.run"
"""Tags: of a child the id of its parent and the name of its system; of a run of the workbench its name."""
BESIDE = "beside"
"""Column of the table of predictions with all fields of a line that have none of their own, as of answers by workers:
one JSON object, or null."""


PARAM_LENGTH = 6000  # MLflow's limit


BATCH = 100  # MLflow's limit for params in one request


METRIC_BATCH = 1000  # and for metrics


def open_experiment(uri: str, run: Path, name: str) -> tuple["MlflowClient", str]:
    """A client of the store and the id of the experiment, made where it is new; its artifacts lie beside a local
    store, or beside the run folder. Raises what MLflow raises."""
    quiet()
    prepare(uri)
    client = connect(uri)
    return client, _experiment(client, name, _artifact_root(uri, run))


def connect(uri: str) -> "MlflowClient":
    """A client of the store at `uri`; nothing is asked of it yet."""
    quiet()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def quiet() -> None:
    """Settings for MLflow. Without them it waits for a dead server for minutes, reports usage to its makers, prints a
    lot, and sends traces from a queue that takes a second to empty, for each system.
    """
    # a dead server would otherwise hold up the end of a run for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for logger in ("alembic", "mlflow.store.db.utils"):  # they report every table of a new store
        logging.getLogger(logger).setLevel(logging.WARNING)


def log_params(client: "MlflowClient", run_id: str, values: Mapping[str, Any]) -> None:
    """Log nested values under dotted keys, within MLflow's limits of key, value and request."""
    from mlflow.entities import Param

    params = iter([Param(_key(key), str(value)[:PARAM_LENGTH]) for key, value in flatten(values).items()])
    while batch := list(islice(params, BATCH)):
        client.log_batch(run_id, params=batch)


def log_metrics(client: "MlflowClient", run_id: str, values: Mapping[str, float], step: int = 0) -> None:
    """Log numbers as metrics of one step."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    metrics = iter([Metric(_key(key), value, now, step) for key, value in values.items()])
    while batch := list(islice(metrics, METRIC_BATCH)):
        client.log_batch(run_id, metrics=batch)


def _experiment(client: "MlflowClient", name: str, artifact_root: Path | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        _check_location(client, name, str(experiment.artifact_location))
        return str(experiment.experiment_id)
    location = (artifact_root / name).as_uri() if artifact_root else None
    return str(client.create_experiment(name, artifact_location=location))


def _check_location(client: "MlflowClient", name: str, location: str) -> None:
    """Raise `ConfigurationError` where an experiment of a moved local store has its artifacts in the old place: MLflow
    keeps absolute addresses, and would go on writing there.
    """
    store = database(client.tracking_uri)
    local = local_path(location)
    if store is None or local is None or local.parts[-2:] != (ARTIFACTS, name):
        return
    beside = store.parent / ARTIFACTS
    if local.resolve() == (beside / name).resolve():
        return
    raise ConfigurationError(
        f"the store was moved: its experiment {name} would write artifacts to {local}, which is not beside {store}. "
        f"Move it back, or link the old place to the new one when nothing is left there "
        f"(ln -s {shlex.quote(str(beside))} {shlex.quote(str(local.parent))}), or give another --tracking-uri"
    )


def local_path(location: str) -> Path | None:
    """The folder that an artifact address of MLflow means; None where it is on a server."""
    if location.startswith("file:"):
        return Path(unquote(urlsplit(location).path))
    return None if "://" in location or location.startswith("mlflow-artifacts:") else Path(location)


def _artifact_root(uri: str, run: Path) -> Path | None:
    """Where the artifacts of a database store are kept; None where a server or a file store decides. Without this
    setting MLflow would write them to `mlruns` in the working directory.
    """
    path = database(uri)
    if path is not None:
        return path.parent / ARTIFACTS
    return run.parent / ARTIFACTS if re.match(r"(postgresql|mysql|mssql)\b", uri) else None


def shown(text: str) -> str:
    """A URI, or a message with URIs, without the names and passwords that they may hold."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _key(text: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", text)
