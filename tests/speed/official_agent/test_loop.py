"""The official way that ours is timed against: the same requests and answers, made the way the official code does."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.options import Options
from agents.systems import Sam3Agent
from speed.official_agent.loop import OfficialLoop, save
from tests.agents.endpoint import Request, images, serving
from tests.agents.scripted import ACCEPT, EXAMINE, MARKERS, THINGS, ScriptedSegmenter, plain, segment, select
from workbench.data.predictions import OK
from workbench.data.samples import Sample

pytest.importorskip("openai")


def model(request: Request) -> str:
    """Nothing for a first phrase, three masks for a second, a check that accepts all, a choice."""
    texts = str(request["messages"])
    if images(request) == 3:
        return ACCEPT
    if "examined_masks_left" in texts:
        return select(1)
    if "masks_rendered" in texts:
        return EXAMINE
    return segment("thing" if "zero_masks" in texts else "ghost")


def seen(request: Request) -> list[tuple[str, list[Any]]]:
    """What the model sees of a request: roles, texts, and the pixels of pictures."""
    messages = []
    for message in request["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        messages.append((message["role"], [part["text"] if "text" in part else pixels(part) for part in parts]))
    return messages


def pixels(part: Any) -> bytes:
    data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).tobytes()


def test_both_ways_make_the_same_requests_and_give_the_same_answer(tmp_path: Path) -> None:
    save(plain(), tmp_path / "image.png")
    options = Options(temperature=0.0)
    with serving(model) as server:
        official = OfficialLoop(server.url, "m", ScriptedSegmenter(THINGS), MARKERS, options, tmp_path / "out")
        theirs = official.answer("s", tmp_path / "image.png", "the things")
        requests, server.requests = server.requests, []
        endpoint = OpenAiEndpoint(server.url, "m", temperature=0.0, concurrency=1)
        system = Sam3Agent(ScriptedSegmenter(THINGS), endpoint, MARKERS, options)
        (ours,) = system.predict([Sample("s", "i", tmp_path / "image.png", 96, 64, "the things")], [plain()])
        assert [seen(request) for request in requests] == [seen(request) for request in server.requests]
    assert len(requests) == 7  # two phrases, a check of three masks, a choice
    same = ("model", "temperature", "seed", "max_completion_tokens")
    assert {key: requests[0][key] for key in same} == {key: server.requests[0][key] for key in same}
    assert theirs.outcome == OK and theirs.instances == ours.instances and theirs.phrases == ours.phrases


def test_everything_is_made_anew_and_written_to_files(tmp_path: Path) -> None:
    save(plain(), tmp_path / "image.png")
    segmenter = ScriptedSegmenter(THINGS)
    with serving(model) as server:
        official = OfficialLoop(server.url, "m", segmenter, MARKERS, Options(), tmp_path / "out")
        answer = official.answer("s", tmp_path / "image.png", "the things")
    assert segmenter.encoded == 2  # once for each phrase
    kinds = [call.kind for call in answer.calls]
    assert (kinds.count("llm"), kinds.count("encode"), kinds.count("segment")) == (7, 2, 2)
    written = {path.name for path in (tmp_path / "out" / "s").iterdir()}
    assert {"phrase1.json", "phrase2.json", "phrase2.png", "answer.json", "answer.png", "history.json"} <= written
    assert official.outside > 0
