"""Training by steps: killed and resumed, in one process or in two, it comes to the same weights; MLflow follows it."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.training.train import train
from tests.e2e.conftest import SLOTS
from tests.e2e.instructsam.training.settings import config
from tests.e2e.instructsam.training.test_train import log
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.foundations.training.loop import Loop

pytestmark = pytest.mark.slow
STEPS: dict[str, Any] = {"steps": 4, "images": 1, "conversations": 2, "precision": "float32", "validation_scenes": 1}


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / "resume.pt", weights_only=True)
    return found


def assert_same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


class Killed(BaseException):
    """Not an `Exception`, as little as a kill is."""


@pytest.mark.parametrize("options", [{}, {"lora_rank": 2, "lora_dropout": 0.5}], ids=["whole", "lora"])
def test_killed_at_a_step_and_resumed_it_comes_to_the_same_state(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    settings = config(qwen_folder, sam3_folder, **STEPS, save_every=0.0, sample_points=True, **options)
    train(settings, tmp_path / "straight")
    update = Loop.update

    def killed_in_the_third_step(loop: Loop, *arguments: Any) -> None:
        update(loop, *arguments)
        if loop.step == 2:
            raise Killed

    monkeypatch.setattr(Loop, "update", killed_in_the_third_step)
    with pytest.raises(Killed):
        train(settings, tmp_path / "killed")
    assert state(tmp_path / "killed")["step"] == 2
    monkeypatch.undo()
    train(settings, tmp_path / "killed")
    straight, resumed = state(tmp_path / "straight"), state(tmp_path / "killed")
    assert straight["step"] == resumed["step"] == 4
    assert_same_tensors(straight["model"], resumed["model"])
    for one, other in zip(straight["optimizer"]["state"].values(), resumed["optimizer"]["state"].values(), strict=True):
        assert_same_tensors(one, other)
    assert log(tmp_path / "straight")[-1]["samples"] == log(tmp_path / "killed")[-1]["samples"]


@pytest.mark.parametrize("options", [{}, {"fsdp": True, "lora_rank": 2, "checkpointing": True}], ids=["whole", "fsdp"])
def test_two_processes_do_what_one_does_with_twice_the_passes(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    settings = config(qwen_folder, sam3_folder, **{**STEPS, "steps": 1, "lora_dropout": 0.0, **options})
    train({**settings, "accumulate": 2, "fsdp": False}, tmp_path / "one")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"recipe": "instructsam", **settings}))
    # What `torchrun --standalone --nproc-per-node 2` does, but that both are forked from a process that has imported
    # what they need and computed nothing. Forked from this one, a process would have the team of OpenMP threads that
    # torch has used here, without its threads: it waits for them for ever, or is ended by a fault of its memory.
    multiprocessing.set_forkserver_preload(["workbench.cli.main", "e2e.instructsam.training.train"])
    launch = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="two", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        start_method="forkserver", max_restarts=0,
    )  # fmt: skip
    returned = elastic_launch(launch, main)(["train", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "two")])
    assert returned == {0: 0, 1: 0}
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    assert one["step"] == two["step"] == 1
    # the averages of the gradients: Adam makes a step of either sign of what is rounding in them
    means, others = one["optimizer"]["state"], two["optimizer"]["state"]
    assert means.keys() == others.keys()
    for name, mean in means.items():
        torch.testing.assert_close(mean["exp_avg"], others[name]["exp_avg"], atol=1e-6, rtol=1e-3)
    assert max(float(mean["exp_avg"].abs().max()) for mean in means.values()) > 1e-3
    lines, logged = log(tmp_path / "one"), log(tmp_path / "two")
    assert lines[-1]["samples"] == logged[-1]["samples"] == 4
    for name in ("text", "bce", "dice", "score"):
        assert lines[0][name] == pytest.approx(logged[0][name], rel=1e-4)
    assert InstructSAM.from_pretrained(tmp_path / "two" / "final").slots == SLOTS
    train({**settings, "steps": 2, "fsdp": False}, tmp_path / "two")  # what two wrote, one goes on with
    assert state(tmp_path / "two")["step"] == 2


def test_sharding_needs_several_processes(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="fsdp: it needs several processes"):
        train(config(qwen_folder, sam3_folder, **STEPS, fsdp=True), tmp_path)


def test_mlflow_follows_a_training_and_its_resumption(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    out = tmp_path / "run"
    settings = {**config(qwen_folder, sam3_folder, **STEPS), "tracking_uri": None}
    del settings["tracking_uri"]
    train({**settings, "steps": 1}, out)  # type: ignore[typeddict-item]
    train({**settings, "steps": 2}, out)  # type: ignore[typeddict-item]
    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "training"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["rate"] == "0.003"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "val gIoU")] == [1, 2]


def test_a_store_that_cannot_be_reached_is_said_and_training_goes_on(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config(qwen_folder, sam3_folder, **{**STEPS, "steps": 1})
    train({**settings, "tracking_uri": f"sqlite:////{tmp_path}/no/such\0folder/mlflow.db"}, tmp_path / "run")
    assert "training goes on without it" in capsys.readouterr().err
    assert log(tmp_path / "run")[-1]["step"] == 1


def test_a_wrong_precision_is_named(qwen_folder: Path, sam3_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="precision: expected one of bfloat16, float32, got 'int8'"):
        train(config(qwen_folder, sam3_folder, precision="int8"), tmp_path)
