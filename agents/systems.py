"""The SAM 3 agent as a system of the workbench. Importing this module is cheap: models are loaded when one is made."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.options import PUBLISHED, TINY, AgentOptions, Options
from workbench.data.errors import ConfigurationError, no_room, said
from workbench.data.outages import is_outage
from workbench.data.predictions import CRASHED, OK, Candidate, Instance, Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import HasConditions, Image, Segmenter
from workbench.plugins.options import check_options, identity_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from agents.language_models.interface import LanguageModel
    from agents.loop.oracle_parts import Part
    from agents.loop.resume import Unfinished
    from agents.loop.segment_queue import PhraseQueue
    from agents.prompts.texts import Prompts
    from workbench.data.conditions import Conditions

CHECKPOINT = Path(__file__).parent / "checkpoints" / "sam3-agent-lm-tiny"


class Sam3Agent:
    """A language model that directs SAM3 by phrases and chooses among its masks, one instruction at a time."""

    oracles = ("rewriter", "checker", "selector")

    def __init__(
        self,
        segmenter: Segmenter,
        model: "LanguageModel",
        prompts: "Prompts",
        options: Options,
        perfect: "Part | None" = None,
    ) -> None:
        """`perfect`: the part that is replaced by the truth of each sample."""
        check_options("agent", options)
        self.segmenter, self.model, self.prompts, self.options = segmenter, model, prompts, options
        self.perfect = perfect
        self.batch_size = self.at_once = model.concurrency
        self._unfinished: Unfinished | None = None
        self._phrases: PhraseQueue | None = None

    def identity(self) -> dict[str, Any]:
        """Segmenter, language model, prompts with a digest of their texts, and the agent's options."""
        return {
            "kind": "sam3-agent",
            "segmenter": self.segmenter.identity(),
            "language_model": self.model.identity(),
            "prompts": {"version": self.prompts.version, "digest": self.prompts.digest()},
            "options": {**identity_of(self.options), **_if_set(self.options)},
            **({"perfect": self.perfect} if self.perfect else {}),
        }

    def conditions(self) -> "Conditions":
        """Those of its segmenter, with what its language model and its loop add."""
        from workbench.data.conditions import Conditions

        stated = self.segmenter.conditions() if isinstance(self.segmenter, HasConditions) else Conditions()
        model = self.model.conditions() if isinstance(self.model, HasConditions) else Conditions()
        own, before = self.options.threshold, stated.threshold
        trained = [text for text in (stated.training, model.training) if text]
        return stated.model_copy(
            update={
                "threshold": own if before is None else max(own, before),
                "threshold_option": "threshold",
                "threshold_chosen": "set for this run" if own else _before(stated.threshold_chosen),
                "stored_from": before,
                "device": _both(stated.device, model.device),
                "training": "; ".join(trained) or None,
                "knows": stated.knows or model.knows,
                "benchmarks": stated.benchmarks if stated.knows else model.benchmarks,
                "batch": None if self.at_once == 1 else f"throughput: {self.at_once} samples share the segmenter",
                "timed": f"image features, every phrase, {model.timed or 'every reply'}, pictures, notes on disk",
                "not_timed": model.not_timed or "loading, a first answer",
            }
        )

    def with_oracle(self, name: str) -> "Sam3Agent":
        """The same agent with its rewriter or its mask checks replaced by the truth. The models are shared."""
        from agents.loop.oracle_parts import PARTS

        return Sam3Agent(self.segmenter, self.model, self.prompts, self.options, PARTS[name])

    def resume_in(self, folder: Path) -> None:
        """Keep the steps of unfinished samples in a folder, and continue with those that are already there."""
        from agents.loop.resume import Unfinished

        self._unfinished = Unfinished(folder)

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        """One prediction per sample; several samples work side by side and are not timed."""
        from agents import event_loop as background

        return background.run(self._predict(samples, images))

    def start(self, sample: Sample, image: Image) -> "Future[Prediction]":
        """Begin with a sample; it works beside those that were begun before, and is not timed."""
        from agents import event_loop as background

        return background.begin(self._answer(sample, image))

    def stored(self, sample_ids: Sequence[str]) -> None:
        """Drop the steps of samples that were begun by `start` and whose answers are stored."""
        from agents import event_loop as background

        if self._unfinished:
            background.begin(self._unfinished.forget_answered(sample_ids))

    def check(self) -> None:
        """Ask the language model once, where it is behind an endpoint."""
        from agents import event_loop as background
        from agents.language_models.interface import Reachable

        if isinstance(self.model, Reachable):
            background.run(self.model.check())

    async def _predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        if self._unfinished:
            await self._unfinished.forget_answered()
        if len(samples) == 1:
            return [await self._answer(samples[0], images[0], timed=True)]
        free = asyncio.Semaphore(self.at_once)

        async def answer(sample: Sample, image: Image) -> Prediction:
            async with free:
                try:
                    return await self._answer(sample, image)
                except Exception as error:  # the other samples of the batch must not be lost with it
                    if no_room(error):
                        raise
                    return Prediction(sample.sample_id, outcome=CRASHED, message=said(error))

        return list(await asyncio.gather(*map(answer, samples, images)))

    def _queue(self) -> "PhraseQueue":
        from agents.loop.segment_queue import PhraseQueue

        if self._phrases is None:
            self._phrases = PhraseQueue(self.segmenter)
        return self._phrases

    async def _answer(self, sample: Sample, image: Image, timed: bool = False) -> Prediction:
        from agents.loop.graph import arun
        from agents.loop.oracle_parts import Oracle
        from agents.loop.workspace import Workspace

        oracle = Oracle(self.perfect, sample.targets, sample.phrase) if self.perfect else None
        workspace = Workspace(
            image, sample.instruction, self.model, self.segmenter, self.prompts, self.options, oracle, self._queue()
        )
        begun = time.perf_counter()
        if self._unfinished:
            from agents.loop.resume import thread_of

            thread = thread_of(sample.sample_id, sample.instruction, image)
            resumed = await self._unfinished.has(thread)
            final = await arun(workspace, self._unfinished.saver, thread)
            self._unfinished.answered(sample.sample_id, thread)
        else:
            resumed = False
            final = await arun(workspace)
        latency = time.perf_counter() - begun
        ending = final["ending"]
        selected = [workspace.masks[mask] for mask in final["selected"]]
        chosen = [seen for seen in selected if seen.score > self.options.threshold]
        low = [seen for seen in selected if seen.score <= self.options.threshold]
        prediction = Prediction(
            sample_id=sample.sample_id,
            instances=tuple(Instance(seen.mask, seen.score) for seen in chosen),
            outcome=ending.outcome if ending else OK,
            message=ending.message if ending else "",
            latency=latency if timed and not resumed else None,
            calls=tuple(workspace.trace.calls),
            candidates=(
                *workspace.trace.candidates,
                *(Candidate(seen.mask, seen.score, "low_score", seen.phrase) for seen in low),
            ),
            phrases=tuple(final["phrases"]),
            resumed=resumed,
        )
        if self._unfinished and is_outage(prediction):
            await self._unfinished.forget(thread)  # the sample starts from the beginning when it is asked again
        return prediction


def _if_set(options: Options) -> dict[str, float]:
    """For the identity: without these options, the agent answers as it did before it had them."""
    threshold = {"threshold": options.threshold} if options.threshold else {}
    return {**threshold, **({} if options.max_side is None else {"max_side": options.max_side})}


def _before(chosen: str | None) -> str | None:
    return f"that of its segmenter, {chosen}" if chosen else None


def _both(segmenter: str | None, model: str | None) -> str | None:
    """Where both run, in one text where it is the same."""
    if segmenter == model or model is None:
        return segmenter
    return f"segmenter: {segmenter or 'not stated'}; language model: {model}"


def sam3_agent_tiny(options: AgentOptions = TINY) -> Sam3Agent:
    """SAM3 agent on tiny checkpoints: sam3-tiny, and a tiny Qwen3-VL fine-tuned on the agent's own turns."""
    return _agent(replace(options, checkpoint=options.checkpoint or str(CHECKPOINT)))


def sam3_agent(options: AgentOptions = PUBLISHED) -> Sam3Agent:
    """SAM3 agent with a published language model behind an OpenAI-compatible endpoint (vLLM), or from a checkpoint."""
    return _agent(replace(options, endpoint="" if options.checkpoint else options.endpoint))


def _agent(options: AgentOptions) -> Sam3Agent:
    from agents.prompts.texts import load

    check_options("agent", options)
    texts = load(options.prompts)
    segmenter = _segmenter(options)
    language: LanguageModel
    if options.endpoint:
        language = _served(options)
    elif options.temperature:
        raise ConfigurationError(
            f"agent: a checkpoint in this process is decoded greedily; expected a temperature of 0, got "
            f"{options.temperature:g}: use an endpoint to sample"
        )
    else:
        from agents.language_models.embedded import EmbeddedQwen

        language = EmbeddedQwen(options.checkpoint, device=options.device, revision=options.revision)
    return Sam3Agent(segmenter, language, texts, options)


def _served(options: AgentOptions) -> "LanguageModel":
    """The language model behind one server or several."""
    from agents.language_models.openai_endpoint import OpenAiEndpoint
    from agents.language_models.several_endpoints import SeveralEndpoints

    if not options.model:
        raise ConfigurationError(f"agent: an endpoint needs the name of a model that it serves: {options.endpoint}")
    addresses = [address.strip() for address in options.endpoint.split(",") if address.strip()]
    if not addresses or len(set(addresses)) < len(addresses):
        raise ConfigurationError(f"agent: expected different addresses, separated by commas, got {options.endpoint!r}")
    servers = [
        OpenAiEndpoint(
            address,
            options.model,
            temperature=options.temperature,
            concurrency=options.concurrency,
            picture_format=options.picture_format,
            canary=options.canary,
        )
        for address in addresses
    ]
    if len(servers) == 1:
        return servers[0]
    return SeveralEndpoints([(server.address, server) for server in servers])


def _segmenter(options: AgentOptions) -> Segmenter:
    """The segmenter with the options that are given for it; it refuses one that it does not have."""
    from workbench.plugins import registry
    from workbench.plugins.checks import takes

    given: dict[str, Any] = {
        "checkpoint": options.segmenter_checkpoint or None,
        "revision": options.segmenter_revision or None,
        "threshold": options.segmenter_threshold,
        "device": options.segmenter_device,
        "resize": options.resize,
    }
    if options.segmenter_device is None and takes(registry.load("segmenters", options.segmenter), "device"):
        given["device"] = options.device
    placed = {name: value for name, value in given.items() if value is not None}
    segmenter: Segmenter = registry.prepare("segmenters", options.segmenter, placed)()
    return segmenter
