"""A local store appears whole or not at all, in any folder, and one rule says which store is meant."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

import workbench
from tests.workbench.toys import Rectangles, threshold
from workbench.cli.main import main
from workbench.comparison.runner import run
from workbench.data.errors import ConfigurationError
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.fetch import fetch
from workbench.tracking.log import LOGGED, TrackingError, default_uri, track
from workbench.tracking.reaching import check_reachable
from workbench.tracking.stores import ARTIFACTS, check, chosen, database, prepare, sqlite_uri

FOLDER = "100%25 a?b #c é"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in a folder whose name means something in a URI."""
    root = tmp_path_factory.mktemp("stores") / FOLDER
    run({"a": lambda: threshold(90)}, lambda: Rectangles(root / "data", 4), root / "run")
    return finish(root / "run")


@pytest.fixture(scope="module")
def logged(finished: Run) -> dict[str, str]:
    found = track(finished, default_uri(finished.path))
    assert found
    return found


def half_made(path: Path) -> None:
    """What a kill leaves of MLflow's making of its database."""
    with sqlite3.connect(path) as connection:
        connection.execute("create table experiments (experiment_id integer)")
        connection.execute("create table alembic_version (version_num text)")
        connection.execute("create table _alembic_tmp_params (key text)")
    connection.close()


@pytest.mark.parametrize("name", ["plain.db", "a%20b.db", "a?b=c.db", "a#b c.db", "é+&.db"])
def test_a_path_and_its_uri_are_each_others_inverse(tmp_path: Path, name: str) -> None:
    assert database(sqlite_uri(tmp_path / name)) == tmp_path / name


def test_a_store_lies_beside_its_run_whatever_the_folder_is_called(finished: Run, logged: dict[str, str]) -> None:
    root = finished.path.parent
    assert (root / "mlflow.db").exists()
    assert [item.name for item in root.parent.iterdir()] == [FOLDER]
    found = workbench.load_run(logged["run_id"], logged["tracking_uri"])
    assert found.records("a") == finished.records("a")


def test_a_run_is_logged_once(finished: Run, logged: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    again = track(finish(finished.path), logged["tracking_uri"])
    assert again and again["run_id"] == logged["run_id"]
    assert "nothing was logged again" in capsys.readouterr().err


def test_what_a_kill_left_half_logged_is_replaced(finished: Run, logged: dict[str, str]) -> None:
    client = MlflowClient(logged["tracking_uri"])
    before = client.get_run(logged["run_id"])
    client.update_run(logged["run_id"], "RUNNING")
    again = track(finished, logged["tracking_uri"])
    assert again and again["run_id"] != logged["run_id"]
    tag = before.data.tags[LOGGED]
    left = client.search_runs([before.info.experiment_id], f"tags.`{LOGGED}` = '{tag}'")
    assert len(left) == 2 and {one.info.status for one in left} == {"FINISHED"}
    logged["run_id"] = again["run_id"]


def test_a_moved_store_says_where_it_looked_and_where_the_artifacts_are(
    finished: Run, logged: dict[str, str], tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(finished.path.parent / "mlflow.db", moved)
    shutil.copytree(finished.path.parent / "mlartifacts", moved / "mlartifacts")
    hidden = finished.path.parent / "mlartifacts"
    hidden.rename(hidden.with_name("elsewhere"))
    try:
        with pytest.raises(
            ConfigurationError, match=r"artifacts are looked for in .*which is not there; they are in .*moved"
        ):
            fetch(logged["run_id"], sqlite_uri(moved / "mlflow.db"))
    finally:
        hidden.with_name("elsewhere").rename(hidden)


def test_nothing_is_written_to_the_old_place_of_a_moved_store(
    finished: Run, logged: dict[str, str], tmp_path: Path
) -> None:
    store, artifacts = finished.path.parent / "mlflow.db", finished.path.parent / ARTIFACTS
    before = sorted(artifacts.rglob("*"))
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(store, moved)
    uri = sqlite_uri(moved / "mlflow.db")
    with pytest.raises(TrackingError) as raised:
        track(finished, uri)
    told = f"failed: the store was moved: its experiment {logged['experiment']} would write artifacts to {artifacts}"
    assert told in str(raised.value) and f"ln -s {moved / ARTIFACTS} " in str(raised.value)
    assert sorted(artifacts.rglob("*")) == before
    (moved / ARTIFACTS).symlink_to(artifacts)
    again = track(finished, uri)
    assert again and again["run_id"] == logged["run_id"]


def test_looking_at_a_local_store_makes_nothing(tmp_path: Path) -> None:
    check_reachable(None, tmp_path / "new" / "run")
    check_reachable(sqlite_uri(tmp_path / "other" / "mlflow.db"), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_half_made_store_is_moved_aside_and_made_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mlflow.db"
    half_made(path)
    with pytest.raises(ConfigurationError, match="left half made, with nothing in it: delete it"):
        check(sqlite_uri(path))
    prepare(sqlite_uri(path))
    assert "left half made, with nothing in it: it is now mlflow.db.half-made-1" in capsys.readouterr().err
    assert [e.name for e in MlflowClient(sqlite_uri(path)).search_experiments()] == ["Default"]


def test_a_store_that_is_no_database_is_named_and_stays(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "garbage.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(TrackingError, match=r"garbage.db cannot be read as an MLflow database: file is not a database"):
        track(finished, sqlite_uri(tmp_path / "garbage.db"))
    assert (tmp_path / "garbage.db").read_bytes() == b"garbage" * 1000


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_and_stays(finished: Run, tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "store.db"
    make(path)
    kind = stat.S_IFMT(path.stat().st_mode)
    for refused in (check, prepare, lambda uri: check_reachable(uri, tmp_path / "run")):
        with pytest.raises(ConfigurationError, match="is no file, expected the file of an MLflow database"):
            refused(sqlite_uri(path))
    with pytest.raises(TrackingError, match="is no file"):
        track(finished, sqlite_uri(path))
    assert stat.S_IFMT(path.stat().st_mode) == kind


def test_an_interrupted_upgrade_of_a_store_in_use_is_named(tmp_path: Path) -> None:
    half_made(tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("insert into experiments values (0)")
    connection.close()
    with pytest.raises(ConfigurationError, match="an upgrade of this MLflow database was interrupted"):
        prepare(sqlite_uri(tmp_path / "mlflow.db"))


def test_the_environment_names_the_store_where_no_option_does(
    finished: Run, logged: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = Run(tmp_path / "other" / "run", finished.manifest, finished.results)
    shutil.copytree(finished.path, elsewhere.path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged["tracking_uri"])
    assert track(elsewhere) == {**logged}
    assert not (tmp_path / "other" / "mlflow.db").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    assert track(elsewhere) is None


def test_none_switches_logging_off(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert track(finished, "none") is None
    assert main(["track", str(finished.path), "--tracking-uri", "none"]) == 2
    assert "track needs a store to log to" in capsys.readouterr().err
    assert main(["report", "0" * 32, "--tracking-uri", "none"]) == 2
    assert "an MLflow run needs a store" in capsys.readouterr().err


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///?mode=memory", "sqlite:"])
def test_a_store_in_memory_keeps_nothing_and_is_refused(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="is no file: expected the tracking URI to be sqlite:///PATH"):
        chosen(uri)
