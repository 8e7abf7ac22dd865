"""Train a tiny SAM3 from nothing on generated scenes: pixels first, then words and places, then the whole detector."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.tabletop.vocabulary import CATEGORIES
from workbench.training.loop import Loop, Track
from workbench.training.phrases import any_phrase, present_phrase
from workbench.training.recipes import Sam3Recipe
from workbench.training.sam3_dense import DenseHead, MatchHead, boxes_of, dense_loss, dense_targets, match_loss
from workbench.training.sam3_losses import WEIGHTS, concept_losses
from workbench.training.sam3_model import build, detect
from workbench.training.scenes import TrainingScene, draw
from workbench.training.tokenizer import clip_tokenizer
from workbench.training.tracker import Tracker


def train(config: Sam3Recipe, out: Path) -> None:
    """Run the three phases; the checkpoint is in `out/final`."""
    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        _train(config, out, tracker)


def _train(config: Sam3Recipe, out: Path, tracker: Tracker) -> None:
    torch.manual_seed(config["seed"])
    size = config["image_size"]
    tokenizer = clip_tokenizer()
    model = build(size, len(tokenizer), tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    model.vision_encoder.backbone.compile()
    for part in (model.detr_encoder, model.detr_decoder, model.mask_decoder):
        part.config._attn_implementation = "eager"  # a fifth faster here: the fused kernel's backward is slow on a CPU
    head = DenseHead(160, 64)
    both = nn.ModuleDict({"model": model, "head": head, "match": MatchHead()})
    _warm_start(both, config, out / "dense", tracker.part("dense"))
    _learn_words(both, tokenizer, config, out / "matching", tracker.part("matching"))
    learned = ("model.vision_encoder.", "model.text_", "match.")
    known = [p for n, p in both.named_parameters() if n.startswith(learned)]
    new = [p for n, p in both.named_parameters() if not n.startswith(learned)]
    groups = [{"params": known, "lr": config["known_rate"]}, {"params": new, "lr": config["rate"]}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    loop = Loop(out / "concepts", both, optimizer, minutes=config["minutes"], track=tracker.part("concepts"))
    rng = np.random.default_rng([config["seed"], 1, loop.step])
    while not loop.finished:
        scenes = _next_scenes(loop, config, config["images"], start=10**7)
        terms = concept_terms(both, tokenizer, scenes, rng, config["phrases"])
        loop.update(torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum())
        loop.record(len(scenes) * config["phrases"], {name: float(value.detach()) for name, value in terms.items()})
    loop.save()
    save(model, tokenizer, out / "final")


def concept_terms(
    both: nn.ModuleDict, tokenizer: Any, scenes: list[TrainingScene], rng: np.random.Generator, count: int
) -> dict[str, Tensor]:
    """All losses of one batch of scenes with `count` phrases each; `WEIGHTS` adds them up."""
    model: Any = both["model"]
    texts, image_of, targets, boxes = concept_batch(scenes, rng, count, scenes[0].index.shape[0] // 2)
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vision = model.vision_encoder(pixels(scenes))
        text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output
        found = detect(model, vision, text, tokens.attention_mask.bool(), image_of, hints_near(boxes, 5))
        fit = both["match"](vision, text, tokens.attention_mask.sum(1) - 1, image_of)
        dense = both["head"](vision)
    terms = concept_losses(found, targets, boxes)
    return {**terms, "match": match_loss(fit, targets), "dense": dense_loss(dense, *dense_targets(scenes, 2))}


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
        scenes = _next_scenes(loop, config, 32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = head(model.vision_encoder(pixels(scenes)))  # type: ignore[operator]
        wanted = dense_targets(scenes, 2)
        loss = dense_loss(logits, *wanted)
        loop.update(loss)
        guess = logits[:, : len(CATEGORIES) + 1].argmax(1)
        categories = wanted[0]
        object_pixels = categories > 0
        loop.record(
            len(scenes),
            {
                "loss": float(loss.detach()),
                "category accuracy": float((guess == categories)[object_pixels].float().mean()),
            },
        )
    loop.save()


def _learn_words(both: nn.ModuleDict, tokenizer: Any, config: Sam3Recipe, out: Path, track: Track) -> None:
    """Bring text and image features together by a dot product: ten times the phrases a second of the whole detector."""
    model, head = both["model"], both["head"]
    optimizer = torch.optim.AdamW(both.parameters(), lr=config["match_rate"], betas=(0.9, 0.98), fused=True)
    loop = Loop(out, both, optimizer, minutes=config["match_minutes"], track=track)
    rng = np.random.default_rng([config["seed"], 2, loop.step])
    while not loop.finished:
        scenes = _next_scenes(loop, config, 24, start=5 * 10**6)
        texts, image_of, targets, _ = concept_batch(scenes, rng, 16, config["image_size"] // 2)
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vision = model.vision_encoder(pixels(scenes))  # type: ignore[operator]
            text = model.get_text_features(tokens.input_ids, tokens.attention_mask).pooler_output  # type: ignore[operator]
            fit = both["match"](vision, text, tokens.attention_mask.sum(1) - 1, image_of)
            dense = head(vision)
        words = match_loss(fit, targets)
        loop.update(words + dense_loss(dense, *dense_targets(scenes, 2)))
        present = torch.tensor([len(t) > 0 for t in targets])
        right = (fit.amax(1) > 0) == present
        loop.record(len(texts), {"match": float(words.detach()), "presence accuracy": float(right.float().mean())})
    loop.save()


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the checkpoint in half precision, as `Sam3Model.from_pretrained` and `AutoTokenizer` read it."""
    shutil.rmtree(folder, ignore_errors=True)
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=half)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))


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
    """Boxes `[P, slots, 4]` off the targets by up to half their extent; slots without a target are at the centre."""
    hints = torch.full((len(target_boxes), slots, 4), 0.5)
    for p, boxes in enumerate(target_boxes):
        kept = boxes[:slots]
        centre = kept[:, :2] + (torch.rand(len(kept), 2) - 0.5) * kept[:, 2:].clamp(min=0.2)
        extent = kept[:, 2:] * torch.exp((torch.rand(len(kept), 2) - 0.5) * 1.4)
        hints[p, : len(kept)] = torch.cat([centre, extent], 1).clamp(0.02, 0.98)
    return hints
