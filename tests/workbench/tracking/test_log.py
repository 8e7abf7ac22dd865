"""A finished run is logged to MLflow with all that it takes to compare it, and is never lost with the server."""

import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from workbench.data.errors import ConfigurationError
from workbench.runs.run import Run
from workbench.tracking.load import load_run
from workbench.tracking.log import TrackingError, default_uri, metric_values, track, write_predictions
from workbench.tracking.tables import DIFFERENCES, METRICS, SAMPLES

Logged = tuple[MlflowClient, MlflowRun, dict[str, MlflowRun]]


def test_the_default_store_lies_beside_the_run_folder_and_nothing_in_the_working_directory(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert track(finished)["tracking_uri"] == default_uri(finished.path)
    assert (finished.path.parent / "mlflow.db").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_is_a_parent_with_a_child_for_each_system(logged: Logged) -> None:
    _, parent, children = logged
    assert set(children) == {"good", "failing"}
    assert {found.info.status for found in (parent, *children.values())} == {"FINISHED"}
    assert parent.info.run_name == "first"


def test_children_have_the_same_metric_keys_with_the_values_of_the_results(finished: Run, logged: Logged) -> None:
    children = logged[2]
    good, failing = (children[system].data.metrics for system in ("good", "failing"))
    assert good.keys() == failing.keys()
    assert good["gIoU"] == finished.results.systems["good"].metrics["gIoU"] == 1.0
    assert good["failures.crashed"] == 0.0
    assert failing["failures.crashed"] == 24.0
    assert good["latency.p50"] > 0
    assert good["latency.by_targets.1.p50"] > 0
    assert good["per_correct_instance.calls"] == finished.results.systems["good"].per_correct_instance.calls
    assert math.isnan(metric_values(finished)["failing"]["per_correct_instance.calls"])
    assert not [key for key in good if key.endswith("note")]
    assert math.isnan(metric_values(finished)["failing"]["latency.p50"])


def test_identity_options_git_and_digests_are_logged(finished: Run, logged: Logged) -> None:
    child = logged[2]["good"]
    assert child.data.params["system.threshold"] == "90"
    assert child.data.params["benchmark.version"] == "1"
    assert child.data.params["option.mode"] == "latency"
    assert child.data.tags["git.commit"] == str(finished.manifest.git.commit)
    (dataset,) = (used.dataset for used in child.inputs.dataset_inputs)
    assert dataset.name == "toy"
    assert dataset.digest == child.data.tags["benchmark.digest"]
    assert len(dataset.digest) <= 36


def test_tables_are_parquet_artifacts_below_the_run_root(finished: Run, logged: Logged) -> None:
    client, parent, children = logged
    names = {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert names == {"manifest.json", "results.json", "samples.parquet", "tables", "toy"}
    assert children["good"].info.artifact_uri.startswith(finished.path.parent.as_uri())
    path = client.download_artifacts(children["good"].info.run_id, "predictions.parquet")
    assert list(pd.read_parquet(path).sample_id) == [f"s{n}" for n in range(24)]


def shown_table(client: MlflowClient, run_id: str, name: str) -> pd.DataFrame:
    """A table that MLflow's UI finds: it lists those that this tag names."""
    assert name in [table["path"] for table in json.loads(client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])]
    return pd.DataFrame(**json.loads(Path(client.download_artifacts(run_id, name)).read_text()))


def test_small_tables_are_there_for_the_ui(finished: Run, logged: Logged) -> None:
    client, parent, children = logged
    numbers = shown_table(client, parent.info.run_id, METRICS)
    assert list(numbers.metric) == list(finished.metrics().metric)
    differences = shown_table(client, parent.info.run_id, DIFFERENCES)
    assert list(differences.name) == list(finished.differences().name)
    for system, verdict in (("good", "exact_set"), ("failing", "failed")):
        samples = shown_table(client, children[system].info.run_id, SAMPLES)
        assert list(samples.instruction) == [sample.instruction for sample in finished.samples()]
        assert set(samples.verdict) == {verdict}


def test_the_description_says_what_each_metric_is(finished: Run, logged: Logged) -> None:
    client, parent, children = logged
    for one in (parent, *children.values()):
        described = client.get_run(one.info.run_id).data.tags["mlflow.note.content"]
        for name, info in finished.results.metrics.items():
            assert f"* **{name}**: {info.formula}" in described


def test_figures_of_the_run_folder_are_artifacts(finished: Run, tmp_path: Path) -> None:
    (finished.path / "figures").mkdir()
    (finished.path / "figures" / "speed.png").write_bytes(b"drawn")
    where = track(finished, f"sqlite:///{tmp_path / 'store.db'}")
    shutil.rmtree(finished.path / "figures")
    listed = MlflowClient(where["tracking_uri"]).list_artifacts(where["run_id"], "figures")
    assert [artifact.path for artifact in listed] == ["figures/speed.png"]


def test_logging_leaves_the_default_store_of_mlflow_as_it_was(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    track(finished, f"sqlite:///{tmp_path / 'store.db'}")
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_logging_forgets_the_environment_that_it_met(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    track(finished, uri)
    assert os.environ["MLFLOW_TRACKING_URI"] == uri
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert not mlflow.is_tracking_uri_set()


def test_another_sqlite_store_keeps_its_artifacts_beside_it(finished: Run, tmp_path: Path) -> None:
    where = track(finished, f"sqlite:///{tmp_path / 'other' / 'store.db'}")
    found = MlflowClient(where["tracking_uri"]).get_run(where["run_id"])
    assert found.info.artifact_uri.startswith((tmp_path / "other").as_uri())


def test_a_dead_server_loses_nothing_and_says_how_to_log_later(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"MLflow at http://127.0.0.1:9 failed(.|\n)*workbench track .*first"):
        track(finished, "http://127.0.0.1:9")
    assert load_run(finished.path).results == finished.results


def test_a_run_without_results_is_refused(finished: Run) -> None:
    with pytest.raises(ConfigurationError, match="is not finished"):
        track(Run(finished.path, finished.manifest))


class _Row(dict[str, object]):
    """A record of which it can be told how many are in memory."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def test_the_table_of_predictions_is_written_with_a_few_rows_in_memory(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.tracking.log.ROWS_AT_ONCE", 4)
    records = finished.records("good")
    alive: WeakSet[_Row] = WeakSet()
    most = 0

    class Read(Sequence[_Row]):
        def __len__(self) -> int:
            return len(records)

        def __getitem__(self, place: object) -> Any:
            raise AssertionError("rows are read in order")

        def __iter__(self) -> Iterator[_Row]:
            nonlocal most
            for record in records:
                row = _Row(record)
                alive.add(row)
                most = max(most, len(alive))
                yield row
                del row

    write_predictions(Read(), tmp_path / "predictions.parquet")
    assert 1 <= most <= 4 < len(records)
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    assert table["sample_id"].tolist() == [record["sample_id"] for record in records]
    assert [json.loads(text) for text in table["instances"]] == [record["instances"] for record in records]
    assert table["beside"].isna().all()
