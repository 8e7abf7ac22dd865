"""Rows of taught replies, and the batches that are made of them."""

from pathlib import Path

import numpy as np
import torch

from agents.language_models.qwen_chat import QwenChat
from agents.prompts.texts import load
from agents.training.episodes import IGNORED, Episodes, Row, collate, collect, rows
from agents.training.noisy import NoisyTruth
from agents.training.told import of_scene
from tests.agents.training.taught import config, turns
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene


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


def test_an_image_that_many_rows_show_is_seen_once(chat: QwenChat) -> None:
    rng = np.random.default_rng(0)
    scene = make_scene(rng)
    truth = NoisyTruth(scene, rng, noise=0)
    made = [
        row
        for asked in instructions(scene, rng, 3)
        for row in rows(collect(of_scene(scene, asked), rng, truth, load("tiny-v1")), chat)
    ]
    batch = collate(made, chat, 3)
    assert batch.order.count(0) == len(made) == 3
    assert len(batch.grids) == len({id(p.pixels) for row in made for p in row.encoded.pictures})


def test_a_step_depends_on_the_seed_and_its_number_alone(folder: Path, chat: QwenChat) -> None:
    first, second = (Episodes(config(folder, scenes=1), chat) for _ in range(2))
    first.batch(0)
    a, b, other = first.batch(3), second.batch(3), first.batch(2)
    assert torch.equal(a.ids, b.ids) and torch.equal(a.pixels, b.pixels)
    assert not torch.equal(other.ids[:1, :20], a.ids[:1, :20]) or other.ids.shape != a.ids.shape
