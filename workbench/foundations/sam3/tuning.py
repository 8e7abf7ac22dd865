"""Fine-tune any SAM3 on the phrases of any sources, for domains and words that it does not know."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.errors import ConfigurationError
from workbench.foundations.devices import AUTO, usable
from workbench.foundations.sam3.architecture import detect
from workbench.foundations.sam3.dense import boxes_of
from workbench.foundations.sam3.losses import WEIGHTS, concept_losses
from workbench.foundations.sam3.recipe import Sam3Recipe
from workbench.foundations.sam3.saving import save
from workbench.foundations.sam3.segmenter import Sam3Segmenter
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.options import FLIPS, SourceOptions, checked_augmentation
from workbench.foundations.training.data.questions import Picture, Question
from workbench.foundations.training.data.sources import Ask, Endless, Source, open_sources
from workbench.foundations.training.data.stream import Stream, steps_of
from workbench.foundations.training.data.survey import FIGURE, look
from workbench.foundations.training.data.tally import DATA, Report, Tally
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.measuring import measured
from workbench.foundations.training.memory import check_memory
from workbench.foundations.training.precision import autocast, precision_of
from workbench.foundations.training.prefetch import ahead
from workbench.foundations.training.tracker import Tracker
from workbench.foundations.training.validation import Validation, copied
from workbench.systems.phrase import PhraseSystem
from workbench.tabletop.scenes import make_scene
from workbench.tabletop.training_phrases import any_phrase

MASKS = 100
"""The most instances of a phrase; those beyond the queries of the checkpoint stay unmatched."""
KNOWN = ("vision_encoder.", "text_")
"""Tensors with the rate of what is known."""
_STREAM = 0x5A3D


@dataclass(frozen=True)
class PhraseScenes(Endless):
    """Drawn scenes of tabletop with noun phrases, as a source beside others."""

    seed: int
    image_size: int
    count: int
    options: SourceOptions

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        """A scene, and phrases of which a third names nothing in it."""
        del rng, ask
        drawn = np.random.default_rng([_STREAM, self.seed, number])
        scene = make_scene(drawn, self.image_size, "train")
        masks = np.stack([thing.mask for thing in scene.objects])
        phrases = [any_phrase(scene.objects, drawn) for _ in range(self.count)]
        asked = [(str(one), [one.matches(thing) for thing in scene.objects]) for one in phrases]
        questions = [Question(text, text, masks[named], "phrase") for text, named in asked]
        return Picture(scene.image, questions, self.options.name, str(number), scene)


@dataclass(frozen=True)
class Batch:
    """Pictures as SAM3 sees them, `pixels [B, 3, S, S]`, and P phrases about them: token ids and mask `[P, L]`, the
    picture of each `[P]`, its masks `[T, h, w]` at the size of predicted masks, and boxes `[T, 4]` cxcywh in 0..1."""

    pixels: Tensor
    ids: Tensor
    mask: Tensor
    image_of: Tensor
    targets: list[Tensor]
    boxes: list[Tensor]
    report: Report

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        moved = {name: getattr(self, name).to(device) for name in ("pixels", "ids", "mask", "image_of")}
        targets, boxes = ([one.to(device) for one in parts] for parts in (self.targets, self.boxes))
        return replace(self, **moved, targets=targets, boxes=boxes)


def open_stream(config: Sam3Recipe, folder: Path) -> Stream:
    """The pictures of the recipe's `data`, with phrases alone: an instruction is no noun phrase."""
    augment = checked_augmentation(config)

    def drawn(options: SourceOptions) -> Source:
        return PhraseScenes(config["seed"], config["image_size"], config["phrases"], options)

    limits = Limits(MASKS, boxes=False, kinds=("category", "phrase"))
    sources = open_sources(config["data"], folder, limits, drawn, config.get("templates"))
    count, shuffle = config["phrases"], config.get("shuffle", True)
    return Stream(sources, config["seed"], count=count, shuffle=shuffle, flips=augment == FLIPS)


def batch(stream: Stream, step: int, images: int, model: Any, tokenizer: Any) -> Batch:
    """The batch of a step, on the CPU."""
    taken = [stream.take(step * images + n) for n in range(images)]
    side, small = model.config.vision_config.image_size, mask_side(model)
    asked = [(i, question) for i, one in enumerate(taken) for question in one.picture.questions]
    tokens = tokenizer(
        [question.phrase for _, question in asked], padding=True, truncation=True, max_length=32, return_tensors="pt"
    )
    questions = [question for _, question in asked]
    return Batch(
        torch.cat([pixels(one.picture, side) for one in taken]),
        tokens.input_ids,
        tokens.attention_mask,
        torch.tensor([i for i, _ in asked]),
        [_at(question, small) for question in questions],
        [torch.from_numpy(boxes_of(question.masks)) for question in questions],
        Report([one.picture.source for one in taken], len(asked), [said for one in taken for said in one.skipped]),
    )


def _at(question: Question, side: int) -> Tensor:
    """The masks `[T, side, side]`, each value the share of its pixels."""
    masks = torch.from_numpy(question.masks).float()
    return F.adaptive_avg_pool2d(masks, side) if len(masks) else masks.new_zeros(0, side, side)


def pixels(picture: Picture, side: int) -> Tensor:
    """`[1, 3, S, S]` as the segmenter makes it: the whole picture in a square, mean and standard deviation 0.5."""
    image = torch.from_numpy(picture.image.copy()).permute(2, 0, 1)[None].float()
    if image.shape[-2:] != (side, side):
        image = F.interpolate(image, (side, side), mode="bilinear", antialias=True).round().clamp(0, 255)
    return image / 127.5 - 1


def mask_side(model: Any) -> int:
    """The side of predicted masks: that of the finest level of the feature pyramid."""
    vision = model.config.vision_config
    return int(vision.backbone_feature_sizes[0][0])


def losses(model: Any, seen: Batch, precision: torch.dtype, *, by_cost: bool) -> dict[str, Tensor]:
    """All terms of the loss of a batch, before `WEIGHTS` adds them up."""
    with autocast(seen.pixels.device.type, precision):
        vision = model.vision_encoder(seen.pixels)
        text = model.get_text_features(seen.ids, seen.mask).pooler_output
        nothing = torch.zeros(len(seen.ids), 0, 4, device=seen.pixels.device)
        found = detect(model, vision, text, seen.mask.bool(), seen.image_of, nothing)
    return concept_losses(found, seen.targets, seen.boxes, by_cost=by_cost)


def total(terms: dict[str, Tensor]) -> Tensor:
    """The weighted sum of the terms."""
    return torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()


def optimizer(model: Any, config: Sam3Recipe) -> torch.optim.Optimizer:
    """AdamW over the tensors that train, those of the encoders at `known_rate`; sets `requires_grad` on all."""
    frozen = tuple(config.get("frozen", []))
    known, new = list[Tensor](), list[Tensor]()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not (frozen and name.startswith(frozen)))
        if parameter.requires_grad:
            (known if name.startswith(KNOWN) else new).append(parameter)
    groups = [{"params": known, "lr": config["known_rate"]}, {"params": new, "lr": config["rate"]}]
    trained = [group for group in groups if group["params"]]
    if not trained:
        raise ConfigurationError(f"frozen: nothing is left to train, got {list(frozen)}")
    return torch.optim.AdamW(trained, weight_decay=0.02, betas=(0.9, 0.98), fused=True)


def start(config: Sam3Recipe) -> tuple[Any, Any]:
    """Model and tokenizer of the checkpoint that is fine-tuned."""
    from transformers import Sam3Model

    from workbench.foundations.checkpoints import locate
    from workbench.foundations.loading import load_model, load_tokenizer

    if "start" not in config:
        raise ConfigurationError("data: a SAM3 is fine-tuned on it: `start` names the checkpoint, as facebook/sam3")
    folder = locate(config["start"])
    return load_model(Sam3Model, folder, torch.float32), load_tokenizer(folder)


def dry_run(config: Sam3Recipe, out: Path) -> None:
    """Print and draw what a fine-tuning would see, and what a step of it needs; nothing is trained."""
    if not config.get("data"):
        raise ConfigurationError("--dry-run: recipe sam3 has one for `data`, which is not given")
    device, precision = torch.device(usable(config.get("device", AUTO))), precision_of(config)
    stream = open_stream(config, out / DATA)
    look(stream, out / FIGURE)
    Validation.of(config, out, stream.sources)
    model, tokenizer = start(config)
    model.to(device).train()
    adam = optimizer(model, config)

    def once(number: int) -> Tensor:
        seen = batch(stream, number, config["images"], model, tokenizer)
        return total(losses(model, seen.to(device), precision, by_cost=not config.get("match_starts", True)))

    check_memory(model, adam, lambda: once(0), device, config)
    steps = steps_of(config, stream, config["images"])
    print(measured(once, model, device).text(1, steps, config["minutes"], stream.epoch / config["images"]))


def tune(config: Sam3Recipe, out: Path, tracker: Tracker) -> None:
    """Fine-tune the checkpoint `start` on the phrases of `data`; the new one is in `final` of `out`."""
    device, precision = torch.device(usable(config.get("device", AUTO))), precision_of(config)
    stream = open_stream(config, out / DATA)
    steps, benchmarks = steps_of(config, stream, config["images"]), Validation.of(config, out, stream.sources)
    torch.manual_seed(config["seed"])
    model, tokenizer = start(config)
    adam = optimizer(model.to(device).train(), config)
    by_cost, every = not config.get("match_starts", True), config.get("evaluate_steps", 0)

    def make(step: int) -> Batch:
        return batch(stream, step, config["images"], model, tokenizer)

    check_memory(model, adam, lambda: losses(model, make(0).to(device), precision, by_cost=by_cost), device, config)
    save_every, minutes = config.get("save_every"), config["minutes"]
    loop = Loop(out, model, adam, minutes=minutes, steps=steps, save_every=save_every, track=tracker.log)
    tally = Tally(out / DATA, [source.options.name for source in stream.sources])

    def finish() -> None:
        save(model, tokenizer, out / "final")
        figures: dict[str, float] = {}
        if benchmarks:
            system = PhraseSystem(Sam3Segmenter(out / "final", device=device.type))
            result = benchmarks.run(lambda _: system, loop.step)
            figures = result.numbers
            if result.best:
                copied(out / "final", out / "best")
        loop.log(figures)

    batches = ahead(make, loop.step, config.get("workers", 0))
    while not loop.finished:
        seen = next(batches)
        tally.add(seen.report)
        terms = losses(model, seen.to(device), precision, by_cost=by_cost)
        loop.update(total(terms))
        values = {name: float(value.detach()) for name, value in terms.items()}
        epochs = (loop.step + 1) * config["images"] / stream.epoch
        loop.record(seen.report.questions, {**values, **tally.step(), "epochs": epochs})
        if every and not loop.finished and loop.step % every == 0:
            finish()
    loop.save()
    finish()
