"""Speed of the agent: the official loop's way against ours, in one run, on one vLLM server and the same tiny models.

    .venv/bin/python -m agents.vllm_server .venv-vllm   # once: installs the server
    .venv/bin/python benchmarks/agent.py

The official way (facebookresearch/sam3) works on one sample and one request at a time, makes a client for every
request, encodes the pictures anew for each, and computes the image features anew for every phrase. Everything else is
the same code, so both ways make the same requests. Every way gets its own copies of the images, which differ in one
pixel, so that none finds the server's image and prefix caches warmed by another; all ways take turns in every round,
and figures are medians over the rounds.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.language_model import LanguageModel, Message, Picture, Reply
from agents.openai_endpoint import OpenAiEndpoint
from agents.options import TINY
from agents.prompts import load
from agents.systems import CHECKPOINT, Sam3Agent
from agents.vllm_server import ENVIRONMENT, VllmServer
from workbench import registry
from workbench.predictions import OK, Prediction
from workbench.provenance import machine, versions
from workbench.samples import Sample
from workbench.systems import Image, PhraseMasks, Segmenter
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene

OFFICIAL = "official way"
CONCURRENCY = (1, 4, 16)
NAME = "tiny"


class AnewEachRequest:
    """A client, and every picture's encoding, made for each request, as `client_llm.py` does."""

    concurrency = 1

    def __init__(self, url: str) -> None:
        self.url = url

    def identity(self) -> dict[str, Any]:
        return {"kind": "anew"}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        fresh = [
            Message(m.role, tuple(Picture(p.pixels) if isinstance(p, Picture) else p for p in m.parts))
            for m in messages
        ]
        client = OpenAiEndpoint(self.url, NAME, temperature=0.0)
        try:
            return await client.complete(fresh, max_tokens)
        finally:
            await client._client.close()


class AnewEachPhrase:
    """Image features computed for each phrase, as `client_sam3.py` does."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    def identity(self) -> dict[str, Any]:
        return self.segmenter.identity()

    def encode(self, image: Image) -> Any:
        return image

    def segment(self, features: Any, phrases: Sequence[str]) -> Sequence[PhraseMasks]:
        return self.segmenter.segment(self.segmenter.encode(features), phrases)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=32, help="of each way in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--url", help="a server that already serves the tiny model as `tiny` (start one)")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with ExitStack() as stack:
        url = options.url
        if not url:
            log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log"
            server = VllmServer(str(CHECKPOINT), name=NAME, log=log, environment=options.environment)
            url = stack.enter_context(server).url
        result = measure(url, options.samples, options.rounds)
    print(json.dumps(result, indent=1) if options.json else table(result))
    return 0


def measure(url: str, count: int, rounds: int) -> dict[str, Any]:
    """Every way in every round, after one sample each that is thrown away."""
    torch.set_num_threads(1)  # the server works on the other cores, and two threads for so small a model gain little
    segmenter: Segmenter = registry.load("segmenters", "sam3-tiny")()
    ways = {OFFICIAL: agent(AnewEachPhrase(segmenter), AnewEachRequest(url))}  # type: ignore[arg-type]
    for number in CONCURRENCY:
        model = OpenAiEndpoint(url, NAME, temperature=0.0, concurrency=number)
        ways[f"ours, {number} in flight"] = agent(segmenter, model)
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for place, (way, system) in enumerate(ways.items()):
            samples, images = questions(turn, place, count if turn else 2)
            begun = time.perf_counter()
            if way == OFFICIAL or system.batch_size == 1:
                answers = [system.predict([s], [i])[0] for s, i in zip(samples, images, strict=True)]
            else:
                answers = system.predict(samples, images)
            if turn:
                measured[way].append(costs(answers, time.perf_counter() - begun))
                print(f"round {turn}: {way}: {measured[way][-1]['samples/s']:.2f} samples/s", file=sys.stderr)
    keys = next(iter(measured.values()))[0]
    medians = {way: {key: statistics.median(r[key] for r in found) for key in keys} for way, found in measured.items()}
    first = [found["samples/s"] for found in measured[OFFICIAL]]
    for way, found in measured.items():
        ratios = [now["samples/s"] / before for now, before in zip(found, first, strict=True)]
        medians[way]["times the official way"] = statistics.median(ratios)
    return {"ways": medians, "samples": count, "rounds": rounds, "machine": machine(), "versions": versions()}


def agent(segmenter: Segmenter, model: LanguageModel) -> Sam3Agent:
    """The tiny agent with the options that its model was trained with, and time for a busy machine."""
    from dataclasses import replace

    return Sam3Agent(segmenter, model, load("tiny-v1"), replace(TINY, time_limit=600.0, request_timeout=300.0))


def questions(turn: int, place: int, count: int) -> tuple[list[Sample], list[Image]]:
    """The round's samples, with images that no other way and round has."""
    samples, images = [], []
    for number in range(count):
        rng = np.random.default_rng([77, turn, number])
        scene = make_scene(rng, 128, "val")
        text = instructions(scene, rng, 1)[0].text
        image = scene.image.copy()
        image[0, 0] = place * 8
        samples.append(Sample(f"s{number}", f"i{number}", Path("unused.png"), 128, 128, text))
        images.append(image)
    return samples, images


def costs(answers: Sequence[Prediction], seconds: float) -> dict[str, float]:
    """Per sample: requests, tokens, and seconds by kind of call (side by side, so their sum exceeds the wall clock)."""
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
    }


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    ways = result["ways"]
    keys = list(next(iter(ways.values())))
    lines = ["| per sample | " + " | ".join(ways) + " |", "|---|" + "---|" * len(ways)]
    for key in keys:
        lines.append(f"| {key} | " + " | ".join(f"{ways[way][key]:.3g}" for way in ways) + " |")
    where = result["machine"]
    note = f"{result['samples']} samples a way and round, {result['rounds']} rounds"
    return "\n".join(
        [*lines, "", f"{note}; {where['cpu']}, {where['cores']} cores, Python {platform.python_version()}"]
    )


if __name__ == "__main__":
    sys.exit(main())
