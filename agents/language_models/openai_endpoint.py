"""A language model behind an OpenAI-compatible endpoint, such as one that vLLM serves."""

import asyncio
import base64
import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents import event_loop as background
from agents.language_models.interface import (
    Message,
    ModelUnavailableError,
    PassingError,
    Picture,
    PromptTooLongError,
    Reply,
)
from workbench.data.errors import ConfigurationError
from workbench.plugins.interfaces import Image

if TYPE_CHECKING:
    from aiohttp import ClientSession

KEY_VARIABLE = "OPENAI_API_KEY"
PICTURE_FORMATS = ("png", "bmp")
_IDLE = 3.0  # seconds that an unused connection is kept: less than the 5 after which vLLM's server closes one
_REASON_LIMIT = 300  # characters


class _Key(str):
    """A key that does not show where it is printed by mistake."""

    def __repr__(self) -> str:
        return "[key]"


class OpenAiEndpoint:
    """One client for all samples, with at most `concurrency` requests at once. The key comes from the environment
    variable OPENAI_API_KEY (local servers need none) and is never stored or shown. Who asks decides how long to wait
    and whether to ask again. `temperature` None leaves sampling to the server.

    Pictures are sent without loss: as `png`, which every server reads, or as `bmp`, which takes no compressing and
    more bytes; vLLM reads it, the published interface does not name it.

    It speaks HTTP itself: in a profile the `openai` package took more processor time for a request than the graph."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        temperature: float | None = None,
        concurrency: int = 16,
        seed: int = 0,
        picture_format: str = "png",
    ) -> None:
        if picture_format not in PICTURE_FORMATS:
            expected = " or ".join(PICTURE_FORMATS)
            raise ConfigurationError(f"agent: picture_format must be {expected}, got {picture_format!r}")
        self.picture_format = picture_format
        self.model, self.temperature, self.concurrency, self.seed = model, temperature, concurrency, seed
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = _Key(os.environ.get(KEY_VARIABLE) or "no-key")
        self._free = asyncio.Semaphore(concurrency)
        self._session: ClientSession | None = None

    def identity(self) -> dict[str, Any]:
        """Model name and sampling; the same name on another server counts as the same model."""
        return {"kind": "openai", "model": self.model, "temperature": self.temperature, "seed": self.seed}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """One chat completion; a reply without text (a refusal) is an empty one."""
        body = await asyncio.to_thread(self._body, messages, max_tokens)
        async with self._free:
            status, answer = await self._send(body)
        if status >= 400:
            raise self._refusal(status, answer)
        try:
            found = json.loads(answer)
            choice, usage = found["choices"][0], found.get("usage") or {}
            return Reply(
                text=choice["message"]["content"] or "",
                finish_reason="length" if choice["finish_reason"] == "length" else "stop",
                tokens_in=int(usage.get("prompt_tokens") or 0),
                tokens_out=int(usage.get("completion_tokens") or 0),
            )
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            # servers and what stands before them send anything with status 200
            raise PassingError(f"{self.model}: the endpoint sent no chat completion") from error

    def _body(self, messages: Sequence[Message], max_tokens: int) -> bytes:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [_encode(message, self.picture_format) for message in messages],
            "max_completion_tokens": max_tokens,
            "seed": self.seed,
        }
        if self.temperature is not None:
            body["temperature"] = self.temperature
        return json.dumps(body).encode()

    async def _send(self, body: bytes) -> tuple[int, bytes]:
        from aiohttp import ClientError

        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            async with self._client().post(self._url, data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (ClientError, OSError, ValueError) as error:  # ValueError: an answer that is no HTTP, a bad address
            raise self._failure(f"{type(error).__name__}: {error}", passing=True) from error

    def _client(self) -> "ClientSession":
        from aiohttp import ClientSession, ClientTimeout, TCPConnector

        if self._session is None:  # made on the event loop that uses it
            connector = TCPConnector(limit=self.concurrency, keepalive_timeout=_IDLE)
            self._session = ClientSession(connector=connector, timeout=ClientTimeout(total=None), trust_env=True)
            background.close_at_exit(self._session.close)
        return self._session

    def _refusal(self, status: int, answer: bytes) -> ModelUnavailableError | PromptTooLongError:
        reason, code = _reason(answer)
        text = reason.lower()
        too_long = code == "context_length_exceeded" or "context length" in text or "max_model_len" in text
        if status in (400, 413, 422) and too_long:
            return PromptTooLongError(reason)
        passing = status in (408, 409, 429) or status >= 500
        return self._failure(f"HTTP {status}: {reason}", passing=passing)

    def _failure(self, problem: str, *, passing: bool) -> ModelUnavailableError:
        kind = PassingError if passing else ModelUnavailableError
        return kind(f"{self.model}: {problem}".replace(self._key, "[key]"))


def _encode(message: Message, picture_format: str) -> dict[str, Any]:
    if all(isinstance(part, str) for part in message.parts):
        return {"role": message.role, "content": "\n".join(str(part) for part in message.parts)}
    return {"role": message.role, "content": [_encode_part(part, picture_format) for part in message.parts]}


def _encode_part(part: str | Picture, picture_format: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    url = part.once(picture_format, lambda: data_url(part.pixels, picture_format))
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def data_url(pixels: Image, picture_format: str) -> str:
    """The image `[H, W, 3] uint8` as a base64 data URL."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, format=picture_format, compress_level=1)
    return f"data:image/{picture_format};base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _reason(answer: bytes) -> tuple[str, str]:
    """The server's own words, cut short, and its code for what is wrong, if it has one."""
    text = answer.decode(errors="replace")
    try:
        body = json.loads(text)
    except (RecursionError, ValueError):
        return " ".join(text.split())[:_REASON_LIMIT], ""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return text[:_REASON_LIMIT], ""
    return str(error.get("message") or error.get("detail") or text)[:_REASON_LIMIT], str(error.get("code") or "")
