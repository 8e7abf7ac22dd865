"""A language model behind an OpenAI-compatible endpoint, as far as rewriting needs it: one request, one text.

The key comes from the environment variable OPENAI_API_KEY (local servers need none); it is never stored or shown.
"""

import base64
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from workbench.data.errors import ConfigurationError
from workbench.data.secrets import clean_key, hide, hide_setting, without_login

if TYPE_CHECKING:
    from aiohttp import ClientSession

KEY_VARIABLE = "OPENAI_API_KEY"
_LIMIT = 8 * 1024 * 1024
"""Bytes of an answer that are read."""
_SHOWN = 200


class NoReplyError(Exception):
    """The server sent no text; the message says why, without keys."""


class Endpoint:
    """A model of a server. Use it as `async with`: connections are closed at the end."""

    def __init__(self, url: str, model: str, seconds: float = 300.0) -> None:
        self.model, self._seconds = model, seconds
        self.url, login = _address(url)
        key = clean_key(os.environ.get(KEY_VARIABLE) or "", KEY_VARIABLE)
        basic = "Basic " + base64.b64encode(login.encode()).decode()
        self._authorization = basic if login else f"Bearer {key or 'no-key'}"
        self._session: ClientSession | None = None

    async def __aenter__(self) -> "Endpoint":
        from aiohttp import ClientSession, ClientTimeout

        self._session = ClientSession(timeout=ClientTimeout(total=self._seconds, sock_connect=10.0), trust_env=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, messages: list[dict[str, Any]], seed: int, max_tokens: int) -> str:
        """The text of one chat completion; raises `NoReplyError` for anything else."""
        from aiohttp import ClientError

        assert self._session is not None, "use the endpoint as `async with`"
        body = {"model": self.model, "messages": messages, "seed": seed, "max_completion_tokens": max_tokens}
        headers = {"Authorization": self._authorization}
        try:
            async with self._session.post(
                f"{self.url}/chat/completions", json=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.content.read(_LIMIT)
                status = answer.status
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            raise NoReplyError(f"{type(error).__name__}: {_quoted(str(error))}") from error
        if status != 200:
            raise NoReplyError(f"HTTP {status}: {_quoted(content.decode(errors='replace'))}")
        return _text(content)


def _text(content: bytes) -> str:
    try:
        text = json.loads(content)["choices"][0]["message"]["content"]
    except (IndexError, KeyError, RecursionError, TypeError, ValueError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise NoReplyError(f"expected a chat completion with a text, got {_quoted(content.decode(errors='replace'))}")
    return text


def _quoted(text: str) -> str:
    """What a server sent, on one line, without keys, and short."""
    plain = "".join(c if c.isprintable() else " " for c in hide(text))
    return " ".join(plain.split())[:_SHOWN]


def _address(url: str) -> tuple[str, str]:
    """The address without a slash at its end, and its login; `ConfigurationError` for what is no address."""
    try:
        address, login = without_login(url.strip().rstrip("/"))
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:
        usable, address, login = False, url, ""
    if not usable:
        raise ConfigurationError(
            "instructions: expected --endpoint to be an address such as http://localhost:8001/v1, got "
            f"{hide_setting(address)!r}"
        )
    return address, unquote(login)
