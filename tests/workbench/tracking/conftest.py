"""A finished run, and what MLflow has of it."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from tests.workbench.toys import Rectangles, threshold
from tests.workbench.tracking.failing import failing
from workbench.comparison.runner import run
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.log import track


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("tracking")
    systems = {"good": lambda: threshold(90), "failing": failing}
    run(systems, lambda: Rectangles(root / "data", 24), root / "runs" / "first")
    return finish(root / "runs" / "first")


@pytest.fixture(scope="module")
def logged(finished: Run) -> tuple[MlflowClient, MlflowRun, dict[str, MlflowRun]]:
    """The client, the parent run and the children by system."""
    where = track(finished)
    client = MlflowClient(where["tracking_uri"])
    experiment = client.get_experiment_by_name(where["experiment"])
    assert experiment is not None
    children = {
        found.data.tags["system"]: found
        for found in client.search_runs([experiment.experiment_id])
        if found.data.tags.get("mlflow.parentRunId") == where["run_id"]
    }
    return client, client.get_run(where["run_id"]), children
