"""`make train-tiny` from nothing, all of it in one piece, with a small share of its hours."""

import os
import subprocess
from pathlib import Path

import pytest
from safetensors import safe_open

from agents.systems import CHECKPOINT as AGENT
from e2e.systems import MULTI_SEG, SEG_TOKEN
from e2e.systems import TINY as INSTRUCTSAM
from workbench.foundations.sam3.segmenter import TINY as SAM3

ROOT = Path(__file__).parents[1]
SHIPPED = {
    "sam3-tiny": SAM3,
    "agent-lm-tiny": AGENT,
    "instructsam-tiny-continued": INSTRUCTSAM,
    "multi-seg-tiny": MULTI_SEG,
    "seg-token-tiny": SEG_TOKEN,
}
BETWEEN = {"qwen-tiny", "instructsam-tiny-stage1", "instructsam-tiny-places", "instructsam-tiny-stage2"}


def _tensors(checkpoint: Path) -> dict[str, tuple[list[int], str]]:
    with safe_open(checkpoint / "model.safetensors", "pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: (part.get_shape(), part.get_dtype()) for name, part in parts.items()}


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".venv/installed").exists(), reason="it trains in the environment of `make setup`")
def test_what_is_shipped_is_made_from_nothing_with_its_curves(tmp_path: Path) -> None:
    # -o: the environment stays as it is, whatever has changed in pyproject.toml
    command = ["make", "-o", ".venv/installed", "train-tiny", f"RUNS={tmp_path}", "SHARE=0.0002"]
    command += [
        "SAM3_SETTINGS=--set dense_images=2 --set match_images=2 --set images=1 --set phrases=2 --set more=1",
        "QWEN_SETTINGS=--set images=1 --set more=1",
    ]
    # compiling SAM3's encoder takes longer than all of this training together
    environment = {**os.environ, "TORCH_COMPILE_DISABLE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, folder in SHIPPED.items():
        made = tmp_path / name / "final"
        assert _tensors(made) == _tensors(folder)
        assert {file.name for file in folder.iterdir()} - {"README.md"} == {file.name for file in made.iterdir()}
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")

    from mlflow.tracking import MlflowClient

    store = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = store.get_experiment_by_name("training")
    assert experiment
    runs = {run.info.run_name: run.data for run in store.search_runs([experiment.experiment_id])}
    assert set(runs) == {*SHIPPED, *BETWEEN}
    for name, data in runs.items():
        assert data.params
        assert data.metrics, f"{name} has no curve"
