"""Speed of InstructSAM: the reference's way against ours, in one run on one machine.

    .venv/bin/python -m speed.instructsam
    .venv/bin/python -m speed.instructsam --measure throughput --compile
    .venv/bin/python -m speed.instructsam --shape 2b --device cuda --dtype bfloat16
    .venv/bin/python -m speed.instructsam --measure slots --rounds 20 --json k.json --figure k.png

The reference's way (`speed/reference_way.py`) answers one sample at a time and shares nothing: both vision encoders,
the whole prompt and every token of the answer, for each instruction, with transformers' layers and `generate()`. Ours
answers batches in which the instructions about one image share its features and the beginning of their prompts. Both
are this project's code on the same weights and give the same answers. All ways take turns in every round, so that a
machine that slows down slows all of them; figures are medians over the rounds, and a ratio is the median of the
rounds' own ratios. `--clock processor` counts the seconds of the processors, for a machine that is busy otherwise.

Random weights (`--shape 2b`, and all rows about the number of slots and phrases) run the same operations on the same
shapes; what they write is given, two words for each phrase (`speed/scripted.py`).
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from e2e.instructsam.config import InstructSamConfig, published_config
from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from e2e.instructsam.system import parts_of
from e2e.options import DETECTOR, TINY, VISION
from e2e.single_pass.preprocess import PatchSettings
from e2e.single_pass.processor import Processor
from e2e.single_pass.tokens import token_ids
from reports.figures.latency import latency_against
from speed.reference_way import ReferenceWay
from speed.scripted import ScriptedPredictor, script
from workbench.data.errors import ConfigurationError
from workbench.foundations.compression import compile_parts
from workbench.foundations.training.tokenizer import chat_tokenizer
from workbench.metrics.latency import durations
from workbench.metrics.statistics import Weights, estimate, percentile_intervals
from workbench.tabletop.grammar import instructions
from workbench.tabletop.phrases import ALL_PHRASES
from workbench.tabletop.scenes import make_scene

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MEASURES = ("throughput", "slots", "phrases")
PER_IMAGE = 8
LONGEST = 48
"""Tokens after which an answer of a checkpoint ends in any case."""
Asked = tuple[NDArray[np.uint8], list[str]]
"""An image and the instructions about it."""


@dataclass(frozen=True)
class Way:
    """A way to answer all samples: in calls of some images with some instructions each."""

    name: str
    images: int
    instructions: int

    def calls(self, asked: Sequence[Asked]) -> list[list[Asked]]:
        """The samples in calls; all ways answer the same ones."""
        split = [
            (image, texts[first : first + self.instructions])
            for first in range(0, PER_IMAGE, self.instructions)
            for image, texts in asked
        ]
        return [split[first : first + self.images] for first in range(0, len(split), self.images)]


REFERENCE = Way("reference", 1, 1)
WAYS = (
    REFERENCE,
    Way("ours, batch 1", 1, 1),
    Way("ours, batch 8: 8 images, 1 instruction each", 8, 1),
    Way("ours, batch 8: 1 image, 8 instructions", 1, 8),
    Way("ours, batch 32: 4 images, 8 instructions each", 4, 8),
)
COMPILED = Way("ours, batch 1, compiled parts", 1, 1)


def scenes(size: int, images: int) -> list[Asked]:
    """Test scenes of tabletop, `size` pixels wide, with 8 instructions each."""
    drawn: list[Asked] = []
    number = 0
    while len(drawn) < images:
        rng = np.random.default_rng([0xBE7C4, number])
        scene = make_scene(rng, size, "test")
        texts = [asked.text for asked in instructions(scene, rng, PER_IMAGE)]
        drawn += [(scene.image, texts)] if len(texts) == PER_IMAGE else []
        number += 1
    return drawn


def random_predictor(
    config: InstructSamConfig, processor: Processor, slots: int, device: str, dtype: torch.dtype, phrases: int = 1
) -> ScriptedPredictor:
    """A model of this shape with random weights, made on the device. It answers with the given number of phrases of two
    words.
    """
    record = {**config.to_dict(), "max_seg_nums": slots}
    config = InstructSamConfig(**{**record, "sam3_config": config.sam3_config.__class__(**record["sam3_config"])})
    config.sam3_config.detr_decoder_config.num_queries = slots
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = InstructSAM(config).to(dtype).eval()  # its parts are made in precisions of their own
    finally:
        torch.set_default_dtype(before)
    model.lay_together()
    processor = Processor(processor.tokenizer, config, processor.patches)
    return script(Predictor(model, processor, max_new_tokens=256), phrases)


def shape_2b() -> tuple[InstructSamConfig, Processor]:
    """The published 2B shape, see `named_for`."""
    return named_for(published_config())


def named_for(config: InstructSamConfig) -> tuple[InstructSamConfig, Processor]:
    """A configuration with a small tokenizer of ours and its special tokens: no download is needed."""
    tokenizer = chat_tokenizer([*ALL_PHRASES, "user\n", "assistant\n"], vocabulary=1000)
    ids = tokenizer.convert_tokens_to_ids
    own = {
        **token_ids(tokenizer),
        "image_token_id": ids("<|image_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
    }
    for name, value in own.items():
        setattr(config, name, value)
    return config, Processor(tokenizer, config, PatchSettings.from_config(config.vision_config, {}))


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def seconds(predictor: Predictor, call: Sequence[Asked], clock: str = "wall") -> float:
    """Of one call, from pixels and words to masks, on a GPU until it has finished: wall clock, or the seconds of all
    processors that this process used, which other work on the machine hardly changes."""
    return timed(
        lambda: predictor.segment_instructions([image for image, _ in call], [texts for _, texts in call]),
        predictor,
        clock,
    )


def reference_seconds(way: ReferenceWay, call: Sequence[Asked], clock: str) -> float:
    """As `seconds`, in the reference's way."""
    return timed(lambda: [way.answer(image, text) for image, texts in call for text in texts], way.predictor, clock)


def timed(action: Callable[[], Any], predictor: Predictor, clock: str) -> float:
    """Seconds of an action, on a GPU until it has finished."""
    now = CLOCKS[clock]
    begun = now()
    action()
    if predictor.model.device.type == "cuda":
        torch.cuda.synchronize()
    return now() - begun


def take_turns(arms: Mapping[str, Callable[[], list[float]]], rounds: int) -> dict[str, list[list[float]]]:
    """Run all arms once to warm up, then `rounds` times in turn; the call durations of each arm and round."""
    for arm in arms.values():
        arm()
    timings: dict[str, list[list[float]]] = {name: [] for name in arms}
    for number in range(rounds):
        for name, arm in arms.items():
            timings[name].append(arm())
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return timings


def throughput(
    predictors: Mapping[str, Predictor],
    asked: Sequence[Asked],
    rounds: int,
    clock: str = "wall",
    compiled: Mapping[str, Predictor] | None = None,
) -> list[dict[str, Any]]:
    """Samples per second and latency of every way, in every precision, against the reference's way in the first.
    `compiled`: the same models once more, with compiled parts, for a way of their own."""
    samples = len(asked) * PER_IMAGE
    arms: dict[str, Callable[[], list[float]]] = {}
    for dtype, predictor in predictors.items():
        reference = partial(reference_seconds, ReferenceWay(predictor), clock=clock)
        ours = partial(seconds, predictor, clock=clock)
        for way in WAYS:
            run = reference if way is REFERENCE else ours
            arms[f"{dtype}: {way.name}"] = partial(all_samples, run, way.calls(asked))
        if compiled:
            run = partial(seconds, compiled[dtype], clock=clock)
            arms[f"{dtype}: {COMPILED.name}"] = partial(all_samples, run, COMPILED.calls(asked))
    timings = take_turns(arms, rounds)
    totals = {name: [sum(calls) for calls in turns] for name, turns in timings.items()}
    first = totals[next(iter(arms))]
    rows = []
    for dtype in predictors:
        base = totals[f"{dtype}: {REFERENCE.name}"]
        for way in (*WAYS, COMPILED) if compiled else WAYS:
            own = totals[f"{dtype}: {way.name}"]
            rows.append(
                {
                    "precision": dtype,
                    "way": way.name,
                    "samples_per_second": samples / statistics.median(own),
                    "times_reference": _ratio(base, own),
                    f"times_{next(iter(predictors))}_reference": _ratio(first, own),
                    "call_ms": 1000
                    * statistics.median(second for turn in timings[f"{dtype}: {way.name}"] for second in turn),
                }
            )
    return rows


def _ratio(base: Sequence[float], own: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(base, own, strict=True))


def all_samples(run: Callable[[Sequence[Asked]], float], calls: Sequence[Sequence[Asked]]) -> list[float]:
    """The duration of each call."""
    return [run(call) for call in calls]


def latency(timings: Mapping[int, Sequence[Sequence[float]]], what: str) -> list[dict[str, Any]]:
    """Median latency for each number of slots or phrases, and its ratio to that of the first number.

    timings: the durations of the calls of each round. Intervals are the bootstrap over rounds. The calls of one round
    stay together, because a machine that slows down slows a whole round. None for fewer than 10 rounds.
    """
    first = next(iter(timings.values()))
    return [{what: number, **_against(own, first)} for number, own in timings.items()]


def _against(own: Sequence[Sequence[float]], first: Sequence[Sequence[float]]) -> dict[str, Any]:
    rounds = [str(turn) for turn, calls in enumerate(own) for _ in calls]
    ours, base = (durations([second for calls in turns for second in calls], names=["p50"]) for turns in (own, first))

    def measure(weights: Weights) -> dict[str, NDArray[np.float64]]:
        middle = ours(weights)["p50"]
        return {"p50": middle, "times_first": middle / base(weights)["p50"]}

    value, spread = estimate(measure, len(rounds)), percentile_intervals(rounds, measure)
    return {
        "latency_ms": 1000 * value["p50"],
        "p50": value["p50"],
        "interval": spread["p50"],
        "times_first": value["times_first"],
        "times_first_interval": spread["times_first"],
        "calls": len(rounds),
    }


def one_sample(predictor: Predictor, asked: Asked, calls: int, phrases: int) -> Callable[[], list[float]]:
    """An arm that answers one instruction `calls` times, each time with `phrases` phrases."""

    scripted = script(predictor, phrases)
    return lambda: [seconds(scripted, [(asked[0], asked[1][:1])]) for _ in range(calls)]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All tables, with the machine and the settings they belong to."""
    names = list(DTYPES) if options.dtype == "both" else [options.dtype]
    predictors: dict[str, Predictor]
    compiled: dict[str, Predictor] = {}
    if options.shape == "2b":
        config, processor = shape_2b()
        predictors = {
            name: random_predictor(config, processor, config.max_seg_nums, options.device, DTYPES[name])
            for name in names
        }
    else:
        predictors, compiled = (
            {
                name: replace(
                    Predictor.from_pretrained(options.checkpoint, device=options.device, dtype=DTYPES[name]),
                    max_new_tokens=LONGEST,
                )
                for name in wanted
            }
            for wanted in (names, names if options.compile else [])
        )
        for made in compiled.values():
            parts = parts_of(made.model)
            compile_parts([*parts[VISION], *parts[DETECTOR]])
    predictor = predictors[names[0]]
    config, processor = predictor.model.config, predictor.processor
    asked = scenes(options.size or (640 if options.shape == "2b" else 128), options.images)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in predictor.model.state_dict().values())
    result: dict[str, Any] = {
        "checkpoint": "random 2B" if options.shape == "2b" else Path(options.checkpoint).name,
        "machine": machine(options.device),
        "rounds": options.rounds,
        "clock": options.clock,
        "slots": predictor.model.slots,
        "image_size": asked[0][0].shape[0],
        "parameters": sum(parameter.numel() for parameter in predictor.model.parameters()),
        "weights_gib": weights / 2**30,
    }
    if "throughput" in options.measure:
        result["throughput"] = throughput(predictors, asked, options.rounds, options.clock, compiled)
    if options.device.startswith("cuda"):
        result["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    del predictors, predictor, compiled

    def arm(slots: int, dtype: torch.dtype) -> Callable[[], list[float]]:
        made = random_predictor(config, processor, slots, options.device, dtype)
        return one_sample(made, asked[0], options.calls, 1)

    precision = DTYPES[names[0]]
    if "slots" in options.measure:
        groups = [[count] for count in options.slots] if options.shape == "2b" else [options.slots]  # fits in memory
        turns: dict[str, list[list[float]]] = {}
        for group in groups:
            turns |= take_turns({str(count): arm(count, precision) for count in group}, options.rounds)
        result["slots_latency"] = latency({int(count): timings for count, timings in turns.items()}, "slots")
    if "phrases" in options.measure:
        same = random_predictor(config, processor, result["slots"], options.device, precision)
        phrases = {str(count): one_sample(same, asked[0], options.calls, count) for count in options.phrases}
        turns = take_turns(phrases, options.rounds)
        result["phrases_latency"] = latency({int(count): timings for count, timings in turns.items()}, "phrases")
    return result


def machine(device: str) -> str:
    """The processor or GPU, and torch's version."""
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    model = [
        line.partition(":")[2].strip()
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
        )
        if line.startswith("model name")
    ]
    return (
        f"{model[0] if model else platform.processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )


def tables(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        f"{result['checkpoint']}, {result['parameters'] / 1e6:.1f} million parameters, {result['image_size']} px, "
        f"K = {result['slots']}; {result['machine']}; medians of {result['rounds']} rounds"
        + ("" if result["clock"] == "wall" else f", seconds of the {result['clock']}"),
        "",
    ]
    if "peak_memory_gib" in result:
        lines += [f"peak memory {result['peak_memory_gib']:.1f} GiB, of it {result['weights_gib']:.1f} weights", ""]
    if "throughput" in result:
        lines += ["| precision | way | samples/s | times the reference's way | a call, ms |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['precision']} | {row['way']} | {row['samples_per_second']:.1f} | {row['times_reference']:.2f} | "
        f"{row['call_ms']:.0f} |"
        for row in result.get("throughput", ())
    ]
    for what, title in (("slots", "K"), ("phrases", "phrases")):
        rows = result.get(f"{what}_latency")
        if not rows:
            continue
        lines += [
            *([""] if lines[-1] else []),
            f"| {title} | {' | '.join(str(row[what]) for row in rows)} |",
            "|---" * (len(rows) + 1) + "|",
        ]
        lines += [f"| latency, ms | {' | '.join(_with_interval(row, 'p50', 1000, 1) for row in rows)} |"]
        lines += [f"| times the first | {' | '.join(_with_interval(row, 'times_first', 1, 2) for row in rows)} |"]
    return "\n".join(lines)


def _with_interval(row: Mapping[str, Any], name: str, factor: float, digits: int) -> str:
    spread = row["interval" if name == "p50" else f"{name}_interval"]
    bounds = f" ({' to '.join(f'{factor * bound:.{digits}f}' for bound in spread)})" if spread else ""
    return f"{factor * row[name]:.{digits}f}{bounds}"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description="Speed of InstructSAM: the reference's way against ours.")
    parser.add_argument("--checkpoint", default=str(TINY), help="folder or hub name (the shipped tiny one)")
    parser.add_argument("--shape", choices=("checkpoint", "2b"), default="checkpoint", help="2b: random weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=(*DTYPES, "both"), default="both")
    parser.add_argument("--compile", action="store_true", help="a way more: compiled parts (of a checkpoint; minutes)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="of throughput (%(default)s)")
    parser.add_argument("--measure", nargs="+", choices=MEASURES, default=MEASURES, help="which tables (all)")
    parser.add_argument("--rounds", type=int, default=10, help="fewer give no intervals (%(default)s)")
    parser.add_argument("--calls", type=int, default=5, help="of one sample in a round, for slots and phrases")
    parser.add_argument("--images", type=int, default=8, help="with 8 instructions each (%(default)s)")
    parser.add_argument("--size", type=int, help="image side in pixels (128, or 640 for 2b)")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 5, 10, 20, 40])
    parser.add_argument("--phrases", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--figure", type=Path, help="file for a drawing of latency against K (.png, .svg)")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.calls, options.images, *options.slots, *options.phrases) < 1:
        parser.error("all numbers must be at least 1")
    if options.compile and options.shape != "checkpoint":
        parser.error("--compile is measured on a checkpoint")
    if options.figure and "slots" not in options.measure:
        parser.error("--figure draws latency against K: it needs slots among --measure")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the figures where a file is given."""
    options = parse(arguments)
    try:
        result = measure(options)
    except ConfigurationError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    print(tables(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.figure:
        drawn = latency_against(result["slots_latency"], "slots", "number of slots K")
        drawn.savefig(options.figure, dpi=150)
    return 0


if __name__ == "__main__":
    sys.exit(main())
