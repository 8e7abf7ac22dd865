"""A run of workbench 0.1.0 (`an_old_run`, 12 samples of tabletop with oracles) loads, reports, gates and scores.

Its pictures are gone, and so is the store that it was logged to.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

import workbench
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.scoring.finish import finish
from workbench.tracking.log import track

OLD = Path(__file__).parent / "an_old_run"
SYSTEMS = ["instructsam-tiny", "sam3-agent-tiny"]
NESTED = ("instances", "calls", "candidates", "phrases")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return shutil.copytree(OLD, tmp_path / "runs" / "old")


def written(folder: Path, name: str) -> object:
    return json.loads((folder / name).read_text())


def test_it_loads_with_every_value_that_its_files_have(old: Path) -> None:
    run = workbench.load_run(old)
    assert run.systems == SYSTEMS
    results = run.results.to_json()
    assert {key: results[key] for key in written(OLD, "results.json")} == written(OLD, "results.json")  # type: ignore[attr-defined]
    assert len(run.samples()) == len(run.predictions("sam3-agent-tiny")) == 12
    assert len(run.table()) == 24
    assert set(run.metrics()["system"]) == set(SYSTEMS)
    assert set(run.differences()["family"]) == {"metric", "rate", "latency"}


def test_it_reports_with_its_own_numbers(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(old), "--out", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    value = workbench.load_run(old).results.systems["sam3-agent-tiny"].metrics["mAP"]
    assert value is not None and f"{100 * value:.1f}" in page
    assert "What a perfect part would buy" in page
    capsys.readouterr()
    assert main(["report", str(old), "--markdown"]) == 0
    assert "12 samples, protocol inst2seg" in capsys.readouterr().out


def test_it_gates_and_joins_with_a_run_of_this_version(old: Path, tmp_path: Path) -> None:
    new = shutil.copytree(OLD, tmp_path / "runs" / "new")
    (new / "results.json").unlink()
    finish(new)
    assert main(["gate", str(old), str(new)]) == 0
    assert main(["report", str(old), str(new), "--out", str(tmp_path / "both.html")]) == 0


def test_scored_anew_it_has_the_same_numbers(old: Path) -> None:
    before = workbench.load_run(old).results
    after = finish(old).results
    for system in SYSTEMS:
        assert after.systems[system].metrics == before.systems[system].metrics
        assert after.systems[system].diagnosis == before.systems[system].diagnosis
    assert [row.metrics for row in after.oracles] == [row.metrics for row in before.oracles]
    assert workbench.load_run(old).results == after


def log_as_0_1_did(folder: Path, uri: str, artifacts: Path) -> str:
    """Log what workbench 0.1.0 logged of a run, from its files as they are; returns the id of the parent run."""
    client = MlflowClient(uri)
    experiment = client.create_experiment("tabletop-old", artifact_location=artifacts.as_uri())
    parent: str = client.create_run(experiment, tags={"workbench.run": "small"}).info.run_id
    for name in ("manifest.json", "results.json", "samples.parquet"):
        client.log_artifact(parent, str(folder / name))
    client.log_artifact(parent, str(folder / "tabletop" / "samples.jsonl"), "tabletop")
    for system in SYSTEMS:
        tags = {"mlflow.parentRunId": parent, "system": system}
        child = client.create_run(experiment, tags=tags).info.run_id
        store = folder / "tabletop" / system
        lines = map(json.loads, (store / "predictions.jsonl").read_text().splitlines())
        rows = [{key: json.dumps(value) if key in NESTED else value for key, value in line.items()} for line in lines]
        table = folder.parent / "predictions.parquet"
        pd.DataFrame(rows).to_parquet(table, index=False)
        client.log_artifact(child, str(table))
        client.log_artifact(child, str(store / "sessions.jsonl"))
        client.set_terminated(child)
    client.set_terminated(parent)
    return parent


def test_from_mlflow_it_loads_reports_and_gates(old: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    run_id = log_as_0_1_did(old, uri, tmp_path / "artifacts")
    found = workbench.load_run(run_id, uri)
    assert found.results == workbench.load_run(old).results
    assert found.predictions("sam3-agent-tiny") == workbench.load_run(old).predictions("sam3-agent-tiny")
    assert set(workbench.load_runs("tabletop-old", uri)["source"]) == {run_id}
    assert main(["report", run_id, "--tracking-uri", uri, "--out", str(tmp_path / "report.html")]) == 0
    assert main(["gate", run_id, str(old), "--tracking-uri", uri]) == 0


def test_it_is_logged_by_this_version_though_its_folder_moved(old: Path, tmp_path: Path) -> None:
    logged = track(workbench.load_run(old), f"sqlite:///{tmp_path / 'new.db'}")
    assert logged
    found = workbench.load_run(logged["run_id"], logged["tracking_uri"])
    assert found.results.systems == workbench.load_run(old).results.systems


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.json", "{}", "manifest.json: name: field required"),
        ("manifest.json", "[]", "manifest.json: the file: .*got \\[\\]"),
        ("manifest.json", '{"name": 3}', "manifest.json: name: .*got 3"),
        ("manifest.json", '{"na', "manifest.json"),
        ("results.json", "{}", "results.json: run: field required"),
        ("results.json", "null", "results.json: the file: .*got None"),
        ("results.json", '{"systems": []}', "results.json: run: field required"),
    ],
)
def test_a_damaged_file_is_named_and_no_command_ends_in_a_traceback(
    old: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    (old / name).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        workbench.load_run(old)
    for command in (["report", str(old)], ["gate", str(old), str(OLD)], ["track", str(old)]):
        assert main(command) == 2
        assert f"old/{name}" in capsys.readouterr().err
