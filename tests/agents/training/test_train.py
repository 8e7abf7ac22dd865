"""Fine-tuning on the agent's turns, with a random tiny Qwen3-VL."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mlflow import MlflowClient
from safetensors.torch import load_file

from agents.language_models.embedded import EmbeddedQwen
from agents.language_models.qwen_chat import QwenChat
from agents.prompts.texts import load
from agents.training.episodes import IGNORED, Episodes, collate, open_stream, rows
from agents.training.train import dry_run, loss, train
from tests.agents.training.taught import config, turns
from tests.workbench.foundations.training.data import written
from workbench.tabletop.scenes import make_scene


def test_the_loss_is_that_of_the_model_on_the_replies(folder: Path, chat: QwenChat) -> None:
    made = [row for seed in range(6) for row in rows(turns(seed, check=0.4), chat)]
    model: Any = EmbeddedQwen(folder).model
    ours = loss(model, collate(made, chat, 6))
    losses = []
    for row in made:
        ids = torch.tensor([row.encoded.ids])
        grids = torch.tensor([[1, patches.height, patches.width] for patches in row.encoded.patches])
        logits = model(
            input_ids=ids,
            pixel_values=torch.cat([patches.pixels for patches in row.encoded.patches]),
            image_grid_thw=grids,
            mm_token_type_ids=(ids == chat.image).int(),
        ).logits[0, :-1]
        wanted = torch.tensor(row.labels[1:])
        losses.append(F.cross_entropy(logits[wanted != IGNORED], wanted[wanted != IGNORED], reduction="none"))
    assert torch.allclose(ours, torch.cat(losses).mean(), atol=1e-4)


@pytest.mark.slow
def test_training_learns_the_replies_and_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    settings = config(folder, scenes=1, steps=20, rate=0.01, image_size=32, validation=1, precision="float32")
    train(settings, tmp_path)
    scores = json.loads((tmp_path / "validation.json").read_text())
    assert set(scores) == {"answered", "exact, targets", "exact, no targets", "requests a sample"}
    unseen = Episodes(config(folder, seed=99), QwenChat(folder)).batch(0)
    with torch.inference_mode():
        before, after = (float(loss(EmbeddedQwen(f).model, unseen)) for f in (folder, tmp_path / "final"))
    assert after < 0.7 * before
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments() if e.name == "training"])
    assert run.data.metrics["val answered"] == scores["answered"]
    train({**settings, "steps": 21, "validation": 1}, tmp_path)
    assert torch.load(tmp_path / "resume.pt", weights_only=True)["step"] == 21
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val answered" in line] == [20, 21]


@pytest.mark.slow
def test_it_learns_from_files_beside_drawn_scenes_and_is_validated_on_files(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = [make_scene(np.random.default_rng(n), 64) for n in range(3)]
    files, held = (written.coco(tmp_path / n, part) for n, part in (("a", scenes[:2]), ("b", scenes[2:])))
    settings = config(
        folder, scenes=2, instructions=2, rate=0.01, image_size=32, precision="float32", epochs=1,
        data=[{"benchmark": "coco", "options": files, "kind": "category"}, {"benchmark": "tabletop", "pictures": 2}],
        validate_on=[{"benchmark": "coco", "options": held, "limit": 1}], best="AP50", tracking_uri="none",
    )  # fmt: skip
    dry_run(settings, tmp_path / "out")
    assert "the run: 2 steps" in capsys.readouterr().out
    train(settings, tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["share coco instances"] for line in lines if "loss" in line] == [0.5]
    assert lines[-1]["step"] == 2 and "val coco AP50" in lines[-1]
    assert (tmp_path / "out" / "best" / "config.json").exists()
    stream = open_stream(settings, tmp_path / "out" / "data")
    one, other = (Episodes(settings, QwenChat(folder), stream).batch(1) for _ in range(2))
    assert torch.equal(one.ids, other.ids) and torch.equal(one.pixels, other.pixels)


def test_adapters_learn_the_replies_to_the_texts_of_published_models(folder: Path, tmp_path: Path) -> None:
    """With LoRA the attention of the language model changes, and nothing else of the checkpoint."""
    settings = config(
        folder, scenes=1, instructions=1, steps=1, rate=0.01, image_size=32, validation=1, precision="float32",
        prompts="full-v1", lora_rank=2, lora_dropout=0.0, tracking_uri="none",
    )  # fmt: skip
    train(settings, tmp_path)
    before, after = (load_file(place / "model.safetensors") for place in (folder, tmp_path / "final"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name].half(), after[name])}
    assert {name.split(".")[-2] for name in changed} == {"q_proj", "k_proj", "v_proj", "o_proj"}
    assert all(".language_model.layers." in name for name in changed)
    assert not (tmp_path / "start" / "model.safetensors").exists()
    batch = Episodes(settings, QwenChat(folder)).batch(0)
    assert load("full-v1").system in QwenChat(folder).text(batch.ids[0].tolist())
