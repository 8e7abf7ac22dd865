"""Fine-tunes the tiny language model on the agent's own turns: the real graph runs over pictures with a teacher in the
model's place, and the model learns the teacher's replies.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.language_models.qwen_chat import QwenChat
from agents.loop.graph import run
from agents.loop.workspace import Workspace
from agents.options import TINY
from agents.prompts.texts import Prompts
from agents.systems import Sam3Agent, sam3_agent_tiny
from agents.training.episodes import Batch, Episodes, open_stream
from agents.training.noisy import NoisyTruth
from agents.training.recipe import Config
from agents.training.runs import check_runs_apart
from agents.training.teacher import FITS
from agents.training.told import STREAM, AgentScenes
from workbench.data.masks import Rle, encode, iou_matrix
from workbench.foundations.checkpoints import locate
from workbench.foundations.devices import AUTO, usable
from workbench.foundations.qwen.model import answer_loss, save
from workbench.foundations.training.data.options import TABLETOP, SourceOptions
from workbench.foundations.training.data.stream import Stream, steps_of
from workbench.foundations.training.data.survey import FIGURE, look
from workbench.foundations.training.data.tally import DATA, Tally
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.lora import adapt, is_adapter
from workbench.foundations.training.measuring import measured
from workbench.foundations.training.memory import check_memory
from workbench.foundations.training.precision import autocast, held_precision, hold, precision_of
from workbench.foundations.training.prefetch import ahead
from workbench.foundations.training.tracker import Tracker
from workbench.foundations.training.validation import Validation, copied, kept_random
from workbench.plugins.marks import tried_by
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.scenes import Scene, make_scene


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


def dry_run(config: Config, out: Path) -> None:
    """Print and draw what the training would see, and what a step of it needs; nothing is trained."""
    device, precision = torch.device(usable(config.get("device", AUTO))), precision_of(config)
    stream = open_stream(config, out / DATA)
    scenes = AgentScenes(config["seed"], config["image_size"], config["instructions"], SourceOptions(TABLETOP))
    look(stream or Stream([scenes], config["seed"]), out / FIGURE)
    Validation.of(config, out, stream.sources if stream else [])
    model, tokenizer = _start(config, precision)
    model.to(device).train()
    with TemporaryDirectory() as folder:
        _write_chat(model, tokenizer, Path(folder), config["image_size"])
        episodes = Episodes(config, QwenChat(Path(folder)), stream)

        def once(number: int) -> Tensor:
            with autocast(device.type, precision):
                return loss(model, episodes.batch(number).to(device))

        check_memory(model, _optimizer(model, config), lambda: once(0), device, config)
        found = measured(once, model, device)
    steps = steps_of(config, stream, config["scenes"])
    print(found.text(1, steps, config["minutes"], stream.epoch / config["scenes"] if stream else None))


@tried_by(dry_run)
def train(config: Config, out: Path) -> None:
    """Fine-tune a tiny language model on the agent's turns.

    Writes the checkpoint to `final` in the output folder, and the scores of a test to `validation.json`.
    """
    precision = precision_of(config)
    device = torch.device(usable(config.get("device", AUTO)))
    stream = open_stream(config, out / DATA)
    sources = stream.sources if stream else []
    steps, benchmarks = steps_of(config, stream, config["scenes"]), Validation.of(config, out, sources)
    check_runs_apart(sources, [one.benchmark.identity() for one in benchmarks.asked] if benchmarks else [])
    torch.manual_seed(config["seed"])
    model, tokenizer = _start(config, precision)
    model = model.to(device).train()
    start, final = out / "start", out / "final"
    _write_chat(model, tokenizer, start, config["image_size"])
    episodes = Episodes(config, QwenChat(start), stream)
    optimizer = _optimizer(model, config)

    def once() -> None:
        known = Episodes({**config, "real": 0.0}, episodes.chat, stream)  # the segmenter belongs to the workers
        with autocast(device.type, precision):
            loss(model, known.batch(0).to(device))

    check_memory(model, optimizer, once, device, config)

    def evaluated(step: int) -> dict[str, float]:
        """The numbers of the checkpoint as it is now, which `final` then has."""
        _write(model, tokenizer, final, config["image_size"])
        if benchmarks is None:
            with kept_random():
                found = validate(final, config["validation"], size, episodes.prompts)
            return {f"val {name}": score for name, score in found.items()}
        result = benchmarks.run(lambda _: _system(config, final), step)
        if result.best:
            copied(final, out / "best")
        return result.numbers

    size, every = config["image_size"], config.get("evaluate_steps", 0)
    with Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(out, model, optimizer, minutes=config["minutes"], steps=steps, track=tracker.log)
        tally = Tally(out / DATA, [source.options.name for source in sources])
        batches = ahead(episodes.batch, loop.step, config["workers"])
        while not loop.finished:
            batch = next(batches)
            with autocast(device.type, precision):
                value = loss(model, batch.to(device))
            loop.update(value)
            seen: dict[str, float] = {}
            if stream and batch.report:
                tally.add(batch.report)
                seen = {**tally.step(), "epochs": (loop.step + 1) * config["scenes"] / stream.epoch}
            loop.record(batch.episodes, {"loss": float(value.detach()), **seen})
            if every and not loop.finished and loop.step % every == 0:
                loop.log(evaluated(loop.step))
        loop.save()
        figures = evaluated(loop.step)
        loop.log(figures)
    scores = {name.removeprefix("val "): score for name, score in figures.items()}
    (out / "validation.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")


def _start(config: Config, precision: torch.dtype) -> tuple[Any, Any]:
    """The model and tokenizer that a configuration starts from. With LoRA nothing trains but the adapters, and the
    weights that do not train stay in bfloat16 where they are stored in it."""
    from transformers import Qwen3VLForConditionalGeneration

    from workbench.foundations.loading import load_model, load_tokenizer

    base = locate(config["base"])
    model = load_model(Qwen3VLForConditionalGeneration, base, held_precision(base, precision))
    if adapt(model, config):
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(is_adapter(name))
    hold(model.parameters())
    return model, load_tokenizer(base)


def _optimizer(model: Any, config: Config) -> torch.optim.Optimizer:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=config["rate"], weight_decay=0.02, betas=(0.9, 0.98))


def _system(config: Config, checkpoint: Path) -> Sam3Agent:
    """The agent with a checkpoint and the segmenter of the recipe."""
    folder = config.get("segmenter_checkpoint", "")
    parts = replace(TINY, checkpoint=str(checkpoint), segmenter=config["segmenter"], segmenter_checkpoint=folder)
    return sam3_agent_tiny(replace(parts, prompts=config.get("prompts", TINY.prompts)))


def validate(checkpoint: Path, count: int, image_size: int, prompts: Prompts) -> dict[str, float]:
    """Scores of the agent with a checkpoint and the true masks, over `count` instructions about validation scenes: the
    share that ends with an answer, the shares that are answered exactly (with targets, without), requests a sample."""
    from agents.language_models.embedded import EmbeddedQwen

    model = EmbeddedQwen(checkpoint)
    ended: list[bool] = []
    exact, requests = {"targets": [0, 0], "no targets": [0, 0]}, 0
    number = 0
    while len(ended) < count:
        rng = np.random.default_rng([STREAM, number])
        number += 1
        scene = make_scene(rng, image_size, "val")
        for asked in instructions(scene, rng, min(4, count)):
            work = Workspace(scene.image, asked.text, model, NoisyTruth(scene, rng, noise=0.0), prompts, TINY)
            state = run(work)
            ended.append(state["ending"] is None)
            tally = exact["targets" if asked.targets else "no targets"]
            tally[0] += _exact(scene, asked, [work.masks[i].mask for i in state["selected"]], answered=ended[-1])
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
    _write_chat(model, tokenizer, folder, image_size)


def _write_chat(model: Any, tokenizer: Any, folder: Path, image_size: int) -> None:
    """What `QwenChat` reads of a checkpoint: all but its weights."""
    tokenizer.save_pretrained(folder)
    pixels, vision = image_size**2, model.config.vision_config
    processor = {
        "size": {"shortest_edge": pixels, "longest_edge": pixels},
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n", encoding="utf-8")
