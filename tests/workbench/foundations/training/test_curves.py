"""Training curves: logs are found, what a killed run did twice is drawn once, MLflow keeps phases apart."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.curves import draw, logs, main, read, series
from workbench.foundations.training.tracker import Tracker


def write(path: Path, *lines: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def at(step: int, **numbers: float) -> dict[str, float]:
    return {"step": step, "samples": 8 * step, "seconds": 30.0 * step, **numbers}


def test_steps_taken_again_after_a_kill_count_once(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", at(1, loss=4.0), at(3, loss=9.0), at(2, loss=3.0), at(2, score=0.5), at(4, loss=1.0))
    lines = read(tmp_path / "log.jsonl")
    assert series(lines) == {"loss": ([0.5, 1.0, 2.0], [4.0, 3.0, 1.0]), "score": ([1.0], [0.5])}


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", at(1, loss=4.0))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert [line["step"] for line in read(tmp_path / "log.jsonl")] == [1]


def test_a_run_in_phases_has_a_log_for_each_and_other_folders_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "sam3" / "dense" / "log.jsonl", at(1, loss=4.0))
    write(tmp_path / "qwen" / "log.jsonl", at(1, loss=4.0))
    assert list(logs(tmp_path / "sam3")) == ["sam3, dense"]
    assert list(logs(tmp_path / "qwen")) == ["qwen"]
    with pytest.raises(ConfigurationError, match=r"holds no log\.jsonl"):
        logs(tmp_path / "nothing")


def test_one_figure_has_all_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c", "d"):
        write(
            tmp_path / name / "log.jsonl",
            at(1, loss=4.0, text=2.0),
            at(2, loss=1.0, text=1.0),
            at(2, **{"val gIoU": 0.5}),
        )
    draw([tmp_path / name for name in "abcd"], tmp_path / "made" / "curves.png")
    assert (tmp_path / "made" / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none"), "--out", str(tmp_path / "x.png")])
    assert "holds no log.jsonl" in capsys.readouterr().err


def test_phases_that_count_their_own_steps_are_apart_in_mlflow(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with Tracker(tmp_path / "run", {"rate": 0.5}, uri) as tracker:
        tracker.part("dense")(1, {"loss": 4.0})
        tracker.part("concepts")(1, {"loss": 2.0})
    client = MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "training"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics == {"dense/loss": 4.0, "concepts/loss": 2.0}
    assert (run.data.params, run.info.status) == ({"rate": "0.5"}, "FINISHED")
