"""A language model behind an OpenAI-compatible endpoint, such as one that vLLM serves."""

import base64
import io
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents.language_model import (
    Message,
    ModelUnavailableError,
    OutOfTimeError,
    Picture,
    PromptTooLongError,
    Reply,
)
from workbench.systems import Image

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletion

KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAiEndpoint:
    """One client for all samples and threads. The key comes from the environment variable OPENAI_API_KEY (local servers
    need none) and is never stored or shown. Requests that fail for a passing reason are sent again `retries` times."""

    def __init__(
        self, url: str, model: str, *, timeout: float = 120.0, retries: int = 2, concurrency: int = 8, seed: int = 0
    ) -> None:
        from openai import OpenAI

        self.model, self.timeout, self.retries, self.seed = model, timeout, retries, seed
        self.concurrency = concurrency
        key = os.environ.get(KEY_VARIABLE) or "no-key"
        self._client = OpenAI(base_url=url, api_key=key, timeout=timeout, max_retries=0)

    def identity(self) -> dict[str, Any]:
        """Model name and sampling; the same name on another server counts as the same model."""
        return {"kind": "openai", "model": self.model, "temperature": 0, "seed": self.seed}

    def complete(self, messages: Sequence[Message], max_tokens: int, deadline: float | None = None) -> Reply:
        """One chat completion at temperature 0; a reply without text (a refusal) is an empty one."""
        answer = self._send([_encode(message) for message in messages], max_tokens, deadline)
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
            raise ModelUnavailableError(f"{self.model}: the endpoint sent no chat completion") from error

    def _send(self, body: Any, max_tokens: int, deadline: float | None) -> "ChatCompletion":
        from openai import APIConnectionError, APIStatusError, OpenAIError

        for attempt in range(self.retries + 1):
            left = self.timeout if deadline is None else min(self.timeout, deadline - time.perf_counter())
            if left <= 0:
                raise OutOfTimeError("no time left for another request")
            try:
                return self._client.chat.completions.create(
                    model=self.model,
                    messages=body,
                    max_completion_tokens=max_tokens,
                    temperature=0,
                    seed=self.seed,
                    timeout=left,
                )
            except APIStatusError as error:
                if _is_too_long(error):
                    raise PromptTooLongError(_reason(error)) from error
                problem = f"HTTP {error.status_code}: {_reason(error)}"
                passing = error.status_code in (408, 409, 429) or error.status_code >= 500
            except APIConnectionError as error:
                if deadline is not None and time.perf_counter() >= deadline:
                    raise OutOfTimeError("the request was still running at the time limit") from error
                problem, passing = f"{type(error).__name__}: {error}", True
            except (OpenAIError, ValueError) as error:
                problem, passing = f"{type(error).__name__}: {error}", False
            if not passing:
                break
            if attempt < self.retries:
                time.sleep(min(0.5 * 2**attempt, max(0.0, left)))
        raise ModelUnavailableError(f"{self.model}: {problem}".replace(self._client.api_key, "[key]"))


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
