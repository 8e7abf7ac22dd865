"""Fine-tune the tiny language model on the agent's own turns: the real graph runs over generated scenes with an oracle
in the model's place, and the model learns the oracle's replies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.graph import run
from agents.options import TINY
from agents.oracle import FITS, NoisyTruth, Oracle, Taught
from agents.prompts import Prompts, load
from agents.qwen_chat import Encoded, QwenChat
from agents.recipe import Config
from agents.workspace import Workspace
from workbench import registry
from workbench.masks import Rle, encode, iou_matrix
from workbench.systems import Segmenter
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.phrases import parse
from workbench.tabletop.scenes import Scene, make_scene
from workbench.training.ahead import ahead
from workbench.training.loop import Loop
from workbench.training.phrases import held_out
from workbench.training.qwen import answer_loss, save
from workbench.training.tracker import Tracker

IGNORED = -100
_STREAM = 0xA6E27  # apart from every seed that other scenes are drawn with


@dataclass
class Row:
    """A conversation as token ids, with labels on the oracle's replies alone, and its pictures in order."""

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
    """The turns of one episode: every request that the agent's graph makes, with the oracle's reply."""
    oracle = Oracle(scene, asked, rng, slip=slip, check=check)
    oracle.workspace = Workspace(scene.image, asked.text, oracle, segmenter, prompts, TINY)
    run(oracle.workspace)
    return oracle.taught


def rows(turns: Sequence[Taught], chat: QwenChat) -> list[Row]:
    """Turns as rows; a turn whose prompt goes on from the previous reply shares its row, as it shares its tokens."""
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
    """Step n's batch: its scenes, instructions, segmenter errors and slips follow from the seed and n alone."""

    def __init__(self, config: Config, chat: QwenChat) -> None:
        self.config, self.chat, self.prompts = config, chat, load("tiny-v1")
        self._real: Segmenter | None = None

    def batch(self, step: int) -> Batch:
        config = self.config
        rng = np.random.default_rng([_STREAM, config["seed"], step])
        found: list[Row] = []
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
                found += rows(turns, self.chat)
                episodes += 1
        return collate(found, self.chat, episodes)

    def _segmenter(self, scene: Scene, rng: np.random.Generator) -> Segmenter:
        if rng.random() >= self.config["real"]:
            return NoisyTruth(scene, rng, noise=self.config["noise"])
        if self._real is None:
            folder = self.config.get("segmenter_checkpoint")
            options = {"checkpoint": folder} if folder else {}
            made: Segmenter = registry.prepare("segmenters", self.config["segmenter"], options)()
            self._real = made
        return self._real


def loss(model: Any, batch: Batch) -> Tensor:
    """Mean cross entropy of the replies' tokens."""
    out = model.model.get_image_features(batch.pixels, batch.grids, return_dict=True)
    embeddings = model.get_input_embeddings()(batch.ids)
    places = batch.ids == model.config.image_token_id
    seen = torch.cat([out.pooler_output[i] for i in batch.order]).to(embeddings.dtype)
    states = model.model.language_model(
        inputs_embeds=embeddings.masked_scatter(places[..., None], seen),
        position_ids=batch.positions,
        visual_pos_masks=places,
        deepstack_visual_embeds=[torch.cat([level[i] for i in batch.order]) for level in out.deepstack_features],
        use_cache=False,
    ).last_hidden_state
    return answer_loss(model, states, batch.labels)


def train(config: Config, out: Path) -> None:
    """Run the recipe: the fine-tuned checkpoint is written to `out/final`, how it does to `out/validation.json`."""
    from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

    torch.manual_seed(config["seed"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = AutoTokenizer.from_pretrained(config["base"])
    model: Any = Qwen3VLForConditionalGeneration.from_pretrained(
        config["base"], dtype=torch.float32, use_safetensors=True
    )
    model = model.to(device).train()
    start, final = out / "start", out / "final"
    _write(model, tokenizer, start, config["image_size"])
    episodes = Episodes(config, QwenChat(start))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["rate"], weight_decay=0.02, betas=(0.9, 0.98))
    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(out, model, optimizer, minutes=config["minutes"], track=tracker.log)
        batches = ahead(episodes.batch, loop.step, config["workers"])
        while not loop.finished:
            batch = next(batches)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                value = loss(model, batch.to(device))
            loop.update(value)
            loop.record(batch.episodes, {"loss": float(value.detach())})
        loop.save()
        _write(model, tokenizer, final, config["image_size"])
        scores = validate(final, config["validation"], config["image_size"])
        loop.log({f"val {name}": value for name, value in scores.items()})
    (out / "validation.json").write_text(json.dumps(scores, indent=1) + "\n")


def validate(checkpoint: Path, count: int, image_size: int) -> dict[str, float]:
    """How the agent does with a checkpoint and the true masks, over `count` instructions about validation scenes: the
    shares that end with an answer, and that are answered exactly, with targets and without; requests a sample."""
    from agents.embedded import EmbeddedQwen

    model = EmbeddedQwen(checkpoint)
    prompts = load("tiny-v1")
    ended: list[bool] = []
    exact, requests = {"targets": [0, 0], "no targets": [0, 0]}, 0
    number = 0
    while len(ended) < count:
        rng = np.random.default_rng([_STREAM, number])
        number += 1
        scene = make_scene(rng, image_size, "val")
        for asked in instructions(scene, rng, 4):
            work = Workspace(scene.image, asked.text, model, NoisyTruth(scene, rng, noise=0.0), prompts, TINY)
            state = run(work)
            ended.append(state["ending"] is None)
            tally = exact["targets" if asked.targets else "no targets"]
            tally[0] += _exact(scene, asked, [work.found[i].mask for i in state["selected"]], answered=ended[-1])
            tally[1] += 1
            requests += sum(call.kind == "llm" for call in work.trace.calls)
    total = len(ended)
    return {
        "answered": sum(ended) / total,
        **{f"exact, {name}": right / max(1, asked) for name, (right, asked) in exact.items()},
        "requests a sample": requests / total,
    }


def _exact(scene: Scene, asked: Instruction, selected: Sequence[Rle], *, answered: bool) -> bool:
    targets = [encode(scene.objects[i].mask) for i in asked.targets]
    if not answered or len(selected) != len(targets):
        return False
    return bool((iou_matrix(selected, targets) >= FITS).any(axis=0).all()) if targets else True


def _write(model: Any, tokenizer: Any, folder: Path, image_size: int) -> None:
    save(model, tokenizer, folder)
    pixels, vision = image_size**2, model.config.vision_config
    processor = {
        "size": {"shortest_edge": pixels, "longest_edge": pixels},
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
