"""The SAM 3 agent as a system of the workbench. Importing this module is cheap: models are loaded when one is made."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.options import PUBLISHED, TINY, Options
from workbench.errors import ConfigurationError
from workbench.predictions import OK, Instance, Prediction
from workbench.samples import Sample
from workbench.systems import Image, Segmenter

if TYPE_CHECKING:
    from agents.language_model import LanguageModel
    from agents.prompts import Prompts

CHECKPOINT = Path(__file__).parent / "checkpoints" / "sam3-agent-lm-tiny"


class Sam3Agent:
    """A language model that directs SAM3 by phrases and chooses among its masks, one instruction at a time."""

    def __init__(self, segmenter: Segmenter, model: "LanguageModel", prompts: "Prompts", options: Options) -> None:
        if options.max_mistakes < 1 or options.max_generations < 0 or options.max_tokens < 1 or options.time_limit <= 0:
            raise ConfigurationError(
                "agent: expected max_mistakes and max_tokens of at least 1, max_generations of at least 0 and a "
                f"time_limit above 0, got {options.max_mistakes}, {options.max_tokens}, {options.max_generations} "
                f"and {options.time_limit:g}"
            )
        self.segmenter, self.model, self.prompts, self.options = segmenter, model, prompts, options
        self.batch_size = model.concurrency

    def identity(self) -> dict[str, Any]:
        """Segmenter, language model, prompts with a digest of their texts, and the agent's options."""
        return {
            "kind": "sam3-agent",
            "segmenter": self.segmenter.identity(),
            "language_model": self.model.identity(),
            "prompts": {"version": self.prompts.version, "digest": self.prompts.digest()},
            "options": asdict(self.options),
        }

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        """One prediction per sample; several samples work side by side and are not timed."""
        if len(samples) == 1:
            return [self._answer(samples[0], images[0], timed=True)]
        with ThreadPoolExecutor(max_workers=self.batch_size) as pool:
            return list(pool.map(self._answer, samples, images))

    def _answer(self, sample: Sample, image: Image, timed: bool = False) -> Prediction:
        from agents.graph import run
        from agents.workspace import Workspace

        workspace = Workspace(image, sample.instruction, self.model, self.segmenter, self.prompts, self.options)
        begun = time.perf_counter()
        final = run(workspace)
        latency = time.perf_counter() - begun
        ending = final["ending"]
        chosen = [workspace.found[mask] for mask in final["selected"]]
        return Prediction(
            sample_id=sample.sample_id,
            instances=tuple(Instance(found.mask, found.score) for found in chosen),
            outcome=ending.outcome if ending else OK,
            message=ending.message if ending else "",
            latency=latency if timed else None,
            calls=tuple(workspace.trace.calls),
            candidates=tuple(workspace.trace.candidates),
            phrases=tuple(final["phrases"]),
        )


def sam3_agent_tiny(
    segmenter: str = "sam3-tiny",
    checkpoint: str = "",
    endpoint: str = "",
    model: str = "",
    prompts: str = "tiny-v1",
    max_generations: int = TINY.max_generations,
    max_mistakes: int = TINY.max_mistakes,
    max_tokens: int = TINY.max_tokens,
    time_limit: float = TINY.time_limit,
    overlap: float = TINY.overlap,
    describe_masks: bool = TINY.describe_masks,
    min_side: int = TINY.min_side,
    zoom_side: int = TINY.zoom_side,
    device: str = "cpu",
) -> Sam3Agent:
    """SAM3 agent on tiny checkpoints: sam3-tiny, and a tiny Qwen3-VL fine-tuned on the agent's own turns."""
    options = Options(
        max_generations, max_mistakes, max_tokens, time_limit, overlap, describe_masks, min_side, zoom_side
    )
    return _agent(segmenter, checkpoint or CHECKPOINT, endpoint, model, prompts, options, device)


def sam3_agent(
    segmenter: str = "sam3",
    checkpoint: str = "",
    endpoint: str = "http://localhost:8001/v1",
    model: str = "Qwen/Qwen3-VL-8B-Thinking",
    prompts: str = "full-v1",
    max_generations: int = PUBLISHED.max_generations,
    max_mistakes: int = PUBLISHED.max_mistakes,
    max_tokens: int = PUBLISHED.max_tokens,
    time_limit: float = PUBLISHED.time_limit,
    overlap: float = PUBLISHED.overlap,
    describe_masks: bool = PUBLISHED.describe_masks,
    min_side: int = PUBLISHED.min_side,
    zoom_side: int = PUBLISHED.zoom_side,
    device: str = "cpu",
) -> Sam3Agent:
    """SAM3 agent with a published language model behind an OpenAI-compatible endpoint (vLLM), or from a checkpoint."""
    options = Options(
        max_generations, max_mistakes, max_tokens, time_limit, overlap, describe_masks, min_side, zoom_side
    )
    return _agent(segmenter, checkpoint, "" if checkpoint else endpoint, model, prompts, options, device)


def _agent(
    segmenter: str, checkpoint: str | Path, endpoint: str, model: str, prompts: str, options: Options, device: str
) -> Sam3Agent:
    from agents.prompts import load
    from workbench import registry

    texts = load(prompts)
    found: Segmenter = registry.load("segmenters", segmenter)()
    language: LanguageModel
    if endpoint:
        from agents.openai_endpoint import OpenAiEndpoint

        if not model:
            raise ConfigurationError(f"agent: an endpoint needs the name of a model that it serves: {endpoint}")
        language = OpenAiEndpoint(endpoint, model)
    else:
        from agents.embedded import EmbeddedQwen

        language = EmbeddedQwen(checkpoint, device=device)
    return Sam3Agent(found, language, texts, options)
