"""A run that was logged to MLflow reads back as the folder that it was, wherever that folder went."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

import workbench
from tests.workbench.toys import Rectangles, threshold
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Prediction
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.fetch import fetch, store_uri
from workbench.tracking.log import track


@dataclass
class Logged:
    """A run folder, the store that it was logged to and the id it has there."""

    run: Run
    uri: str
    run_id: str

    @property
    def children(self) -> dict[str, str]:
        """Run ids by system."""
        client = MlflowClient(self.uri)
        experiment = client.get_run(self.run_id).info.experiment_id
        found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{self.run_id}'")
        return {child.data.tags["system"]: child.info.run_id for child in found}


def made(folder: Path, near: int = 90) -> Run:
    systems = {"wide": lambda: threshold(near), "narrow": lambda: threshold(0)}
    run(systems, lambda: Rectangles(folder.parent / "data", 24), folder)
    return finish(folder)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    root = tmp_path_factory.mktemp("fetch")
    found = made(root / "one")
    where = track(found, f"sqlite:///{root / 'store.db'}")
    return Logged(found, where["tracking_uri"], where["run_id"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "cache"


def test_a_logged_run_reads_back_as_its_folder(logged: Logged, cache: Path) -> None:
    found = workbench.load_run(logged.run_id, logged.uri)
    assert found.path.is_relative_to(cache)
    assert found.manifest == logged.run.manifest
    assert found.results.differences == logged.run.results.differences
    assert found.samples() == logged.run.samples()
    for system in logged.run.systems:
        assert found.records(system) == logged.run.records(system)
    assert found.table().equals(logged.run.table())
    assert finish(found.path).results.systems["wide"].cold_start > 0, "it can be scored anew"


def test_a_child_stands_for_its_parent(logged: Logged) -> None:
    found = [workbench.load_run(run_id, logged.uri) for run_id in (logged.run_id, logged.children["narrow"])]
    assert found[0] == found[1]


def test_a_run_is_downloaded_once(logged: Logged) -> None:
    path = workbench.load_run(logged.run_id, logged.uri).path
    (path / "mark").touch()
    assert (workbench.load_run(logged.run_id, logged.uri).path / "mark").exists()
    assert [item.name for item in path.parent.iterdir()] == [logged.run_id], "and leaves nothing else"


def test_every_field_of_a_prediction_survives(logged: Logged, tmp_path: Path) -> None:
    shutil.copytree(logged.run.path, tmp_path / "changed")
    stored = tmp_path / "changed/toy/wide/predictions.jsonl"
    records = logged.run.records("wide")
    records[0] |= {"message": '["not", "a list"]', "phrases": ["a", "b"], "outcome": "crashed", "latency": None}
    records[1] |= {"message": "[", "rejected": True, "image": None}
    records[2]["calls"][0]["note"] = {"reply": "<script>\n", "sent": [{"role": "user", "picture": "x", "masks": ["1"]}]}
    records[3] |= {"wall": 0.25, "worker": "host 7", "later": ["x", None]}
    stored.write_text("".join(json.dumps(record) + "\n" for record in records))
    where = track(workbench.load_run(tmp_path / "changed"), logged.uri)
    found = workbench.load_run(where["run_id"], logged.uri)
    assert found.records("wide") == records
    assert found.predictions("wide") == [Prediction.from_json(record) for record in records]


def test_a_run_that_was_logged_without_samples_keeps_its_scores_and_says_what_is_missing(
    logged: Logged, tmp_path: Path
) -> None:
    where = track(logged.run, f"sqlite:///{tmp_path / 'old.db'}")
    artifacts = Path(MlflowClient(where["tracking_uri"]).get_run(where["run_id"]).info.artifact_uri[len("file://") :])
    shutil.rmtree(artifacts / "toy")
    found = workbench.load_run(where["run_id"], where["tracking_uri"])
    assert found.metrics().equals(logged.run.metrics())
    assert len(found.table()) == 48
    with pytest.raises(ConfigurationError, match=r"run one has no toy/samples.jsonl .*`workbench track FOLDER`"):
        found.predictions("wide")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("runs/nowhere", "no run folder .*runs/nowhere, and 'runs/nowhere' is no MLflow run id"),
        ("0" * 32, "MLflow at sqlite:.*RESOURCE_DOES_NOT_EXIST|MLflow at sqlite:.*not found"),
    ],
)
def test_a_run_that_is_not_there_is_refused(logged: Logged, source: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        workbench.load_run(source, logged.uri)


def test_a_run_of_something_else_is_refused(logged: Logged) -> None:
    client = MlflowClient(logged.uri)
    other = client.create_run("0").info.run_id
    with pytest.raises(ConfigurationError, match=r"has no manifest.json: it is no finished run of this workbench"):
        workbench.load_run(other, logged.uri)


def test_a_system_name_cannot_lead_out_of_the_folder(logged: Logged, tmp_path: Path) -> None:
    where = track(logged.run, f"sqlite:///{tmp_path / 'hostile.db'}")
    client = MlflowClient(where["tracking_uri"])
    manifest = json.loads((logged.run.path / "manifest.json").read_text())
    client.log_dict(where["run_id"], {**manifest, "systems": {"../../../wide": {}}}, "manifest.json")
    for child in replace(logged, uri=where["tracking_uri"], run_id=where["run_id"]).children.values():
        client.set_tag(child, "system", "../../../wide")
    with pytest.raises(ConfigurationError, match="leads out of the run folder"):
        workbench.load_run(where["run_id"], where["tracking_uri"])


def test_the_store_is_the_one_given_or_of_the_environment_or_beside_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="give a tracking URI"):
        store_uri()
    with pytest.raises(ConfigurationError, match=r"there is no MLflow store sqlite:///none.db"):
        store_uri("sqlite:///none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/mlflow.db").touch()
    assert store_uri() == f"sqlite:///{tmp_path / 'runs/mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert store_uri() == "http://127.0.0.1:9"


def test_a_dead_server_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigurationError, match=r"MLflow at http://127.0.0.1:9: ") as raised:
        workbench.load_run("0" * 32, "http://me:secret@127.0.0.1:9")
    assert "secret" not in str(raised.value)


def test_the_gate_takes_run_ids(logged: Logged, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worse = made(tmp_path / "worse", near=0)
    worse_id = track(worse, logged.uri)["run_id"]
    shutil.rmtree(worse.path)
    shutil.rmtree(tmp_path / "data")
    assert main(["gate", str(logged.run.path), logged.run_id, "--tracking-uri", logged.uri]) == 0
    assert main(["gate", logged.run_id, worse_id, "--tracking-uri", logged.uri]) == 1
    assert "wide: T_acc changed by -100.0 points" in capsys.readouterr().out


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of an MLflow server that keeps the artifacts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = f"sqlite:///{tmp_path / 'server.db'}"
    options = ["--backend-store-uri", store, "--artifacts-destination", str(tmp_path / "kept"), "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), *options]
    address = f"http://127.0.0.1:{port}"
    # the server's jobs, six processes more, have nothing to do with runs
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        for _ in range(6000):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.1)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait()


@pytest.mark.slow
def test_a_run_reads_back_from_a_server(logged: Logged, server: str) -> None:
    where = track(logged.run, server)
    found = workbench.load_run(where["run_id"], server)
    assert found.samples() == logged.run.samples()
    assert found.records("wide") == logged.run.records("wide")
    assert set(workbench.load_runs(where["experiment"], server)["source"]) == {where["run_id"]}


class _Hostile(BaseHTTPRequestHandler):
    """An MLflow server that answers every question about a run with one whose id is a path."""

    def do_GET(self) -> None:
        info = {"run_id": "../../escaped", "run_uuid": "../../escaped", "experiment_id": "0", "status": "FINISHED"}
        answer = {"run": {"info": {**info, "lifecycle_stage": "active", "artifact_uri": "file:///nowhere"}, "data": {}}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def test_a_run_id_from_a_server_cannot_leave_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(ConfigurationError, match=r"expected the store to give a run id, got '../../escaped'"):
            fetch("a" * 32, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    assert not list(tmp_path.rglob("escaped*"))
