"""Trains InstructSAM on tabletop scenes; `e2e.instructsam.recipe` says how."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from e2e.instructsam.alignment import align
from e2e.instructsam.checkpoint import locate
from e2e.instructsam.examples import Convention, Example, collate
from e2e.instructsam.forward import TrainingOutput, training_forward
from e2e.instructsam.inference import Predictor
from e2e.instructsam.model import InstructSam
from e2e.instructsam.parts import from_parts
from e2e.instructsam.processor import Processor
from e2e.instructsam.recipe import Config
from e2e.instructsam.tabletop import WORDS, Asked, Task, conversations, draw, evaluate
from workbench.errors import ConfigurationError
from workbench.tabletop.scenes import Scene
from workbench.training.loop import Loop

DETECTOR_GROUP = ("model.grounding_model.", "model.mask_hidden_fcs.", "model.text_hidden_fcs.", "model.mask_queries")
"""Tensors with the detector's learning rate; all others have the language model's."""


def train(config: Config, out: Path) -> None:
    """Run the recipe; the result is in `final` of the output folder."""
    torch.manual_seed(config["seed"])
    convention, task = _convention(config), _task(config)
    model, processor = start(config)
    model.to(config.get("device", "cpu")).train()
    if model.device.type == "cpu":
        _attend_eagerly(model)
    loop = Loop(out, model, optimizer(model, config), minutes=config["minutes"])
    validation = [draw(0, number, task, "val") for number in range(config.get("validation_scenes", 40))]
    every, evaluated = config.get("evaluate_every", 10.0) * 60, loop.elapsed
    passes = config.get("accumulate", 1)
    detector = [parameter for parameter in model.detector.parameters() if parameter.requires_grad]
    while not loop.finished:
        aligned = loop.elapsed >= config.get("align_minutes", 0.0) * 60
        for parameter in detector:
            parameter.requires_grad_(aligned)
        count, parts = 0, dict.fromkeys(("text", "bce", "dice", "score"), 0.0)
        for number in range(passes):
            drawn = _scenes(config, task, loop.step * passes + number)
            output = step(model, processor, *conversations(drawn, model.slots), convention)
            count += sum(len(asked) for _, asked in drawn)
            for name, value in _parts(output).items():
                parts[name] += value / passes
            if number + 1 < passes:
                (output.loss / passes).backward()  # type: ignore[no-untyped-call]
        loop.update(output.loss / passes)
        loop.record(count, parts)
        if loop.elapsed - evaluated > every and not loop.finished:
            save(model, processor, out / "final")
            _evaluate(loop, model, processor, validation)
            evaluated = loop.elapsed
    loop.save()
    save(model, processor, out / "final")
    _evaluate(loop, model, processor, validation)


def start(config: Config) -> tuple[InstructSam, Processor]:
    """The model and processor that a configuration starts from."""
    if "start" in config:
        folder = locate(config["start"])
        model = InstructSam.from_pretrained(folder)
        processor = Processor.from_pretrained(folder, model.config)
    elif "language_model" in config and "segmenter" in config:
        model, processor = from_parts(config["language_model"], config["segmenter"], slots=config.get("slots", 10))
        align(model, processor.tokenizer, locate(config["segmenter"]), WORDS)
    else:
        raise ConfigurationError("expected either `start`, or `language_model` and `segmenter`")
    own = model.config
    own.loss_sample_points = config.get("sample_points", own.loss_sample_points)
    own.bce_loss_weight = config.get("bce_weight", own.bce_loss_weight)
    own.dice_loss_weight = config.get("dice_weight", own.dice_loss_weight)
    own.cls_loss_weight = config.get("score_weight", own.cls_loss_weight)
    return model, processor


def optimizer(model: InstructSam, config: Config) -> torch.optim.Optimizer:
    """AdamW over the tensors that train, in two groups; sets `requires_grad` on all."""
    language: list[nn.Parameter] = []
    detector: list[nn.Parameter] = []
    frozen = tuple(config["frozen"])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen))
        if parameter.requires_grad:
            (detector if name.startswith(DETECTOR_GROUP) else language).append(parameter)
    groups = [{"params": language, "lr": config["rate"]}, {"params": detector, "lr": config["detector_rate"]}]
    trained = [group for group in groups if group["params"]]
    if not trained:
        raise ConfigurationError(f"frozen: nothing is left to train, got {list(frozen)}")
    return torch.optim.AdamW(trained, weight_decay=0.02, betas=(0.9, 0.98), fused=True)


def step(
    model: InstructSam,
    processor: Processor,
    images: Sequence[NDArray[np.uint8]],
    examples: Sequence[Example],
    convention: Convention,
) -> TrainingOutput:
    """Forward pass of one batch in bfloat16; conversations about one image share its features."""
    device = model.device
    patches, grids = processor.qwen_images(images)
    pixels = processor.sam_images(images)
    batch = collate(model, processor, examples, grids, convention)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        tokens = model.encode_images(patches.to(device), grids.to(device))
        vision = model.detector.encode(pixels.to(device))
        return training_forward(model, batch, tokens, vision)


def save(model: InstructSam, processor: Processor, folder: Path) -> None:
    """Write a checkpoint in half precision, as `Predictor.from_pretrained` reads it."""
    shutil.rmtree(folder, ignore_errors=True)
    half = {name: tensor.half() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del half["lm_head.weight"]
    model.save_pretrained(folder, state_dict=half)
    processor.save_pretrained(folder)


def _attend_eagerly(model: InstructSam) -> None:
    """Where gradients flow, fused attention takes twice as long on a CPU."""
    detector = model.detector
    for part in (model.model.language_model, detector.detr_encoder, detector.detr_decoder, detector.mask_decoder):
        part.config._attn_implementation = "eager"


def _scenes(config: Config, task: Task, number: int) -> list[tuple[Scene, list[Asked]]]:
    first = number * config["images"]
    return [draw(config["seed"], n, task) for n in range(first, first + config["images"])]


def _parts(output: TrainingOutput) -> dict[str, float]:
    parts = {"text": float(output.text.detach())}
    if output.slots is not None:
        losses = {"bce": output.slots.bce, "dice": output.slots.dice, "score": output.slots.score}
        parts |= {name: float(loss.detach()) for name, loss in losses.items()}
    return parts


def _evaluate(
    loop: Loop, model: InstructSam, processor: Processor, scenes: Sequence[tuple[Scene, Sequence[Asked]]]
) -> None:
    model.eval()
    figures = evaluate(Predictor(model, processor, max_new_tokens=32), scenes)
    model.train()
    loop.log({f"val {name}": value for name, value in figures.items()})


def _task(config: Config) -> Task:
    if not 0 <= config["phrase_share"] <= 1:
        raise ConfigurationError(f"phrase_share: expected a share in [0, 1], got {config['phrase_share']}")
    return Task(config["image_size"], config["conversations"], config["phrase_share"])


def _convention(config: Config) -> Convention:
    convention = config.get("convention", "inference")
    if convention == "inference":
        return "inference"
    if convention == "reference":
        return "reference"
    raise ConfigurationError(f"convention: expected inference or reference, got {convention!r}")
