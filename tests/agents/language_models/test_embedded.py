"""The embedded model against transformers' own generation, on a random tiny Qwen3-VL."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
import torch

from agents.language_models.embedded import EmbeddedQwen
from agents.language_models.interface import Message, ModelUnavailableError, PromptTooLongError
from tests.agents.language_models.tiny import conversation, picture
from workbench.data.errors import ConfigurationError


def test_replies_equal_those_of_transformers_generate(model: EmbeddedQwen) -> None:
    encoded = model.chat.encode(conversation())
    ids = torch.tensor([encoded.ids])
    grids = torch.tensor([[1, patches.height, patches.width] for patches in encoded.patches])
    images = (ids == model.chat.image).int()
    with torch.inference_mode():
        out = model.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=torch.cat([patches.pixels for patches in encoded.patches]),
            image_grid_thw=grids,
            mm_token_type_ids=images,
            do_sample=False,
            max_new_tokens=24,
        )
    expected = out[0, len(encoded.ids) :].tolist()
    reply = asyncio.run(model.complete(conversation(), 24))
    assert len(set(expected)) > 3
    assert reply.text == model.chat.text(expected)
    assert (reply.tokens_in, reply.tokens_out) == (len(encoded.ids), 24)
    assert reply.finish_reason == "length"


def test_the_end_token_ends_the_reply(model: EmbeddedQwen, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asyncio.run(model.complete(conversation(), 24))
    encoded = model.chat.encode(conversation())
    with torch.inference_mode():
        ids = model._decode(encoded, 24, threading.Event())
    monkeypatch.setattr(model, "_stops", {ids[5]})
    reply = asyncio.run(model.complete(conversation(), 24))
    first = ids.index(ids[5])
    assert (reply.finish_reason, reply.tokens_out) == ("stop", first + 1)
    assert whole.text.startswith(reply.text)


def test_a_picture_is_seen_once_however_often_it_is_sent(model: EmbeddedQwen, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = model._see
    monkeypatch.setattr(model, "_see", lambda patches: (seen.append(1), original(patches))[1])
    raw = picture(3)
    first = asyncio.run(model.complete([Message("user", (raw, "red"))], 8))
    second = asyncio.run(model.complete([Message("user", (raw, "red"))], 8))
    asyncio.run(model.complete([Message("user", (raw, "red", raw, picture(4)))], 2))
    assert len(seen) == 2
    assert first == second


def test_a_prompt_longer_than_the_context_is_refused(model: EmbeddedQwen) -> None:
    with pytest.raises(PromptTooLongError, match="160"):
        asyncio.run(model.complete([Message("user", ("x y " * 200,))], 8))


def test_a_reply_ends_where_the_context_does(model: EmbeddedQwen) -> None:
    encoded = model.chat.encode(conversation())
    reply = asyncio.run(model.complete(conversation(), 10_000))
    assert reply.finish_reason == "length"
    assert reply.tokens_out == 160 - len(encoded.ids)


def test_a_reply_stops_when_it_is_cancelled(model: EmbeddedQwen, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[int]] = []
    original = model._decode
    monkeypatch.setattr(model, "context", 100_000)
    monkeypatch.setattr(model, "_stops", set())
    monkeypatch.setattr(model, "_decode", lambda *given: (written.append(original(*given)), written[-1])[1])

    async def ask() -> None:
        async with asyncio.timeout(0.3):
            await model.complete(conversation(), 100_000)

    begun = time.process_time()
    with pytest.raises(TimeoutError):
        asyncio.run(ask())  # waits for its threads, so the decoding has ended
    assert time.process_time() - begun < 10
    assert 0 < len(written[0]) < 90_000


def test_a_failing_model_is_unavailable(model: EmbeddedQwen, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model, "_decode", out_of_memory)
    with pytest.raises(ModelUnavailableError, match="out of memory"):
        asyncio.run(model.complete(conversation(), 8))


def test_the_identity_names_weights_and_no_folder(model: EmbeddedQwen, folder: Path) -> None:
    identity = model.identity()
    assert identity["checkpoint"] == folder.name and len(identity["digest"]) == 16
    assert str(folder) not in str(identity)


def test_a_missing_checkpoint_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not found"):
        EmbeddedQwen(tmp_path / "nothing")
