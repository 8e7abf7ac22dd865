"""Episodes of the agent that its language model learns from: the real graph runs over generated scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from agents.language_models.qwen_chat import Encoded, QwenChat
from agents.loop.graph import run
from agents.loop.workspace import Workspace
from agents.options import TINY
from agents.prompts.texts import Prompts, load
from agents.training.noisy import NoisyQuestions, NoisyTruth, Remembering
from agents.training.recipe import Config
from agents.training.runs import FROM_RUN, Remembered, open_run
from agents.training.teacher import Taught, Teacher
from agents.training.told import STREAM, AgentScenes, Told, of_question, of_scene
from workbench.data.errors import ConfigurationError
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.options import FLIPS, SourceOptions, checked_augmentation
from workbench.foundations.training.data.questions import Picture
from workbench.foundations.training.data.sources import Source, open_sources
from workbench.foundations.training.data.stream import Stream
from workbench.foundations.training.data.tally import Report
from workbench.plugins import registry
from workbench.plugins.interfaces import PhraseMasks, Segmenter
from workbench.tabletop.grammar import instructions
from workbench.tabletop.phrases import parse
from workbench.tabletop.scenes import make_scene
from workbench.tabletop.training_phrases import held_out

IGNORED = -100


MASKS = 20
"""The most targets of a question."""


@dataclass
class Row:
    """A conversation as token ids with its pictures in order; only the tokens of the teacher's replies have labels."""

    encoded: Encoded
    labels: list[int]


def collect(
    told: Told,
    rng: np.random.Generator,
    segmenter: Segmenter,
    prompts: Prompts,
    *,
    slip: float = 0.0,
    check: float = 0.0,
) -> list[Taught]:
    """The turns of one episode: every request that the agent's graph makes, with the teacher's reply."""
    teacher = Teacher(told, rng, slip=slip, check=check)
    teacher.workspace = Workspace(told.image, told.text, teacher, segmenter, prompts, TINY)
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
    report: Report | None = None
    """Of the pictures, where they are of a stream."""

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
    """Training batches. The batch of step n (its pictures, instructions and errors) depends on the seed and n alone."""

    def __init__(self, config: Config, chat: QwenChat, stream: Stream | None = None) -> None:
        """`stream`: the pictures of the recipe's `data`; without it, scenes are drawn."""
        self.config, self.chat, self.stream = config, chat, stream
        self.prompts = load(config.get("prompts", TINY.prompts))
        self._real: Segmenter | None = None

    def batch(self, step: int) -> Batch:
        config = self.config
        rng = np.random.default_rng([STREAM, config["seed"], step])
        if self.stream:
            taken = [self.stream.take(step * config["scenes"] + n) for n in range(config["scenes"])]
            made = [row for one in taken for row in self._about(one.picture, rng)]
            report = Report(
                [one.picture.source for one in taken],
                sum(len(one.picture.questions) for one in taken),
                [said for one in taken for said in one.skipped],
            )
            return replace(collate(made, self.chat, report.questions), report=report)
        made, episodes = [], 0
        for _ in range(config["scenes"]):
            scene = make_scene(rng, config["image_size"], "train")
            for asked in instructions(scene, rng, config["instructions"]):
                if held_out(parse(asked.phrase)):
                    continue
                made += self._episode(of_scene(scene, asked), NoisyTruth(scene, rng, noise=config["noise"]), rng)
                episodes += 1
        return collate(made, self.chat, episodes)

    def _about(self, picture: Picture, rng: np.random.Generator) -> list[Row]:
        """The episodes of all questions about a picture."""
        noise = self.config["noise"]
        knowing: Segmenter = NoisyQuestions(picture, rng, noise=noise)
        if picture.scene:
            knowing = NoisyTruth(picture.scene, rng, noise=noise)
        made = []
        for one in picture.questions:
            told, found = of_question(picture, one), None
            if isinstance(one, Remembered):
                told, found = replace(told, said=one.said), one.found
            made += self._episode(told, knowing, rng, found)
        return made

    def _episode(
        self,
        told: Told,
        knowing: Segmenter,
        rng: np.random.Generator,
        found: Mapping[str, PhraseMasks] | None = None,
    ) -> list[Row]:
        """The rows of one episode; `found`: the masks that a stored run had for its phrases."""
        segmenter = knowing if rng.random() >= self.config["real"] else self._segmenter()
        if found is not None:
            segmenter = Remembering(found, segmenter)
        slip, check = self.config["slip"], self.config["check"]
        return rows(collect(told, rng, segmenter, self.prompts, slip=slip, check=check), self.chat)

    def _segmenter(self) -> Segmenter:
        if self._real is None:
            folder = self.config.get("segmenter_checkpoint")
            options = {"checkpoint": folder} if folder else {}
            made: Segmenter = registry.prepare("segmenters", self.config["segmenter"], options)()
            self._real = made
        return self._real


def open_stream(config: Config, folder: Path) -> Stream | None:
    """The pictures of a recipe's `data` as one stream, with their indices in a folder; None where scenes are drawn.

    An answer is chosen among masks, so that boxes teach nothing. Raises `ConfigurationError`.
    """
    augment = checked_augmentation(config)
    if not config.get("data"):
        return None

    def drawn(options: SourceOptions) -> Source:
        return AgentScenes(config["seed"], config["image_size"], config["instructions"], options)

    entries = list(enumerate(config["data"]))
    stored = [place for place, one in entries if isinstance(one, Mapping) and FROM_RUN in one]
    runs = [open_run(place, config["data"][place], MASKS) for place in stored]
    if runs and augment == FLIPS:
        raise ConfigurationError("augment: flips cannot be had with from_run, whose masks and replies are stored")
    others = [one for place, one in entries if place not in stored]
    sources: list[Source] = list(runs)
    if others:
        sources = [*open_sources(others, folder, Limits(MASKS, boxes=False), drawn, config.get("templates")), *runs]
    count, shuffle = config["instructions"], config.get("shuffle", True)
    return Stream(sources, config["seed"], count=count, shuffle=shuffle, flips=augment == FLIPS)
