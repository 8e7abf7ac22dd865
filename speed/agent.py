"""Speed of the agent: the official loop's way against ours, in one run, on one vLLM server and the same tiny models.

    .venv/bin/python -m agents.language_models.vllm_server .venv-vllm   # once: installs the server
    .venv/bin/python -m speed.agent                # images of 640 pixels, as large as COCO's
    .venv/bin/python -m speed.agent --size 128     # as large as the tiny models see them
    .venv/bin/python -m speed.agent --segmenter facebook/sam3 --device cuda   # or a folder of make-checkpoint

`speed/official_agent/loop.py` says what the official way does for a sample. Both ways start from the same image files
and make the same requests; ours sends pictures as `bmp`, since the server is vLLM on the same machine. Before each way
the server forgets all prompts and images, so that none finds its caches warmed by another. All ways take turns in every
round, in another order each time; figures are medians over the rounds. It fails where a way's masks are not those of
the official way, see `SAME`.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.language_models.vllm_server import ENVIRONMENT, VllmServer
from agents.options import TINY
from agents.prompts.texts import load
from agents.systems import CHECKPOINT, Sam3Agent
from speed.official_agent.loop import OfficialLoop, read, save
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.foundations.devices import AUTO
from workbench.plugins import registry
from workbench.plugins.interfaces import Segmenter
from workbench.runs.provenance import machine, versions
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene

OFFICIAL = "official way"
CONCURRENCY = (1, 4, 16)
NAME = "tiny"
WARM_UP = 16  # samples; as many as are in flight at most, so that every kernel that will be used has been made
OPTIONS = replace(TINY, time_limit=600.0, request_timeout=300.0)
"""Those that the tiny model was trained with, and time for a busy machine."""
SAME = 0.9
"""Least share of samples with exactly the official way's masks. A server adds in another order when it works on several
requests at once, so that a reply may turn out otherwise where two tokens are about equally good."""


@dataclass
class Way:
    """One way to answer samples from files."""

    name: str
    system: Sam3Agent | OfficialLoop

    def answer(self, samples: Sequence[Sample], turn: int) -> tuple[list[Prediction], float]:
        """The answers, and the seconds that are not to count."""
        system = self.system
        if isinstance(system, OfficialLoop):
            before = system.outside
            names = [f"{turn}-{sample.sample_id}" for sample in samples]
            answers = [system.answer(n, s.image_path, s.instruction) for n, s in zip(names, samples, strict=True)]
            return answers, system.outside - before
        if system.batch_size == 1:
            return [system.predict([sample], [read(sample.image_path)])[0] for sample in samples], 0.0
        return system.predict(samples, [read(sample.image_path) for sample in samples]), 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=96, help="of each way in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument(
        "--size", type=int, default=640, help="of the square images, in pixels (%(default)s, as COCO's)"
    )
    parser.add_argument("--segmenter", help="folder or name of a SAM3 in place of the tiny one, for both ways")
    parser.add_argument("--device", default=AUTO, help="of that segmenter (%(default)s)")
    parser.add_argument("--url", help="a server in vLLM's development mode that serves the tiny model as `tiny`")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    os.environ["VLLM_SERVER_DEV_MODE"] = "1"  # makes the server accept the request to empty its caches
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = options.url
        if not url:
            server = VllmServer(
                str(CHECKPOINT), name=NAME, log=folder / "log", environment=options.environment, patience=900
            )
            url = stack.enter_context(server).url
        group = 0 if options.url else server.group
        segmenter = None
        if options.segmenter:
            segmenter = registry.load("segmenters", "sam3")(checkpoint=options.segmenter, device=options.device)
        result = measure(url, options.samples, options.rounds, options.size, folder, group, segmenter)
    print(json.dumps(result, indent=1) if options.json else table(result))
    same = [way["same masks as the official way"] for way in result["ways"].values()]
    return 0 if min(same) >= SAME else 1


def measure(
    url: str, count: int, rounds: int, size: int, folder: Path, group: int = 0, segmenter: Segmenter | None = None
) -> dict[str, Any]:
    """Every way in every round, after `WARM_UP` samples each that are thrown away. `group` is the server's process
    group, 0 where it is not known."""
    torch.set_num_threads(1)  # the server works on the other cores, and two threads for so small a model gain little
    ways = all_ways(url, folder / "official", segmenter or registry.load("segmenters", "sam3-tiny")())
    measured: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
    for turn in range(rounds + 1):
        samples = questions(turn, count if turn else WARM_UP, size, folder / f"images{turn}")
        answers: dict[str, list[Prediction]] = {}
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            forget(url)
            clocks = [time.perf_counter(), time.process_time(), processor_seconds(group)]
            answers[way.name], outside = way.answer(samples, turn)
            now = [time.perf_counter() - outside, time.process_time() - outside, processor_seconds(group)]
            if turn:
                measured[way.name].append(costs(answers[way.name], *np.subtract(now, clocks).tolist()))
                print(f"round {turn}: {way.name}: {measured[way.name][-1]['samples/s']:.2f} samples/s", file=sys.stderr)
        for way in ways if turn else ():
            equal = [masks(a) == masks(b) for a, b in zip(answers[way.name], answers[OFFICIAL], strict=True)]
            measured[way.name][-1]["same masks as the official way"] = sum(equal) / count
    return {
        "ways": medians(measured),
        "samples": count,
        "rounds": rounds,
        "size": size,
        "machine": machine(),
        "versions": versions(),
    }


def masks(answer: Prediction) -> list[str]:
    """The masks of an answer; scores are left out, as their last digits depend on what else is in a batch."""
    return [instance.mask["counts"] for instance in answer.instances]


def medians(measured: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Of each figure over the rounds, and of each round's speed over the official way's."""
    keys = next(iter(measured.values()))[0]
    result = {way: {key: statistics.median(r[key] for r in rounds) for key in keys} for way, rounds in measured.items()}
    first = [costs["samples/s"] for costs in measured[OFFICIAL]]
    for way, rounds in measured.items():
        ratios = [now["samples/s"] / before for now, before in zip(rounds, first, strict=True)]
        result[way]["times the official way"] = statistics.median(ratios)
    return result


def all_ways(url: str, folder: Path, segmenter: Segmenter) -> list[Way]:
    """The official way and ours, on one segmenter and one server."""
    prompts = load("tiny-v1")
    ways = [Way(OFFICIAL, OfficialLoop(url, NAME, segmenter, prompts, OPTIONS, folder))]
    for number in CONCURRENCY:
        model = OpenAiEndpoint(url, NAME, temperature=OPTIONS.temperature, concurrency=number, picture_format="bmp")
        ways.append(Way(f"ours, {number} in flight", Sam3Agent(segmenter, model, prompts, OPTIONS)))
    return ways


def forget(url: str) -> None:
    """Empty the server's caches of prompts and of images."""
    for cache in ("prefix", "mm", "encoder"):
        address = url.removesuffix("/v1") + f"/reset_{cache}_cache"
        urllib.request.urlopen(urllib.request.Request(address, method="POST"), timeout=60).close()


def processor_seconds(group: int) -> float:
    """Seconds that all processes of a group have computed so far (Linux; elsewhere, and without a group, not known)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat") if group else ():
        with suppress(OSError):  # it has ended
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12]) if int(fields[2]) == group else 0
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else math.nan


def questions(turn: int, count: int, size: int, folder: Path) -> list[Sample]:
    """The round's samples, with images that no other round has."""
    folder.mkdir()
    samples = []
    for number in range(count):
        rng = np.random.default_rng([77, turn, number])
        scene = make_scene(rng, size, "val")
        text = instructions(scene, rng, 1)[0].text
        save(scene.image, folder / f"{number}.png")
        samples.append(Sample(f"s{number}", f"i{number}", folder / f"{number}.png", size, size, text))
    return samples


def costs(answers: Sequence[Prediction], seconds: float, agent: float, server: float) -> dict[str, float]:
    """Per sample: requests, tokens, seconds by kind of call (side by side, so their sum exceeds the wall clock), and
    seconds that the agent's and the server's processes computed."""
    calls = [call for answer in answers for call in answer.calls]
    spent: defaultdict[str, float] = defaultdict(float)
    for call in calls:
        spent[call.kind] += call.duration
    size = len(answers)
    requests = [call for call in calls if call.kind == "llm"]
    return {
        "samples/s": size / seconds,
        "answered": sum(answer.outcome == OK for answer in answers) / size,
        "requests": len(requests) / size,
        "phrases": sum(call.kind == "segment" for call in calls) / size,
        "tokens in": sum(call.tokens_in for call in requests) / size,
        "tokens out": sum(call.tokens_out for call in requests) / size,
        "s a request": spent["llm"] / max(1, len(requests)),
        **{f"s {kind}": spent[kind] / size for kind in ("llm", "encode", "segment", "render")},
        "s wall": seconds / size,
        "s processor, agent": agent / size,
        "s processor, server": server / size,
    }


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    ways = result["ways"]
    keys = list(next(iter(ways.values())))
    lines = ["| per sample | " + " | ".join(ways) + " |", "|---|" + "---|" * len(ways)]
    for key in keys:
        lines.append(f"| {key} | " + " | ".join(f"{ways[way][key]:.3g}" for way in ways) + " |")
    where = result["machine"]
    note = f"{result['samples']} samples of {result['size']} px a way and round, {result['rounds']} rounds"
    return "\n".join(
        [*lines, "", f"{note}; {where['cpu']}, {where['cores']} cores, Python {platform.python_version()}"]
    )


if __name__ == "__main__":
    sys.exit(main())
