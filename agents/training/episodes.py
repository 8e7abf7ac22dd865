"""Episodes of the agent that its language model learns from: the real graph runs over generated scenes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from agents.language_models.qwen_chat import Encoded, QwenChat
from agents.loop.graph import run
from agents.loop.workspace import Workspace
from agents.options import TINY
from agents.prompts.texts import Prompts, load
from agents.training.recipe import Config
from agents.training.teacher import NoisyTruth, Taught, Teacher
from workbench.plugins import registry
from workbench.plugins.interfaces import Segmenter
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.phrases import parse
from workbench.tabletop.scenes import Scene, make_scene
from workbench.tabletop.training_phrases import held_out

IGNORED = -100


_STREAM = 0xA6E27  # apart from every seed that other scenes are drawn with


@dataclass
class Row:
    """A conversation as token ids with its pictures in order; only the tokens of the teacher's replies have labels."""

    encoded: Encoded
    labels: list[int]


def collect(
    scene: Scene,
    asked: Instruction,
    rng: np.random.Generator,
    segmenter: Segmenter,
    prompts: Prompts,
    *,
    slip: float = 0.0,
    check: float = 0.0,
) -> list[Taught]:
    """The turns of one episode: every request that the agent's graph makes, with the teacher's reply."""
    teacher = Teacher(scene, asked, rng, slip=slip, check=check)
    teacher.workspace = Workspace(scene.image, asked.text, teacher, segmenter, prompts, TINY)
    run(teacher.workspace)
    return teacher.taught


def rows(turns: Sequence[Taught], chat: QwenChat) -> list[Row]:
    """Turns as rows. A turn whose prompt continues the previous turn's prompt and reply is added to the same row, as
    the tokens are the same.
    """
    made: list[Row] = []
    for turn in turns:
        prompt = chat.encode(turn.messages)
        reply = [*chat.tokens(turn.reply), chat.end]
        labels = [IGNORED] * len(prompt.ids)
        last = made[-1] if made else None
        if last and prompt.ids[: len(last.labels)] == last.encoded.ids and _start_alike(last.encoded, prompt):
            labels[: len(last.labels)] = last.labels
            made.pop()
        made.append(Row(Encoded([*prompt.ids, *reply], prompt.pictures, prompt.patches), [*labels, *reply]))
    return made


def _start_alike(first: Encoded, second: Encoded) -> bool:
    return all(a is b for a, b in zip(first.pictures, second.pictures, strict=False))


@dataclass
class Batch:
    """Rows side by side: `ids`, `labels [B, S]`, `positions [3, B, S]`, the patches of every distinct picture with its
    `grids [P, 3]`, and `order`, the pictures of all rows one after the other as indices."""

    ids: Tensor
    labels: Tensor
    positions: Tensor
    pixels: Tensor
    grids: Tensor
    order: list[int]
    episodes: int

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        names = ("ids", "labels", "positions", "pixels", "grids")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def collate(chosen: Sequence[Row], chat: QwenChat, episodes: int) -> Batch:
    """Pad on the right; an image that several rows show is kept once."""
    length = max(len(row.labels) for row in chosen)
    ids = torch.full((len(chosen), length), chat.end)
    labels = torch.full((len(chosen), length), IGNORED)
    positions = torch.zeros((3, len(chosen), length), dtype=torch.long)
    known: dict[int, int] = {}
    order: list[int] = []
    pixels: list[Tensor] = []
    grids: list[list[int]] = []
    for i, row in enumerate(chosen):
        size = len(row.labels)
        ids[i, :size] = torch.tensor(row.encoded.ids)
        labels[i, :size] = torch.tensor(row.labels)
        positions[:, i, :size] = chat.positions(row.encoded)
        for picture, patches in zip(row.encoded.pictures, row.encoded.patches, strict=True):
            if id(picture.pixels) not in known:
                known[id(picture.pixels)] = len(known)
                pixels.append(patches.pixels)
                grids.append([1, patches.height, patches.width])
            order.append(known[id(picture.pixels)])
    return Batch(ids, labels, positions, torch.cat(pixels), torch.tensor(grids), order, episodes)


class Episodes:
    """Training batches. The batch of step n (its scenes, instructions and errors) depends on the seed and n alone."""

    def __init__(self, config: Config, chat: QwenChat) -> None:
        self.config, self.chat, self.prompts = config, chat, load("tiny-v1")
        self._real: Segmenter | None = None

    def batch(self, step: int) -> Batch:
        config = self.config
        rng = np.random.default_rng([_STREAM, config["seed"], step])
        made: list[Row] = []
        episodes = 0
        for _ in range(config["scenes"]):
            scene = make_scene(rng, config["image_size"], "train")
            for asked in instructions(scene, rng, config["instructions"]):
                if held_out(parse(asked.phrase)):
                    continue
                turns = collect(
                    scene,
                    asked,
                    rng,
                    self._segmenter(scene, rng),
                    self.prompts,
                    slip=config["slip"],
                    check=config["check"],
                )
                made += rows(turns, self.chat)
                episodes += 1
        return collate(made, self.chat, episodes)

    def _segmenter(self, scene: Scene, rng: np.random.Generator) -> Segmenter:
        if rng.random() >= self.config["real"]:
            return NoisyTruth(scene, rng, noise=self.config["noise"])
        if self._real is None:
            folder = self.config.get("segmenter_checkpoint")
            options = {"checkpoint": folder} if folder else {}
            made: Segmenter = registry.prepare("segmenters", self.config["segmenter"], options)()
            self._real = made
        return self._real
