"""`make train-tiny` from nothing, all of it in one piece, with a small share of its hours."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from agents.systems import CHECKPOINT as AGENT
from e2e.systems import MULTI_SEG, SEG_TOKEN
from e2e.systems import TINY as INSTRUCTSAM
from tests import forked_commands
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


def _tensors(checkpoint: Path) -> dict[str, tuple[list[int | str], str]]:
    """Shape and type of each tensor. A tokenizer that has learned from fewer scenes has fewer words."""
    words = json.loads((checkpoint / "config.json").read_text())["text_config"].get("vocab_size")
    with safe_open(checkpoint / "model.safetensors", "pt") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: (_shape(part.get_shape(), words), part.get_dtype()) for name, part in parts.items()}


def _shape(shape: list[int], words: int | None) -> list[int | str]:
    return ["words" if side == words else side for side in shape]


LOADED_ONCE = (
    "mlflow.tracking",
    "transformers.models.qwen3_vl.modeling_qwen3_vl",
    "transformers.models.sam3.modeling_sam3",
    "workbench.foundations.sam3.training",
    "workbench.foundations.qwen.training",
    "agents.training.train",
    "e2e.instructsam.training.train",
    "e2e.segtoken.training.train",
)


def not_compiled() -> None:
    """Compiling SAM3's encoder takes longer than all of this training together."""
    torch.nn.Module.compile = lambda self, *given, **named: None  # type: ignore[method-assign]


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".venv/installed").exists(), reason="it trains in the environment of `make setup`")
def test_what_is_shipped_is_made_from_nothing_with_its_curves(tmp_path: Path) -> None:
    settings = [
        "SETTINGS=--set precision=float32",  # a processor without bfloat16 takes six times as long for it
        "SAM3_SETTINGS=--set dense_images=2 --set match_images=2 --set images=1 --set phrases=2 --set more=1",
        "QWEN_SETTINGS=--set images=1 --set more=1 --set corpus_scenes=150",
        "AGENT_SETTINGS=--set workers=0 --set scenes=1 --set instructions=1 --set real=1",
        "INSTRUCTSAM_SETTINGS=--set conversations=2 --set place_scenes=8",
        "SEGTOKEN_SETTINGS=--set images=1 --set conversations=2",
    ]

    def command(workbench: Path) -> list[str]:
        # -o: the environment stays as it is, whatever has changed in pyproject.toml
        made = ["make", "-o", ".venv/installed", "train-tiny", f"RUNS={tmp_path}", "SHARE=0.0002"]
        return [*made, f"WORKBENCH={workbench}", *settings]

    for name in LOADED_ONCE:
        import_module(name)
    folder = tmp_path / "forked"
    folder.mkdir()
    code, output = forked_commands.run(command, ROOT, folder, not_compiled)
    assert code == 0, output[-3000:]
    for name, shipped in SHIPPED.items():
        made = tmp_path / name / "final"
        assert _tensors(made) == _tensors(shipped)
        assert {file.name for file in shipped.iterdir()} - {"README.md"} == {file.name for file in made.iterdir()}
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
