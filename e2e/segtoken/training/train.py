"""Trains a [SEG] token model on pictures with questions; `e2e.segtoken.training.recipe` says how. The losses are those
of LISA: cross-entropy of the text, [SEG] tokens among it, and binary cross-entropy and dice of the masks."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from e2e.segtoken.config import check_tokens
from e2e.segtoken.model import ENCODER, SegToken
from e2e.segtoken.predictor import Predictor
from e2e.segtoken.system import SegTokenSystem
from e2e.segtoken.training.examples import Batch, collate
from e2e.segtoken.training.recipe import Config
from e2e.single_pass.dry_run import cost, look
from e2e.single_pass.examples import Example
from e2e.single_pass.feed import Feed, conversations
from e2e.single_pass.language import ImageTokens
from e2e.single_pass.losses import IGNORED, dice_loss, nearest, text_loss
from e2e.single_pass.processor import Processor
from e2e.single_pass.tabletop_task import Task
from e2e.single_pass.validation import Live, Validator
from e2e.single_pass.vision import VisionFeatures
from workbench.data.errors import ConfigurationError
from workbench.foundations.devices import AUTO, usable
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.tally import DATA, Report, Tally
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.memory import check_memory
from workbench.foundations.training.precision import autocast, precision_of
from workbench.foundations.training.prefetch import ahead, weightless
from workbench.foundations.training.tracker import Tracker
from workbench.foundations.training.validation import Validation
from workbench.plugins.marks import tried_by

FROZEN = ("model.visual.", ENCODER)
MASK_GROUP = ("model.detector.", "model.mask_projection.")
"""Tensors with the rate of the masks; all others have the language model's."""
GRID = 8
MASKS = 20
"""The most targets of a question."""


@dataclass(frozen=True)
class Losses:
    """Means over the trained tokens (`text`) and over the masks (`bce`, `dice`, `place`), not weighted."""

    text: Tensor
    bce: Tensor
    dice: Tensor
    place: Tensor

    def total(self, config: Config) -> Tensor:
        return self.text + config["bce_weight"] * self.bce + config["dice_weight"] * self.dice + self.place


class PlaceHead(nn.Module):
    """Predicts, from the state at [SEG], the cells of an 8 x 8 grid in which its mask lies. It is discarded after
    training. It teaches the language model to point, as `e2e.instructsam.training.slot_head` does for InstructSAM's
    slots.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, GRID * GRID)

    def forward(self, states: Tensor, masks: Tensor) -> Tensor:
        """Mean cross-entropy of `states: [M, D]` against the shares of `masks: [M, H, W]` in each cell; empty masks
        say nothing."""
        shares = F.adaptive_avg_pool2d(masks.float()[:, None], GRID).flatten(1)
        seen = shares.sum(1) > 0
        if not seen.any():
            return states.sum() * 0
        wanted = shares[seen] / shares[seen].sum(1, keepdim=True)
        return F.cross_entropy(self.linear(states[seen].float()), wanted)


def dry_run(config: Config, out: Path) -> None:
    """Print and draw what the training would see, and what a step of it needs; nothing is trained."""
    device, precision = torch.device(usable(config.get("device", AUTO))), precision_of(config)
    feed = _feed(config, out)
    look(feed, out)
    Validation.of(config, out, feed.sources)
    model, processor = _start(config)
    planner = model if device.type == "cpu" else weightless(model)
    model.to(device).train()
    adam = optimizer(model, config)
    head = PlaceHead(model.config.text_config.hidden_size).to(device)

    def once(number: int) -> Tensor:
        seen, _ = prepared(planner, processor, feed, number, config)
        return step(model, head, seen, precision).total(config)

    check_memory(model, adam, lambda: once(0), device, config)
    cost(feed, config, 1, once, model, device)


@tried_by(dry_run)
def train(config: Config, out: Path) -> None:
    """Train a [SEG] token model; the checkpoint is in `final` of the output folder."""
    device, precision = torch.device(usable(config.get("device", AUTO))), precision_of(config)
    feed = _feed(config, out)
    steps, benchmarks = feed.steps(config, 1), Validation.of(config, out, feed.sources)
    torch.manual_seed(config["seed"])
    model, processor = _start(config)
    planner = model if device.type == "cpu" else weightless(model)  # a copy that makes batches on the CPU
    adam = optimizer(model.to(device).train(), config)
    head = PlaceHead(model.config.text_config.hidden_size).to(device)
    adam.add_param_group({"params": list(head.parameters()), "lr": config["mask_rate"]})

    def make(number: int) -> tuple[Prepared, Report]:
        return prepared(planner, processor, feed, number, config)

    check_memory(model, adam, lambda: step(model, head, make(0)[0], precision), device, config)
    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(
            out,
            nn.ModuleDict({"model": model, "head": head}),
            adam,
            minutes=config["minutes"],
            steps=steps,
            save_every=config.get("save_every"),
            track=tracker.log,
        )
        validator = Validator(config, benchmarks, feed.task, loop)
        tally = Tally(out / DATA, [source.options.name for source in feed.sources])
        batches = ahead(make, loop.step, config.get("workers", 0))
        while not loop.finished:
            shown, report = next(batches)
            tally.add(report)
            losses = step(model, head, shown, precision)
            loop.update(losses.total(config))
            parts = {"text": losses.text, "bce": losses.bce, "dice": losses.dice, "place": losses.place}
            epochs = feed.epochs(loop.step + 1, 1)
            seen = {**tally.step(), **({} if epochs is None else {"epochs": epochs})}
            loop.record(report.questions, {**{name: float(part.detach()) for name, part in parts.items()}, **seen})
            if validator.due():
                _finish(loop, model, processor, validator)
        loop.save()
        _finish(loop, model, processor, validator)


def _feed(config: Config, out: Path) -> Feed:
    if not 0 <= config["phrase_share"] <= 1:
        raise ConfigurationError(f"phrase_share: expected a share in [0, 1], got {config['phrase_share']}")
    task = Task(config["image_size"], config["conversations"], config["phrase_share"])
    return Feed(config, out, task, Limits(config.get("max_masks", MASKS), boxes=False), Processes())


def _start(config: Config) -> tuple[SegToken, Processor]:
    model, processor = SegToken.from_parts(
        config["language_model"], config["segmenter"], check_tokens(config["tokens"])
    )
    if "max_pixels" in config:
        processor.limit(config["max_pixels"])
    if usable(config.get("device", AUTO)) == "cpu":
        model.model.language_model.config._attn_implementation = "eager"  # backward takes half as long
    return model, processor


def optimizer(model: SegToken, config: Config) -> torch.optim.Optimizer:
    """AdamW over the tensors that train, in two groups; sets `requires_grad` on all."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN))
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for n, p in trained if not n.startswith(MASK_GROUP)], "lr": config["rate"]},
        {"params": [p for n, p in trained if n.startswith(MASK_GROUP)], "lr": config["mask_rate"]},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98), fused=True)


@dataclass(frozen=True)
class Prepared:
    """Conversations as the model takes them: patches of the images and their grids, the images' pixels for SAM3
    `[images, 3, S, S]`, and the conversations' batch."""

    patches: Tensor
    grids: Tensor
    pixels: Tensor
    batch: Batch

    def to(self, device: torch.device) -> "Prepared":
        """All of it on a device."""
        return Prepared(self.patches.to(device), self.grids.to(device), self.pixels.to(device), self.batch.to(device))


def prepared(model: SegToken, processor: Processor, feed: Feed, place: int, config: Config) -> tuple[Prepared, Report]:
    """The pass at a place, on the CPU, and a report of its pictures."""
    fed = feed.of(place)
    asked = conversations(fed.shown, config.get("max_masks", MASKS))
    return prepare(model, processor, *asked, cells=config.get("cells", False)), fed.report


def prepare(
    model: SegToken,
    processor: Processor,
    images: Sequence[NDArray[np.uint8]],
    examples: Sequence[Example],
    *,
    cells: bool = False,
) -> Prepared:
    """What `step` takes, on the CPU: conversations about one image share its features."""
    patches, grids = processor.qwen_images(images)
    batch = collate(model, processor, examples, grids, cells=cells)
    return Prepared(patches, grids, processor.sam_images(images), batch)


def step(model: SegToken, head: PlaceHead, seen: Prepared, precision: torch.dtype = torch.bfloat16) -> Losses:
    """Forward pass of one batch, by default in bfloat16."""
    seen = seen.to(model.device)
    with autocast(model.device.type, precision):
        tokens = model.encode_images(seen.patches, seen.grids)
        vision = model.detector.encode(seen.pixels)
        return forward(model, head, seen.batch, tokens, vision)


def forward(model: SegToken, head: PlaceHead, batch: Batch, images: ImageTokens, vision: VisionFeatures) -> Losses:
    """The losses of one batch; those of the masks are 0, still part of the graph, where it has none."""
    hidden = language_states(model, batch, images)
    labels = batch.labels[:, 1:]
    trained = labels != IGNORED
    text = text_loss(model.lm_head(hidden[:, :-1][trained]), labels[trained])
    states = hidden[batch.token_ids == model.config.seg_token_index]
    if not len(states):
        nothing = hidden.sum() * 0
        return Losses(text, nothing, nothing, nothing)
    logits = model.masks(vision, torch.tensor(batch.images)[batch.owners], states).float()
    wanted = nearest(batch.masks, logits.shape[-2:])
    place = head(states, batch.masks)
    return Losses(text, F.binary_cross_entropy_with_logits(logits, wanted), dice_loss(logits, wanted).mean(), place)


def language_states(model: SegToken, batch: Batch, images: ImageTokens) -> Tensor:
    """Final-norm hidden states `[B, L, D]`."""
    where = batch.token_ids == model.config.image_token_id
    pixels, deepstack = images.select(batch.images)
    embeddings = model.embed(batch.token_ids)
    out = model.model.language_model(
        inputs_embeds=embeddings.masked_scatter(where[..., None], pixels.to(embeddings.dtype)),
        # causal attention needs no mask for padding on the right
        position_ids=batch.positions,
        use_cache=False,
        visual_pos_masks=where,
        deepstack_visual_embeds=deepstack,
    )
    hidden: Tensor = out.last_hidden_state
    return hidden


def save(model: SegToken, processor: Processor, folder: Path) -> None:
    """Write a checkpoint as `Predictor.from_pretrained` reads it."""
    shutil.rmtree(folder, ignore_errors=True)
    model.save(folder)
    processor.save_pretrained(folder)


class _Live(Live):
    """Fails as the system does where an answer does not end within its bounds."""

    outcome = SegTokenSystem.outcome


def _finish(loop: Loop, model: SegToken, processor: Processor, validator: Validator) -> None:
    """Write the checkpoint and log how it does."""
    save(model, processor, loop.out / "final")
    model.eval()
    figures = validator.run(partial(Predictor, model, processor), _Live)
    model.train()
    validator.done()
    loop.log(figures)
