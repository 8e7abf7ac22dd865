"""What a machine does at full size, in at most a few minutes and with random weights: nothing is downloaded.

    .venv/bin/python -m speed.gpu                                        # full size, on the GPU
    .venv/bin/python -m speed.gpu --shape middle --device cpu            # a rehearsal on any machine

Printed for InstructSAM: latency of one sample by part, in ours and in the reference's way, which take turns, and how
many operations each starts, as a GPU that is done with one waits for the next; images per second in batches; memory;
and how near the language model comes to the limit of the memory's bandwidth when it writes token by token, which is all
weights once a token. For SAM3, which the agent asks: an image, and phrases about it. What there is no time for is left
out, and named.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.shapes import config_of
from speed.instructsam import DTYPES, Asked, machine, named_for, random_predictor, scenes
from speed.reference_way import ReferenceWay
from speed.scripted import script
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Trace
from workbench.foundations.devices import place
from workbench.foundations.sam3.segmenter import Sam3Segmenter
from workbench.foundations.sam3.shapes import Shape, write_random

PARTS = {"encode": "both image encoders", "llm": "language model", "segment": "detector", "decode": "masks"}
BATCHES = ((1, 8), (8, 1), (4, 8))
"""Images and instructions about each."""
MORE = 4
"""Phrases beyond the first, by whose time that of a token is told."""
STEPS = 4
"""Runs of the language model for a phrase of two words: its mark, its words, and its slots with the end mark."""
MADE_OF_NOTHING = {
    "aten::_unsafe_view", "aten::detach_", "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty",
    "aten::scalar_tensor",
}  # fmt: skip
"""Operations besides views that start no kernel."""
COPIED = 2**29
"""Bytes that are copied to measure the bandwidth."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that are started inside the block: those of torch that make or change numbers, each of
    which is about one kernel on a GPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        """Count, and do what was to be done. An operation made of others counts as those: without gradients they
        arrive whole here, with them in parts, and the reference's way runs with them."""
        del types
        with self:
            made = operation.decompose(*given, **(named or {}))
        if made is not NotImplemented:
            return made
        self.count += not (operation.is_view or operation.name().partition(".")[0] in MADE_OF_NOTHING)
        return operation(*given, **(named or {}))


class Clock:
    """Waits for a device, and says how much time is left."""

    def __init__(self, device: str, minutes: float) -> None:
        self.device, self.end = torch.device(device), time.monotonic() + 60 * minutes

    def seconds(self, action: Callable[[], Any]) -> float:
        """Wall clock of an action until the device has finished it."""
        self.wait()
        begun = time.perf_counter()
        action()
        self.wait()
        return time.perf_counter() - begun

    def wait(self) -> None:
        """Until the device has nothing to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def times(self, action: Callable[[], Any], rounds: int) -> list[float]:
        """Of up to `rounds` runs after one that is not counted; fewer where the time ends."""
        action()
        found: list[float] = []
        while len(found) < rounds and (not found or time.monotonic() < self.end):
            found.append(self.seconds(action))
        return found

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()


def latency(predictor: Predictor, asked: Asked, clock: Clock, rounds: int) -> dict[str, float]:
    """Milliseconds of one sample with one phrase: each part and all of ours, all in the reference's way, and how many
    times as long that takes; medians, of the ratio that of the rounds'. How many operations each starts."""
    reference, (image, texts) = ReferenceWay(predictor), asked
    parts: dict[str, list[float]] = {}
    ours: list[float] = []
    theirs: list[float] = []
    with Operations() as own_operations:
        predictor.segment_instructions([image], [texts[:1]])
    with Operations() as other_operations:
        reference.answer(image, texts[0])
    for number in range(rounds):
        if number and clock.left < 0:
            break
        trace = Trace()
        own = clock.seconds(partial(predictor.segment_instructions, [image], [texts[:1]], trace))
        other = clock.seconds(partial(reference.answer, image, texts[0]))
        ours, theirs = [*ours, own], [*theirs, other]
        for call in trace.calls:
            parts.setdefault(call.kind, []).append(call.duration)
    found = {kind: 1000 * statistics.median(durations) for kind, durations in parts.items()}
    ratio = statistics.median(other / own for other, own in zip(theirs, ours, strict=True))
    whole, slow = (1000 * statistics.median(seconds) for seconds in (ours, theirs))
    operations = {"operations": own_operations.count, "reference_operations": other_operations.count}
    return {**found, "ours": whole, "reference": slow, "times": ratio, **operations}


def in_batches(predictor: Predictor, asked: Sequence[Asked], clock: Clock, rounds: int) -> list[dict[str, Any]]:
    """Images and samples per second for batches of each size that there is time for."""
    rows = []
    for images, instructions in BATCHES:
        if clock.left < 0:
            break
        chosen = [asked[n % len(asked)] for n in range(images)]

        def answer(chosen: Sequence[Asked] = chosen, instructions: int = instructions) -> None:
            predictor.segment_instructions([i for i, _ in chosen], [texts[:instructions] for _, texts in chosen])

        seconds = statistics.median(clock.times(answer, rounds))
        rows.append(
            {
                "images": images,
                "instructions": instructions,
                "images_per_second": images / seconds,
                "samples_per_second": images * instructions / seconds,
            }
        )
    return rows


def bandwidth(predictor: Predictor, asked: Asked, clock: Clock, rounds: int) -> dict[str, float]:
    """Milliseconds of a run of the language model for a token, how many it would take to read its weights once at the
    speed at which this device copies, and the share that the second is of the first."""

    tokens, grids = predictor.read([asked[0]])
    prompt = predictor.prompt_for(asked[1][0], 0, grids[0])

    def seconds(phrases: int) -> float:
        written = replace(script(predictor, phrases), guess=False)
        return statistics.median(clock.times(partial(written.write, [prompt], tokens), rounds))

    step = (seconds(1 + MORE) - seconds(1)) / (MORE * STEPS)
    language = predictor.model.model.language_model
    read = sum(p.numel() * p.element_size() for layer in language.layers for p in layer.parameters())
    read += language.embed_tokens.weight.numel() * language.embed_tokens.weight.element_size()  # the output layer
    block = torch.empty(COPIED, dtype=torch.uint8, device=clock.device)
    copy = min(clock.times(block.clone, 5))
    speed = 2 * COPIED / copy
    return {
        "token_ms": 1000 * step,
        "limit_ms": 1000 * read / speed,
        "share": read / speed / step,
        "gb_per_second": speed / 1e9,
        "weights_gb": read / 1e9,
    }


def segmenter(shape: Shape, device: str, dtype: str, asked: Asked, clock: Clock, rounds: int) -> dict[str, float]:
    """Milliseconds of a SAM3 of this size, as the agent asks it: an image, one phrase, eight phrases together."""
    with tempfile.TemporaryDirectory() as folder:
        write_random(shape, Path(folder))
        sam3 = Sam3Segmenter(folder, device=device, dtype=dtype)
    image, texts = asked
    with torch.inference_mode():
        encode = clock.times(partial(sam3.encode, image), rounds)
        features = sam3.encode(image)
        one = clock.times(partial(sam3.segment, features, texts[:1]), rounds)
        many = clock.times(partial(sam3.segment, features, texts), rounds)
    found = {"image": encode, "phrase": one, f"{len(texts)} phrases": many}
    return {name: 1000 * statistics.median(seconds) for name, seconds in found.items()}


def memory(clock: Clock) -> float:
    """The most memory so far in GiB: of the GPU's that torch took, or of this process."""
    if clock.device.type == "cuda":
        return torch.cuda.max_memory_allocated(clock.device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures that there is time for."""
    where = place(options.device, options.dtype)
    clock = Clock(where.device, options.minutes)
    config, processor = named_for(config_of(options.shape))
    predictor = random_predictor(config, processor, config.max_seg_nums, where.device, where.dtype)
    asked = scenes(options.size, 8)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in predictor.model.state_dict().values())
    result: dict[str, Any] = {
        "shape": options.shape,
        "machine": machine(where.device),
        "precision": where.precision,
        "size": options.size,
        "weights_gib": weights / 2**30,
        "left_out": [],
    }
    with torch.inference_mode():
        result["latency"] = latency(predictor, asked[0], clock, options.rounds)
        result["memory_gib"] = memory(clock)
        result["bandwidth"] = bandwidth(predictor, asked[0], clock, options.rounds) if clock.left > 0 else None
        result["batches"] = in_batches(predictor, asked, clock, options.rounds) if clock.left > 0 else []
    result["memory_batches_gib"] = memory(clock)
    del predictor
    result["segmenter"] = None
    if clock.left > 0:
        result["segmenter"] = segmenter(options.shape, where.device, where.precision, asked[0], clock, options.rounds)
    result["left_out"] = [name for name in ("bandwidth", "batches", "segmenter") if not result[name]]
    return result


def tables(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    times = result["latency"]
    lines = [
        f"InstructSAM of {result['shape']} size with random weights ({result['weights_gib']:.1f} GiB), "
        f"{result['size']} px, {result['precision']}; {result['machine']}",
        "",
        "| one sample | ms |",
        "|---|--:|",
        *(f"| {words} | {times[kind]:.1f} |" for kind, words in PARTS.items() if kind in times),
        f"| all | {times['ours']:.1f} |",
        f"| all, in the reference's way | {times['reference']:.1f} |",
        f"| times as long | {times['times']:.2f} |",
        f"| operations started | {times['operations']:,} |",
        f"| in the reference's way | {times['reference_operations']:,} |",
        f"| memory at most, GiB | {result['memory_gib']:.1f} |",
    ]
    if near := result["bandwidth"]:
        lines += [
            f"| a token of the language model | {near['token_ms']:.2f} |",
            f"| its weights read once ({near['weights_gb']:.2f} GB at {near['gb_per_second']:.0f} GB/s, as measured) | "
            f"{near['limit_ms']:.2f} |",
            f"| share of the limit | {100 * near['share']:.0f} % |",
        ]
    if result["batches"]:
        lines += ["", "| batch: images | instructions each | images/s | samples/s |", "|--:|--:|--:|--:|"]
        lines += [
            f"| {row['images']} | {row['instructions']} | {row['images_per_second']:.2f} | "
            f"{row['samples_per_second']:.2f} |"
            for row in result["batches"]
        ]
        lines += ["", f"Memory at most {result['memory_batches_gib']:.1f} GiB."]
    if result["segmenter"]:
        lines += ["", "| SAM3 of this size | ms |", "|---|--:|"]
        lines += [f"| {name} | {value:.1f} |" for name, value in result["segmenter"].items()]
    if result["left_out"]:
        lines += ["", f"There was no time for: {', '.join(result['left_out'])}."]
    return "\n".join(lines)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description="What a machine does at full size, with random weights.")
    parser.add_argument("--shape", choices=("full", "middle"), default="full", help="(%(default)s)")
    parser.add_argument("--device", default="cuda", help="(%(default)s)")
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16", help="(%(default)s)")
    parser.add_argument("--size", type=int, default=640, help="side of the images in pixels (%(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="at most, of each (%(default)s)")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing more is begun (%(default)s)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.size < 64:
        parser.error("--rounds must be at least 1, --size at least 64")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the figures where a file is given."""
    options = parse(arguments)
    try:
        result = measure(options)
    except ConfigurationError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return 2
    print(tables(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
