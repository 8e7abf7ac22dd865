"""Fine-tuning on the agent's turns, with a random tiny Qwen3-VL."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mlflow import MlflowClient

from agents.language_models.embedded import EmbeddedQwen
from agents.language_models.qwen_chat import QwenChat
from agents.prompts.texts import load
from agents.training.episodes import IGNORED, Episodes, Row, collate, collect, rows
from agents.training.recipe import Config
from agents.training.teacher import NoisyTruth, Taught
from agents.training.train import loss, train
from tests.agents import tiny_qwen
from workbench.plugins import recipes
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene

CONFIG = Path(__file__).parents[3] / "agents" / "configs" / "agent-lm-tiny.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.build(tmp_path_factory.mktemp("tiny-qwen"), context=4096)


@pytest.fixture(scope="module")
def chat(folder: Path) -> QwenChat:
    return QwenChat(folder)


def turns(seed: int, **options: float) -> list[Taught]:
    rng = np.random.default_rng(seed)
    scene = make_scene(rng)
    asked = instructions(scene, rng, 1)[0]
    return collect(scene, asked, rng, NoisyTruth(scene, rng, noise=0.2), load("tiny-v1"), **options)


def learned(row: Row, chat: QwenChat) -> str:
    return str(chat.tokenizer.decode([label for label in row.labels if label != IGNORED]))


def test_each_reply_is_learned_once_and_nothing_else_is(chat: QwenChat) -> None:
    for seed in range(12):
        taught = turns(seed, slip=0.2, check=0.5)
        made = rows(taught, chat)
        assert "".join(learned(row, chat) for row in made) == "".join(t.reply + "<|im_end|>" for t in taught)
        for row in made:
            assert len(row.labels) == len(row.encoded.ids)
            assert all(label in (IGNORED, token) for label, token in zip(row.labels, row.encoded.ids, strict=True))


def test_turns_that_go_on_from_each_other_share_a_row(chat: QwenChat) -> None:
    taught = next(t for t in map(turns, range(40)) if len(t) == 2)
    (row,) = rows(taught, chat)
    assert row.encoded.ids[: len(chat.encode(taught[1].messages).ids)] == chat.encode(taught[1].messages).ids
    assert len(row.encoded.pictures) in (1, 2)


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


def test_an_image_that_many_rows_show_is_seen_once(chat: QwenChat) -> None:
    rng = np.random.default_rng(0)
    scene = make_scene(rng)
    truth = NoisyTruth(scene, rng, noise=0)
    made = [
        row
        for asked in instructions(scene, rng, 3)
        for row in rows(collect(scene, asked, rng, truth, load("tiny-v1")), chat)
    ]
    batch = collate(made, chat, 3)
    assert batch.order.count(0) == len(made) == 3
    assert len(batch.grids) == len({id(p.pixels) for row in made for p in row.encoded.pictures})


def config(base: Path, **changes: Any) -> Config:
    _, _, made = recipes.read_config(CONFIG)
    return {**made, "base": str(base), "real": 0.0, "workers": 0, **changes}  # type: ignore[typeddict-item,return-value]


def test_a_step_depends_on_the_seed_and_its_number_alone(folder: Path, chat: QwenChat) -> None:
    first, second = (Episodes(config(folder, scenes=1), chat) for _ in range(2))
    first.batch(0)
    a, b, other = first.batch(3), second.batch(3), first.batch(2)
    assert torch.equal(a.ids, b.ids) and torch.equal(a.pixels, b.pixels)
    assert not torch.equal(other.ids[:1, :20], a.ids[:1, :20]) or other.ids.shape != a.ids.shape


@pytest.mark.slow
def test_training_learns_the_replies_and_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    settings = config(folder, scenes=1, minutes=0.2, rate=0.01, image_size=32, validation=4)
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
    step = torch.load(tmp_path / "resume.pt", weights_only=True)["step"]
    train({**settings, "minutes": 0.25}, tmp_path)
    assert torch.load(tmp_path / "resume.pt", weights_only=True)["step"] > step
