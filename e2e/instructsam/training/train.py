"""Trains InstructSAM on pictures with questions; `e2e.instructsam.training.recipe` says how."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from e2e.instructsam.config import InstructSamConfig, check_bank
from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.alignment import align
from e2e.instructsam.training.assembly import MADE, Queries, from_parts
from e2e.instructsam.training.examples import Convention
from e2e.instructsam.training.losses import Aids
from e2e.instructsam.training.passes import Pass, losses, prepared
from e2e.instructsam.training.placing import choose, put
from e2e.instructsam.training.recipe import Config
from e2e.instructsam.training.slot_head import SlotHead, place_slots
from e2e.single_pass.dry_run import cost, look
from e2e.single_pass.feed import Feed
from e2e.single_pass.processor import Processor
from e2e.single_pass.tabletop_task import WORDS, Task, draw
from e2e.single_pass.validation import Validator
from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import locate
from workbench.foundations.devices import AUTO, usable
from workbench.foundations.loading import no_bars
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.tally import DATA, Tally
from workbench.foundations.training.distributed import Processes, join
from workbench.foundations.training.loop import Loop
from workbench.foundations.training.lora import adapt, merged_state
from workbench.foundations.training.memory import check_memory
from workbench.foundations.training.precision import held_precision, precision_of, validating
from workbench.foundations.training.prefetch import ahead, weightless
from workbench.foundations.training.sharding import gathered, is_sharded
from workbench.foundations.training.tracker import Tracker
from workbench.foundations.training.validation import Validation
from workbench.plugins.marks import tried_by

QUERIES = "model.mask_queries"
DETECTOR_GROUP = ("model.grounding_model.", "model.mask_hidden_fcs.", "model.text_hidden_fcs.")
"""Tensors with the detector's learning rate; all others but the mask queries have the language model's."""
PLACES = 2 * 10**8
"""The first of the scenes whose image tokens slots start from."""


def dry_run(config: Config, out: Path) -> None:
    """Print and draw what the training would see, and what a step of it needs; nothing is trained."""
    convention, precision, aids = _convention(config), precision_of(config), _aids(config)
    device, alone = torch.device(usable(config.get("device", AUTO))), Processes()
    feed = open_feed(config, out, _task(config), alone)
    look(feed, out)
    Validation.of(config, out, feed.sources)
    model, processor = start({**config, "align": False}, feed)
    planner = model if device.type == "cpu" else _planner(model)
    put(model, {**config, "fsdp": False}, alone, device)
    head = _head(model, config, device)

    def once(number: int) -> Tensor:
        return losses(model, head, prepared(planner, processor, feed, number, convention), precision, aids)[0]

    check_memory(model, optimizer(model, config), lambda: once(0), device, config)
    cost(feed, config, config.get("accumulate", 1), once, model, device)


@tried_by(dry_run)
def train(config: Config, out: Path) -> None:
    """Train InstructSAM; the checkpoint is in `final` of the output folder.

    Several processes, started by `accelerate launch`, each take pictures of their own and average their gradients.
    """
    convention, task, precision, aids = _convention(config), _task(config), precision_of(config), _aids(config)
    if not config["images"] and not config.get("more", 0):
        raise ConfigurationError("images and more: expected one above 0, got 0 for both: nothing would be trained")
    asked_for = usable(config.get("device", AUTO))
    processes = join(asked_for)
    passes = config.get("accumulate", 1)
    feed = open_feed(config, out, task, processes)
    steps = feed.steps(config, passes * processes.count)
    benchmarks = Validation.of(config, out, feed.sources)
    torch.manual_seed(config["seed"])
    model, processor = start(config, feed)
    device = processes.place(asked_for)
    # batches are made on the CPU; a copy, or a worker's, keeps the slots' places of the start, which hardly move
    planner = model if device.type == "cpu" else _planner(model)
    put(model, config, processes, device)
    head = _head(model, config, model.device)
    adam = optimizer(model, config)
    if head:
        adam.add_param_group({"params": list(head.parameters()), "lr": 1e-3})
    if processes.number:
        torch.manual_seed(config["seed"] + processes.number)  # dropout of its own; the weights are made
    check_memory(
        model,
        adam,
        lambda: losses(model, head, prepared(planner, processor, feed, processes.number, convention), precision, aids),
        device,
        config,
    )
    with nullcontext() if processes.number else Tracker(out, config, config.get("tracking_uri")) as tracker:
        loop = Loop(
            out,
            nn.ModuleDict({"model": model, "head": head}) if head else model,
            adam,
            minutes=config["minutes"],
            steps=steps,
            save_every=config.get("save_every"),
            processes=processes,
            track=tracker.log if tracker else None,
        )
        validator = Validator(config, benchmarks, task, loop)
        tally = Tally(out / DATA, [source.options.name for source in feed.sources])
        detector = [parameter for parameter in model.detector.parameters() if parameter.requires_grad]

        def make(number: int) -> Pass:
            """Pass `number` of this process."""
            return prepared(planner, processor, feed, number * processes.count + processes.number, convention)

        batches = ahead(make, loop.step * passes, config.get("workers", 0))
        while not loop.finished:
            aligned = loop.elapsed >= config.get("align_minutes", 0.0) * 60
            for parameter in detector:
                parameter.requires_grad_(aligned)
            count, parts = 0, dict[str, float]()
            for number in range(passes):
                seen = next(batches)
                loss, values = losses(model, head, seen, precision, aids)
                count += seen.report.questions * processes.count
                tally.add(seen.report)
                for name, value in values.items():
                    parts[name] = parts.get(name, 0.0) + value / passes
                if number + 1 < passes:
                    (loss / passes).backward()  # type: ignore[no-untyped-call]
            loop.update(loss / passes)
            epochs = feed.epochs(loop.step + 1, passes * processes.count)
            loop.record(count, {**parts, **tally.step(), **({} if epochs is None else {"epochs": epochs})})
            if validator.due():
                _finish(loop, model, processor, validator, precision)
        loop.save()
        _finish(loop, model, processor, validator, precision)
    processes.close()


def _planner(model: InstructSAM) -> InstructSAM:
    """A copy that makes batches: it knows where slots start to look."""
    return weightless(model, model.detector.detr_decoder.reference_points.weight)


def _head(model: InstructSAM, config: Config, device: torch.device) -> SlotHead | None:
    """What tells the slots what stands where they start, if there are slots and `more` pictures for it."""
    if not (config.get("more", 0) and model.config.query_bank):
        return None
    return SlotHead(model.config.text_config.hidden_size).to(device)


def open_feed(config: Config, out: Path, task: Task, processes: Processes) -> Feed:
    """The pictures that a configuration learns from. A phrase with more instances than the model has slots cannot be
    expressed, and is left out as in the reference."""
    most = config.get("slots", 10)
    if "start" in config:
        most = InstructSamConfig.from_pretrained(locate(config["start"])).max_seg_nums
    return Feed(config, out, task, Limits(most, boxes=True), processes)


def start(config: Config, feed: Feed | None = None) -> tuple[InstructSAM, Processor]:
    """The model and processor that a configuration starts from; `feed` has the phrases that it learns from."""
    if "start" in config:
        folder = locate(config["start"])
        model = InstructSAM.from_pretrained(folder, dtype=held_precision(folder, precision_of(config)))
        processor = Processor.from_pretrained(folder, model.config)
        if config.get("query_bank", model.config.query_bank) != model.config.query_bank:
            raise ConfigurationError(
                f"query_bank: expected {str(model.config.query_bank).lower()}, as {folder} has it, "
                f"got {str(config['query_bank']).lower()}; it is chosen in stage 1"
            )
    elif "language_model" in config and "segmenter" in config:
        model, processor = from_parts(
            config["language_model"],
            config["segmenter"],
            slots=config.get("slots", 10),
            queries=_queries(config),
            query_bank=config.get("query_bank", True),
            zero_slots=config.get("zero_slots", False),
            precision=precision_of(config),
        )
        if config.get("align", True):
            phrases = feed.phrases() if feed else []
            align(model, processor.tokenizer, locate(config["segmenter"]), {p: p for p in phrases} or WORDS)
    else:
        raise ConfigurationError("expected either `start`, or `language_model` and `segmenter`")
    if "max_pixels" in config:
        processor.limit(config["max_pixels"])
    own = model.config
    own.loss_sample_points = config.get("sample_points", own.loss_sample_points)
    own.bce_loss_weight = config.get("bce_weight", own.bce_loss_weight)
    own.dice_loss_weight = config.get("dice_weight", own.dice_loss_weight)
    own.cls_loss_weight = config.get("score_weight", own.cls_loss_weight)
    own.duplicate_loss_weight = config.get("duplicate_weight", own.duplicate_loss_weight)
    own.slots_causal = config.get("slots_causal", own.slots_causal)
    own.phrase_conditioning = config.get("phrase_conditioning", own.phrase_conditioning)
    own.match_starts = config.get("match_starts", own.match_starts)
    check_bank(own)
    if config.get("place_slots", False):
        if not own.query_bank:
            raise ConfigurationError("place_slots: expected false where query_bank is false (no slots), got true")
        numbers = range(PLACES, PLACES + config.get("place_scenes", 320))
        seen = [draw(config["seed"], number, _task(config))[0].image for number in numbers]
        place_slots(model, processor, seen)
    adapt(model, config)
    return model, processor


def optimizer(model: InstructSAM, config: Config) -> torch.optim.Optimizer:
    """AdamW over the tensors that train, in two groups; sets `requires_grad` on all.

    With LoRA, nothing of the language model's layers and last norm trains but the adapters.
    """
    choose(model, config)
    language: list[nn.Parameter] = []
    detector: list[nn.Parameter] = []
    queries: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            own = queries if name == QUERIES else detector if name.startswith(DETECTOR_GROUP) else language
            own.append(parameter)
    rates = config["rate"], config["detector_rate"], config.get("query_rate", config["detector_rate"])
    # one call of the optimiser takes either sharded tensors or whole ones
    groups = [
        {"params": [parameter for parameter in group if is_sharded(parameter) is sharded], "lr": rate}
        for group, rate in zip((language, detector, queries), rates, strict=True)
        for sharded in (False, True)
    ]
    trained = [group for group in groups if group["params"]]
    return torch.optim.AdamW(trained, weight_decay=0.02, betas=(0.9, 0.98), fused=True)


def save(model: InstructSAM, processor: Processor, folder: Path, *, write: bool = True) -> None:
    """Write a checkpoint, as `Predictor.from_pretrained` reads it; adapters are merged. It is in bfloat16 where weights
    are held in it, else in half precision. Collective where layers are sharded; `write`: in this process."""
    held = any(parameter.dtype == torch.bfloat16 for parameter in model.parameters())
    tensors = merged_state(model, torch.bfloat16 if held else torch.float16)
    if not write:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if model.config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    with no_bars():
        model.save_pretrained(folder, state_dict=tensors)
    processor.save_pretrained(folder)


def _finish(loop: Loop, model: InstructSAM, processor: Processor, validator: Validator, precision: torch.dtype) -> None:
    """Write the checkpoint and log how it does; of several processes the first one does both."""
    figures: dict[str, float] = {}
    first = not loop.processes.number
    save(model, processor, loop.out / "final", write=first)
    with gathered(model):
        if first:
            model.eval()
            with validating(model, precision):
                figures = validator.run(lambda **more: Predictor(model, processor, **{"max_new_tokens": 32, **more}))
            model.train()
    validator.done()
    loop.log(figures)


def _task(config: Config) -> Task:
    if not 0 <= config["phrase_share"] <= 1:
        raise ConfigurationError(f"phrase_share: expected a share in [0, 1], got {config['phrase_share']}")
    return Task(config["image_size"], config["conversations"], config["phrase_share"])


def _aids(config: Config) -> Aids:
    aids = Aids(config.get("box_weight", 0.0), config.get("union_weight", 0.0))
    weights = {
        "box_weight": aids.box,
        "union_weight": aids.union,
        "duplicate_weight": config.get("duplicate_weight", 0.0),
    }
    for name, weight in weights.items():
        if not weight >= 0:
            raise ConfigurationError(f"{name}: expected 0 or more, got {weight}")
    return aids


def _convention(config: Config) -> Convention:
    convention = config.get("convention", "inference")
    if convention == "inference":
        return "inference"
    if convention == "reference":
        return "reference"
    raise ConfigurationError(f"convention: expected inference or reference, got {convention!r}")


def _queries(config: Config) -> Queries:
    queries = config.get("queries", "spaced")
    if not config.get("query_bank", True) and queries in MADE:
        raise ConfigurationError(
            f"queries: expected spaced or first, the segmenter's own, beside query_bank: false, got {queries}"
        )
    if queries == "spaced":
        return "spaced"
    if queries == "first":
        return "first"
    if queries == "grid":
        return "grid"
    if queries == "spread":
        return "spread"
    raise ConfigurationError(f"queries: expected spaced, first, grid or spread, got {queries!r}")
