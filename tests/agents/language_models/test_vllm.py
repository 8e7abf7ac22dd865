"""A real vLLM server with the tiny agent model: `make test-vllm` installs it and runs these."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import event_loop as background
from agents.language_models.interface import LanguageModel, Message, PromptTooLongError
from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.language_models.vllm_server import ServerError, VllmServer
from agents.loop import graph
from agents.loop.workspace import Workspace
from agents.options import TINY
from agents.prompts.texts import load
from agents.systems import CHECKPOINT, sam3_agent_tiny
from agents.training.noisy import NoisyTruth
from workbench.data.samples import Sample
from workbench.data.vocabulary import OUTCOMES
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import make_scene

VARIABLE = "WORKBENCH_VLLM"
CLOSE_CALL = 1e-3
"""Embedded and served answers may part where the two best tokens' logits are nearer to each other than this."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no vLLM environment: use make test-vllm"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    environment = Path(os.environ[VARIABLE])
    with VllmServer(str(CHECKPOINT), name="tiny", log=log, environment=environment, patience=900) as running:
        assert running._process is not None
        group = running._process.pid
        yield running
    with pytest.raises(ProcessLookupError):  # none of its processes is left
        os.killpg(group, 0)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{running.url}/models", timeout=2)


def endpoint(server: VllmServer) -> OpenAiEndpoint:
    return OpenAiEndpoint(server.url, "tiny", temperature=0.0)


class Recorder:
    """Passes requests on, and keeps them with their replies."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.concurrency = model, 1
        self.said: list[tuple[list[Message], str, int]] = []

    def identity(self) -> dict[str, Any]:
        return self.model.identity()

    async def complete(self, messages: Any, max_tokens: int) -> Any:
        reply = await self.model.complete(messages, max_tokens)
        self.said.append((list(messages), reply.text, reply.tokens_in))
        return reply


def test_embedded_and_served_answers_agree_on_greedy_decoding(server: VllmServer) -> None:
    from agents.language_models.embedded import EmbeddedQwen

    embedded = EmbeddedQwen(CHECKPOINT)
    compared = 0
    for number in range(6):
        rng = np.random.default_rng([5, number])
        scene = make_scene(rng, 128, "val")
        for asked in instructions(scene, rng, 2):
            here, there = (Recorder(model) for model in (embedded, endpoint(server)))
            for model in (here, there):
                truth = NoisyTruth(scene, np.random.default_rng(number), noise=0.2)
                graph.run(Workspace(scene.image, asked.text, model, truth, load("tiny-v1"), TINY))
            for (sent, ours, read), (_, theirs, read_there) in zip(here.said, there.said, strict=False):
                compared += 1
                assert read == read_there, "the two do not see the same tokens"
                if ours != theirs:
                    assert margin(embedded, sent, ours, theirs) < CLOSE_CALL
                    break
    assert compared >= 20


def margin(embedded: Any, sent: list[Message], ours: str, theirs: str) -> float:
    """How far apart the logits of the two best tokens are where two replies to the same messages part."""
    import torch

    from agents.language_models.qwen_chat import Encoded

    prompt = embedded.chat.encode(sent)
    first, second = (embedded.chat.tokens(text) for text in (ours, theirs))
    same = next(i for i, (a, b) in enumerate(zip_longest(first, second)) if a != b)
    whole = Encoded([*prompt.ids, *first[:same]], prompt.pictures, prompt.patches)
    with torch.inference_mode():
        inputs = embedded._embed(whole, torch.tensor([whole.ids]))
        inputs["position_ids"] = embedded.chat.positions(whole)[:, None]
        hidden = embedded.model.model.language_model(**inputs).last_hidden_state
        best = embedded.model.lm_head(hidden[:, -1]).topk(2).values[0]
    return float(best[0] - best[1])


def test_the_agent_works_on_many_samples_against_the_server(server: VllmServer) -> None:
    system = sam3_agent_tiny(replace(TINY, endpoint=server.url, model="tiny", concurrency=8))
    samples, images = [], []
    for number in range(8):
        rng = np.random.default_rng([6, number])
        scene = make_scene(rng, 128, "val")
        text = instructions(scene, rng, 1)[0].text
        samples.append(Sample(f"s{number}", f"i{number}", Path("unused.png"), 128, 128, text))
        images.append(scene.image)
    predictions = system.predict(samples, images)
    assert [p.sample_id for p in predictions] == [s.sample_id for s in samples]
    assert {p.outcome for p in predictions} <= set(OUTCOMES) - {"crashed", "model_unavailable", "timed_out"}
    requests = [call for p in predictions for call in p.calls if call.kind == "llm"]
    assert len(requests) >= 8 and all(call.tokens_in > 64 and call.tokens_out > 0 for call in requests)


def test_a_prompt_that_is_too_long_is_told_apart(server: VllmServer) -> None:
    with pytest.raises(PromptTooLongError):
        background.run(endpoint(server).complete([Message("user", ("mug " * 4000,))], 16))


def test_a_server_that_cannot_start_gives_its_log(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    log = tmp_path / "log"
    with (
        pytest.raises(ServerError, match=r"(?s)ended \(exit code 1\).*log.*Traceback|ValueError|ValidationError"),
        VllmServer(str(tmp_path / "model"), log=log, environment=Path(os.environ[VARIABLE]), patience=900),
    ):
        pass
