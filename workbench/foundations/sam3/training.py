"""Train a tiny SAM3 on generated scenes: pixels first, then words and places, then the whole detector."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.sam3.architecture import build, detect
from workbench.foundations.sam3.dense import (
    DenseHead,
    MatchHead,
    boxes_of,
    category_accuracy,
    dense_loss,
    dense_targets,
    match_loss,
    on_grid,
)
from workbench.foundations.sam3.losses import WEIGHTS, concept_losses
from workbench.foundations.sam3.recipe import Sam3Recipe
from workbench.foundations.sam3.saving import save
from workbench.foundations.sam3.tuning import dry_run, tune
from workbench.foundations.training.data.options import checked_augmentation
from workbench.foundations.training.loop import Loop, Track
from workbench.foundations.training.precision import autocast, precision_of
from workbench.foundations.training.tokenizer import clip_tokenizer
from workbench.foundations.training.tracker import Tracker
from workbench.plugins.marks import tried_by
from workbench.tabletop.training_phrases import any_phrase, present_phrase
from workbench.tabletop.training_scenes import TrainingScene, draw

READ_OUT_STEPS, READ_OUT_SCENES = 150, 32
"""Steps in which the dense head is fitted to a model that continues from a checkpoint, and scenes of each."""


NEEDED = ("more", "dense_minutes", "dense_rate", "match_minutes", "match_rate")
"""Keys of the training from nothing; from a checkpoint, the first of them."""


@tried_by(dry_run)
def train(config: Sam3Recipe, out: Path) -> None:
    """Train a tiny SAM3 from nothing on generated scenes, in three phases, or fine-tune any SAM3 on the phrases of
    `data`; the checkpoint is in `final` of `out`."""
    learn = tune if config.get("data") else _train
    if learn is _train:
        checked_augmentation(config)
        if missing := [key for key in NEEDED[: 1 if "start" in config else None] if key not in config]:
            raise ConfigurationError(f"recipe sam3 without `data`: missing: {', '.join(missing)}")
    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        learn(config, out, tracker)


def _train(config: Sam3Recipe, out: Path, tracker: Tracker) -> None:
    torch.manual_seed(config["seed"])
    precision = precision_of(config)
    model, tokenizer = _start(config)
    model.vision_encoder.backbone.compile()
    for part in (model.vision_encoder.backbone, model.detr_encoder, model.detr_decoder, model.mask_decoder):
        part.config._attn_implementation = "eager"  # a fifth faster here: the fused kernel's backward is slow on a CPU
    both = nn.ModuleDict({"model": model, "head": DenseHead(160, 64), "match": MatchHead()})
    if "start" not in config:
        _warm_start(both, config, out / "dense", tracker.part("dense"))
        _learn_words(both, tokenizer, config, out / "matching", tracker.part("matching"))
    elif not (out / "concepts" / "resume.pt").exists():
        _read_out(both, config)
    learned = ("model.vision_encoder.", "model.text_", "match.")
    known = [p for n, p in both.named_parameters() if n.startswith(learned)]
    new = [p for n, p in both.named_parameters() if not n.startswith(learned)]
    groups = [{"params": known, "lr": config["known_rate"]}, {"params": new, "lr": config["rate"]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    loop = Loop(out / "concepts", both, optimizer, minutes=config["minutes"], track=tracker.part("concepts"))
    rng = np.random.default_rng([config["seed"], 1, loop.step])
    images = config["images"] + config["more"]
    while not loop.finished:
        scenes = _next_scenes(loop, config, images, start=10**7)
        terms, right = concept_terms(both, tokenizer, scenes, rng, config["images"], config["phrases"], precision)
        loop.update(torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum())
        values = {name: float(value.detach()) for name, value in terms.items()}
        loop.record(config["images"] * config["phrases"], {**values, "category accuracy": right})
    loop.save()
    save(model, tokenizer, out / "final")


def _start(config: Sam3Recipe) -> tuple[Any, Any]:
    """Model and tokenizer: new ones, or those of the checkpoint `start`."""
    if "start" in config:
        from transformers import Sam3Model

        from workbench.foundations.loading import load_model, load_tokenizer

        folder = config["start"]
        model = load_model(Sam3Model, folder, torch.float32)
        return model.train(), load_tokenizer(folder)
    tokenizer = clip_tokenizer()
    ids = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    return build(config["image_size"], len(tokenizer), *ids), tokenizer


def concept_terms(
    both: nn.ModuleDict,
    tokenizer: Any,
    scenes: list[TrainingScene],
    rng: np.random.Generator,
    images: int,
    count: int,
    precision: torch.dtype = torch.bfloat16,
) -> tuple[dict[str, Tensor], float]:
    """All losses of one batch, before `WEIGHTS` adds them up, and the share of object pixels with the right category.

    The detector is asked `count` phrases about each of the first `images` scenes. For the other scenes only the dense
    losses and the match with words are computed, with 8 phrases each, which costs a fifth as much.
    """
    model: Any = both["model"]
    head: Any = both["head"]
    side = scenes[0].index.shape[0] // 2
    texts, image_of, targets, boxes = concept_batch(scenes[:images], rng, count, side)
    detected = len(texts)
    more = concept_batch(scenes[images:], rng, 8, side)
    texts, image_of, unions = texts + more[0], torch.cat([image_of, more[1] + images]), targets + more[2]
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    mask = tokens.attention_mask
    with autocast("cpu", precision):
        vision, others = _encode(model.vision_encoder, pixels(scenes), images)
        text = model.get_text_features(tokens.input_ids, mask).pooler_output
        detections = detect(
            model, vision, text[:detected], mask[:detected].bool(), image_of[:detected], hints_near(boxes, 5)
        )
        places = torch.cat([vision.fpn_hidden_states[2], model.vision_encoder.neck.fpn_layers[2](on_grid(others))])
        fit = both["match"](places, text, mask.sum(1) - 1, image_of)
        dense, half = head(vision), head.at_half(others)
    fine, coarse = dense_targets(scenes[:images], 2), dense_targets(scenes[images:], 4)
    share = images / len(scenes)
    terms = concept_losses(detections, targets, boxes)
    terms["match"] = match_loss(fit, unions)
    terms["dense"] = share * dense_loss(dense, *fine) + (1 - share) * dense_loss(half, *coarse)
    return terms, category_accuracy(half, coarse[0])


def _encode(encoder: Any, images: Tensor, whole: int) -> tuple[Any, Tensor]:
    """All features of the first `whole` images, and of the others only the tokens `[B, side * side, hidden]`: most of
    the pyramid's work is at its finest level.
    """
    from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

    tokens = encoder.backbone(images).last_hidden_state
    levels, positions = encoder.neck(on_grid(tokens[:whole]))
    vision = Sam3VisionEncoderOutput(
        last_hidden_state=tokens[:whole], fpn_hidden_states=levels, fpn_position_encoding=positions
    )
    return vision, tokens[whole:]


def _next_scenes(loop: Loop, config: Sam3Recipe, images: int, start: int = 0) -> list[TrainingScene]:
    first = start + loop.step * images
    return [draw(config["seed"], n, size=config["image_size"]) for n in range(first, first + images)]


def _warm_start(both: nn.ModuleDict, config: Sam3Recipe, out: Path, track: Track) -> None:
    model, head = both["model"], both["head"]
    vision = nn.ModuleDict({"vision": model.vision_encoder, "head": head})  # type: ignore[dict-item]
    optimizer = torch.optim.AdamW(
        vision.parameters(), lr=config["dense_rate"], weight_decay=0.02, betas=(0.9, 0.98), fused=True
    )
    loop = Loop(out, vision, optimizer, minutes=config["dense_minutes"], track=track)
    while not loop.finished:
        scenes = _next_scenes(loop, config, config.get("dense_images", 32))
        with autocast("cpu", precision_of(config)):
            logits = head(model.vision_encoder(pixels(scenes)))  # type: ignore[operator]
        wanted = dense_targets(scenes, 2)
        loss = dense_loss(logits, *wanted)
        loop.update(loss)
        right = category_accuracy(logits, wanted[0])
        loop.record(len(scenes), {"loss": float(loss.detach()), "category accuracy": right})
    loop.save()


def _read_out(both: nn.ModuleDict, config: Sam3Recipe) -> None:
    """Fit a new dense head to a trained model, whose own head was discarded at the end of its training."""
    model, head = both["model"], both["head"]
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3, fused=True)
    for step in range(READ_OUT_STEPS):
        first = 9 * 10**6 + step * READ_OUT_SCENES
        scenes = [draw(config["seed"], first + n, size=config["image_size"]) for n in range(READ_OUT_SCENES)]
        with autocast("cpu", precision_of(config)):
            with torch.no_grad():
                vision = model.vision_encoder(pixels(scenes))  # type: ignore[operator]
            logits = head(vision)
        wanted = dense_targets(scenes, 2)
        dense_loss(logits, *wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 25 == 24:
            print(
                f"dense head: category accuracy {category_accuracy(logits, wanted[0]):.3f}", file=sys.stderr, flush=True
            )


def _learn_words(both: nn.ModuleDict, tokenizer: Any, config: Sam3Recipe, out: Path, track: Track) -> None:
    """Align text and image features by a dot product. This phase sees ten times as many phrases a second as the whole
    detector would.
    """
    model, head = both["model"], both["head"]
    optimizer = torch.optim.AdamW(both.parameters(), lr=config["match_rate"], betas=(0.9, 0.98), fused=True)
    loop = Loop(out, both, optimizer, minutes=config["match_minutes"], track=track)
    rng = np.random.default_rng([config["seed"], 2, loop.step])
    while not loop.finished:
        scenes = _next_scenes(loop, config, config.get("match_images", 24), start=5 * 10**6)
        texts, image_of, targets, _ = concept_batch(scenes, rng, 16, config["image_size"] // 2)
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        with autocast("cpu", precision_of(config)):
            vision = model.vision_encoder(pixels(scenes))  # type: ignore[operator]
            text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output  # type: ignore[operator]
            fit = both["match"](vision.fpn_hidden_states[2], text, tokens.attention_mask.sum(1) - 1, image_of)
            dense = head(vision)
        words = match_loss(fit, targets)
        loop.update(words + dense_loss(dense, *dense_targets(scenes, 2)))
        present = torch.tensor([len(t) > 0 for t in targets])
        right = (fit.amax(1) > 0) == present
        loop.record(len(texts), {"match": float(words.detach()), "presence accuracy": float(right.float().mean())})
    loop.save()


def pixels(scenes: list[TrainingScene]) -> Tensor:
    """Normalised images `[B, 3, H, W]`, mean and standard deviation 0.5 as SAM3's processor does it."""
    stack = np.stack([scene.image for scene in scenes])
    return torch.from_numpy(stack).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def concept_batch(
    scenes: list[TrainingScene], rng: np.random.Generator, count: int, side: int
) -> tuple[list[str], Tensor, list[Tensor], list[Tensor]]:
    """Phrases, the image of each `[P]`, their masks at `side` x `side` and their boxes."""
    texts: list[str] = []
    owners: list[int] = []
    targets: list[Tensor] = []
    boxes: list[Tensor] = []
    for i, scene in enumerate(scenes):
        masks = scene.masks()
        scale = masks.shape[1] // side
        small = masks.reshape(len(masks), side, scale, side, scale).mean((2, 4)).astype(np.float32)
        corners = boxes_of(masks)
        for number in range(count):
            phrase = (any_phrase if number else present_phrase)(scene.objects, rng)
            named = [k for k, thing in enumerate(scene.objects) if phrase.matches(thing)]
            texts.append(str(phrase))
            owners.append(i)
            targets.append(torch.from_numpy(small[named]))
            boxes.append(torch.from_numpy(corners[named]))
    return texts, torch.tensor(owners), targets, boxes


def hints_near(target_boxes: list[Tensor], slots: int) -> Tensor:
    """Boxes `[P, slots, 4]` that are shifted from the targets by up to half their extent. Slots without a target get
    the centre.
    """
    hints = torch.full((len(target_boxes), slots, 4), 0.5)
    for p, boxes in enumerate(target_boxes):
        kept = boxes[:slots]
        centre = kept[:, :2] + (torch.rand(len(kept), 2) - 0.5) * kept[:, 2:].clamp(min=0.2)
        extent = kept[:, 2:] * torch.exp((torch.rand(len(kept), 2) - 0.5) * 1.4)
        hints[p, : len(kept)] = torch.cat([centre, extent], 1).clamp(0.02, 0.98)
    return hints
