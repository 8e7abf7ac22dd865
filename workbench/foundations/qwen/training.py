"""Train a tiny Qwen3-VL from nothing to talk about generated scenes: the start of both the agent's language model and
InstructSAM's, as Qwen3-VL is for the published ones.

One sequence is a conversation about one image: describe it, what is where, and instructions answered by a noun phrase,
the places of all it names and those of the targets. A place is a cell "x y" of an 8 x 8 grid, which is also the grid of
the image tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.foundations.devices import AUTO, usable
from workbench.foundations.qwen.cell_head import CellHead, CellTruth, cell_truth
from workbench.foundations.qwen.conversations import conversation, corpus
from workbench.foundations.qwen.model import MERGE, PATCH, answer_loss, build, forward, patches, save
from workbench.foundations.qwen.recipe import QwenRecipe
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.precision import autocast, precision_of
from workbench.foundations.training.prefetch import ahead
from workbench.foundations.training.tokenizer import chat_tokenizer
from workbench.foundations.training.tracker import Tracker
from workbench.tabletop.training_scenes import TrainingScene, draw


class Encoder:
    """Conversations as token ids, with labels on the answers alone."""

    def __init__(self, tokenizer: Any, image_size: int) -> None:
        self.tokenizer = tokenizer
        self.pad: int = tokenizer.pad_token_id
        self.side = image_size // PATCH
        image_tokens = (self.side // MERGE) ** 2
        self.end = self.ids("<|im_end|>")
        self.head = self.ids("<|im_start|>user\n<|vision_start|>" + "<|image_pad|>" * image_tokens + "<|vision_end|>")
        self.user, self.assistant, self.newline = (
            self.ids(t) for t in ("<|im_start|>user\n", "<|im_start|>assistant\n", "\n")
        )

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def encode(self, turns: list[tuple[str, str]], limit: int) -> tuple[list[int], list[int]]:
        """Ids and labels; turns past `limit` tokens are left out."""
        ids = list(self.head)
        labels = [-100] * len(ids)
        for number, (question, answer) in enumerate(turns):
            asked = ([] if number == 0 else self.user) + self.ids(question) + self.end + self.newline + self.assistant
            said = self.ids(answer) + self.end
            if len(ids) + len(asked) + len(said) >= limit:
                break
            ids += asked + said + self.newline
            labels += [-100] * len(asked) + said + [-100] * len(self.newline)
        return ids, labels


def collate(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    """Right-padded ids and labels `[B, L]`; causal attention needs no mask for padding on the right."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), -100)
    for i, (row, wanted) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        labels[i, : len(row)] = torch.tensor(wanted)
    return ids, labels


@dataclass(frozen=True)
class Batch:
    """One step: conversations about the first B images, `ids` and `labels [B, L]`, the `images [N, H, W, 3] uint8`,
    and what stands where in all N."""

    ids: Tensor
    labels: Tensor
    images: NDArray[np.uint8]
    truth: CellTruth


def prepare(encoder: Encoder, scenes: Sequence[TrainingScene], talked: int, rng: np.random.Generator) -> Batch:
    """A batch of one conversation about each of the first `talked` scenes."""
    rows = [encoder.encode(conversation(scene, rng), 420) for scene in scenes[:talked]]
    images = np.stack([scene.image for scene in scenes])
    return Batch(*collate(rows, encoder.pad), images, cell_truth(scenes))


def train(config: QwenRecipe, out: Path) -> None:
    """Train a tiny Qwen3-VL from nothing to talk about generated scenes.

    The checkpoint is in `final` of the output folder, and written now and then on the way.
    """
    device = usable(config.get("device", AUTO))
    torch.manual_seed(config["seed"])
    size, talked, precision = config["image_size"], config["images"], precision_of(config)
    model, tokenizer = _start(config)
    both = nn.ModuleDict({"model": model, "head": CellHead(192)}).to(device)
    encoder = Encoder(tokenizer, size)
    optimizer = torch.optim.AdamW(
        both.parameters(), lr=config["rate"], weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )

    def make(step: int) -> Batch:
        first = step * (talked + config["more"])
        scenes = [draw(config["seed"], first + n, size=size, asked=config["instructions"]) for n in range(talked)]
        scenes += [draw(config["seed"], first + talked + n, size=size) for n in range(config["more"])]
        return prepare(encoder, scenes, talked, np.random.default_rng([config["seed"], 2, step]))

    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(out, both, optimizer, minutes=config["minutes"], track=tracker.log)
        batches = ahead(make, loop.step, config.get("workers", 0))
        while not loop.finished:
            text, dense, right = losses(both, encoder, next(batches), precision)
            loop.update(text + 0.3 * dense)
            values = {"text": float(text.detach()), "dense": float(dense.detach()), "category accuracy": right}
            loop.record(talked, values)
            if loop.step % 400 == 0:
                save(model, tokenizer, out / "final")
        loop.save()
        save(model, tokenizer, out / "final")


def _start(config: QwenRecipe) -> tuple[Any, Any]:
    """Model and tokenizer: new ones, or those of the checkpoint `start`."""
    if "start" in config:
        from transformers import Qwen3VLForConditionalGeneration

        from workbench.foundations.loading import load_model, load_tokenizer

        folder = config["start"]
        model = load_model(Qwen3VLForConditionalGeneration, folder, torch.float32)
        return model.train(), load_tokenizer(folder)
    tokenizer = chat_tokenizer(corpus(config.get("corpus_scenes", 2000)))
    return build(tokenizer, config["image_size"]), tokenizer


def losses(
    both: nn.ModuleDict, encoder: Encoder, batch: Batch, precision: torch.dtype = torch.bfloat16
) -> tuple[Tensor, Tensor, float]:
    """Text loss of the conversations, dense loss of all images, and the share of object pixels whose category the
    dense head has right."""
    model: Any = both["model"]
    head: Any = both["head"]
    device = model.device
    with autocast(device.type, precision):
        states, tokens = forward(model, patches(batch.images).to(device), batch.ids.to(device), encoder.side)
        text = answer_loss(model, states, batch.labels.to(device))
    truth = CellTruth(batch.truth.words.to(device), batch.truth.centres.to(device))
    return text, *head.loss(tokens, truth)
