"""A language model behind an OpenAI-compatible endpoint, such as one that vLLM serves."""

import asyncio
import base64
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents.language_model import Message, ModelUnavailableError, PassingError, Picture, PromptTooLongError, Reply
from workbench.systems import Image

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletion

KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAiEndpoint:
    """One client for all samples, with at most `concurrency` requests at once. The key comes from the environment
    variable OPENAI_API_KEY (local servers need none) and is never stored or shown. Who asks decides how long to wait
    and whether to ask again. `temperature` None leaves sampling to the server."""

    def __init__(
        self, url: str, model: str, *, temperature: float | None = None, concurrency: int = 16, seed: int = 0
    ) -> None:
        from openai import AsyncOpenAI

        self.model, self.temperature, self.concurrency, self.seed = model, temperature, concurrency, seed
        key = os.environ.get(KEY_VARIABLE) or "no-key"
        self._client = AsyncOpenAI(base_url=url, api_key=key, timeout=None, max_retries=0)
        self._free = asyncio.Semaphore(concurrency)

    def identity(self) -> dict[str, Any]:
        """Model name and sampling; the same name on another server counts as the same model."""
        return {"kind": "openai", "model": self.model, "temperature": self.temperature, "seed": self.seed}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """One chat completion; a reply without text (a refusal) is an empty one."""
        body = await asyncio.to_thread(lambda: [_encode(message) for message in messages])
        async with self._free:
            answer = await self._send(body, max_tokens)
        try:
            choice, usage = answer.choices[0], answer.usage
            return Reply(
                text=choice.message.content or "",
                finish_reason="length" if choice.finish_reason == "length" else "stop",
                tokens_in=usage.prompt_tokens if usage else 0,
                tokens_out=usage.completion_tokens if usage else 0,
            )
        except (AttributeError, IndexError, TypeError) as error:
            # the client checks no types: any JSON or text that a server sends with status 200 gets here
            raise PassingError(f"{self.model}: the endpoint sent no chat completion") from error

    async def _send(self, body: Any, max_tokens: int) -> "ChatCompletion":
        from openai import APIConnectionError, APIStatusError, OpenAIError, omit

        try:
            return await self._client.chat.completions.create(
                model=self.model,
                messages=body,
                max_completion_tokens=max_tokens,
                temperature=omit if self.temperature is None else self.temperature,
                seed=self.seed,
            )
        except APIStatusError as error:
            if _is_too_long(error):
                raise PromptTooLongError(_reason(error)) from error
            passing = error.status_code in (408, 409, 429) or error.status_code >= 500
            raise self._failure(f"HTTP {error.status_code}: {_reason(error)}", passing=passing) from error
        except APIConnectionError as error:
            raise self._failure(f"{type(error).__name__}: {error}", passing=True) from error
        except (OpenAIError, ValueError) as error:  # an answer that cannot be read
            raise self._failure(f"{type(error).__name__}: {error}", passing=True) from error

    def _failure(self, problem: str, *, passing: bool) -> ModelUnavailableError:
        kind = PassingError if passing else ModelUnavailableError
        return kind(f"{self.model}: {problem}".replace(self._client.api_key, "[key]"))


def _encode(message: Message) -> dict[str, Any]:
    if all(isinstance(part, str) for part in message.parts):
        return {"role": message.role, "content": "\n".join(str(part) for part in message.parts)}
    return {"role": message.role, "content": [_encode_part(part) for part in message.parts]}


def _encode_part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    url = part.once("data url", lambda: data_url(part.pixels))
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def data_url(pixels: Image) -> str:
    """The image `[H, W, 3] uint8` as a base64 PNG data URL."""
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _is_too_long(error: "APIStatusError") -> bool:
    text = _reason(error).lower()
    return error.status_code in (400, 413, 422) and (
        error.code == "context_length_exceeded" or "context length" in text or "max_model_len" in text
    )


def _reason(error: "APIStatusError") -> str:
    """The server's own words, cut short."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.message)[:300]
