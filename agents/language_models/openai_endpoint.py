"""A language model behind an OpenAI-compatible endpoint, such as one that vLLM serves."""

import asyncio
import base64
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from agents import event_loop as background
from agents.language_models import chat_completion
from agents.language_models.http_answer import Answer, UnusableAnswerError, receive
from agents.language_models.interface import (
    Message,
    ModelUnavailableError,
    PassingError,
    Picture,
    PromptTooLongError,
    Reply,
)
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.data.secrets import clean_key, hide, hide_setting, without_login
from workbench.plugins.interfaces import Image

if TYPE_CHECKING:
    from aiohttp import ClientSession

KEY_VARIABLE = "OPENAI_API_KEY"
PICTURE_FORMATS = ("png", "bmp", "jpeg")
JPEG_QUALITY = 90
CHECK_LIMIT = 60.0
"""Seconds in which a server must answer the small request that asks whether it is there."""
LOOK_LIMIT = 180.0
"""Seconds for the canary; what it has not found by then is not looked for."""
_IDLE = 3.0  # seconds that an unused connection is kept: less than the 5 after which vLLM's server closes one
_CONNECT = 10.0  # seconds for a connection
_HOPS = 3  # redirects within the server that are followed
_CHECK_TOKENS = 16
_SHOWN = 10  # models named in a message


class _Key(str):
    """A key that does not show where it is printed by mistake."""

    def __repr__(self) -> str:
        return "[key]"


class OpenAiEndpoint:
    """One client for all samples, with at most `concurrency` requests at once. The key comes from the environment
    variable OPENAI_API_KEY (local servers need none) and is never stored or shown. The caller decides how long to wait
    and whether to ask again. `temperature` None leaves sampling to the server.

    Pictures are sent without loss as `png`, which every server reads, or as `bmp`, which needs no compression but more
    bytes (vLLM reads it, but the published interface does not name it); or as `jpeg`, which loses a little and is
    several times as small for photographs.

    The client speaks HTTP itself: in a profile, the `openai` package took more processor time for a request than the
    graph. Redirects are followed only within the same server, so that prompts and pictures are sent nowhere else.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        temperature: float | None = None,
        concurrency: int = 16,
        seed: int = 0,
        picture_format: str = "png",
        canary: bool = False,
    ) -> None:
        if picture_format not in PICTURE_FORMATS:
            expected = " or ".join([", ".join(PICTURE_FORMATS[:-1]), PICTURE_FORMATS[-1]])
            raise ConfigurationError(f"agent: picture_format must be {expected}, got {picture_format!r}")
        self.picture_format, self._canary = picture_format, canary
        self.model, self.temperature, self.concurrency, self.seed = model, temperature, concurrency, seed
        self._base, login = _address(url)
        key = clean_key(os.environ.get(KEY_VARIABLE) or "", KEY_VARIABLE)
        self._has_key = bool(key or login)
        basic = "Basic " + base64.b64encode(login.encode()).decode()
        self._authorization = _Key(basic if login else f"Bearer {key or 'no-key'}")
        self._free = asyncio.Semaphore(concurrency)
        self._session: ClientSession | None = None

    @property
    def address(self) -> str:
        """Where it is, without a login."""
        return self._base

    def identity(self) -> dict[str, Any]:
        """Model name and sampling; the same name on another server counts as the same model. The format of pictures
        where it loses something."""
        lossy = {"picture_format": f"jpeg, quality {JPEG_QUALITY}"} if self.picture_format == "jpeg" else {}
        return {"kind": "openai", "model": self.model, "temperature": self.temperature, "seed": self.seed, **lossy}

    def conditions(self) -> Conditions:
        """What the clock sees of a server."""
        return Conditions(
            device="the server's own",
            timed="every request to a server, with the way there and its queue",
            not_timed="the server's start, what it keeps of earlier requests, loading, a first answer",
        )

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """One chat completion, read from wherever a server puts it; see `chat_completion`."""
        body = await asyncio.to_thread(self._body, messages, max_tokens)
        async with self._free:
            answer = await self._send("/chat/completions", body)
        if answer.status >= 300:
            raise _refused(self.model, answer)
        return chat_completion.read(answer.body, self.model)

    async def check(self) -> None:
        """Ask for a few tokens about a grey picture, and report what prevents a reply.

        Raises `ConfigurationError` where the address cannot be reached, the key is refused, the model is unknown or the
        server does not take such a request. A server that is only busy passes. The first time the canary looks, too,
        if it was asked for.
        """
        picture = Picture(np.full((64, 64, 3), 128, np.uint8))
        body = self._body([Message("user", ("Say ok.", picture))], _CHECK_TOKENS)
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                answer = await self._send("/chat/completions", body)
                if answer.status in (401, 403):
                    raise ConfigurationError(self._unready(f"it refuses the key: {_words(answer)}", self._about_key()))
                if answer.status == 404:
                    raise ConfigurationError(self._unready(f"HTTP 404: {_words(answer)}", await self._models()))
        except TimeoutError:
            alive = await self._listed()
            died = "although it names its models: what generates behind it may have died, so restart it"
            problem = f"no reply to a small request within {CHECK_LIMIT:g} s"
            raise ConfigurationError(self._unready(f"{problem}, {died}" if alive else problem)) from None
        except ModelUnavailableError as error:
            raise ConfigurationError(self._unready(str(error), "start it, or give another address")) from None
        if answer.status == 429 or (answer.status == 400 and "max_tokens" in _words(answer)):
            return
        if answer.status >= 300:
            raise ConfigurationError(self._unready(str(_refused(self.model, answer))))
        try:
            chat_completion.read(answer.body, self.model)
        except PassingError as error:
            if "status 200" not in str(error):  # an error that a server names may pass, other things do not
                raise ConfigurationError(self._unready(str(error))) from None
        except (ModelUnavailableError, PromptTooLongError) as error:
            raise ConfigurationError(self._unready(str(error))) from None
        if self._canary:
            await self._look()

    def _unready(self, problem: str, advice: str = "") -> str:
        return hide(f"agent: endpoint {self._base}: {problem}") + (f"; {advice}" if advice else "")

    def _about_key(self) -> str:
        if self._has_key:
            return f"the key comes from {KEY_VARIABLE}"
        return f"no key was sent, because {KEY_VARIABLE} is not set"

    async def _models(self) -> str:
        """The models that a server says it serves; they are shown where the requested model is unknown."""
        names = await self._listed()
        if names is None:
            return (
                f"expected the address of an OpenAI-compatible server, such as http://localhost:8001/v1, and the name "
                f"of a model that it serves, got {self.model!r}"
            )
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"got the model {self.model!r}; it serves {', '.join(names[:_SHOWN])}{more}"

    async def _listed(self) -> list[str] | None:
        try:
            answer = await self._send("/models", None)
            listed = json.loads(answer.body)["data"]
            return [chat_completion.quoted(str(entry["id"])) for entry in listed]
        except (KeyError, ModelUnavailableError, RecursionError, TypeError, ValueError):
            return None

    async def served(self) -> list[str]:
        """The names of the models that the server says it serves. Raises `ConfigurationError` where it says none."""
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                names = await self._listed()
        except TimeoutError:
            names = None
        if names is None:
            raise ConfigurationError(
                self._unready(
                    "it names no models: expected an OpenAI-compatible server, such as http://localhost:8001/v1"
                )
            )
        return names

    async def _look(self) -> None:
        """Let the canary look once; raises `ConfigurationError` where it hears about pictures of other requests. It
        finds nothing in a server that is busy or refuses: the samples will show that."""
        from agents.language_models import canary

        self._canary = False
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_LIMIT):
                found = await canary.look(self)
                if found.mixed:
                    raise ConfigurationError(self._unready(found.trouble))

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

    async def _send(self, path: str, body: bytes | None) -> Answer:
        """The answer to a POST of the body, or to a GET where the body is None."""
        from aiohttp import ClientError
        from yarl import URL

        headers = {"Authorization": str(self._authorization), "Accept-Encoding": "gzip, deflate"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = URL(self._base + path)
        try:
            for _ in range(_HOPS + 1):
                method = "GET" if body is None else "POST"
                request = self._client().request(method, url, data=body, headers=headers, allow_redirects=False)
                async with request as response:
                    answer = await receive(response)
                if answer.status not in (307, 308) or not answer.location:
                    return answer
                target = url.join(URL(answer.location))
                if target.origin() != url.origin():
                    return answer
                url = target
            raise ModelUnavailableError(f"{self.model}: more than {_HOPS} redirects")
        except UnusableAnswerError as error:
            raise ModelUnavailableError(f"{self.model}: {error}") from error
        except (ClientError, OSError, ValueError) as error:  # ValueError: an answer that is no HTTP
            raise PassingError(f"{self.model}: {type(error).__name__}: {chat_completion.quoted(str(error))}") from error

    def _client(self) -> "ClientSession":
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        if self._session is None:  # made on the event loop that uses it
            connector = TCPConnector(limit=self.concurrency, keepalive_timeout=_IDLE)
            self._session = ClientSession(
                connector=connector,
                timeout=ClientTimeout(total=None, sock_connect=_CONNECT),
                trust_env=True,
                auto_decompress=False,
                cookie_jar=DummyCookieJar(),
            )
            background.close_at_exit(self._session.close)
        return self._session


def _address(url: str) -> tuple[str, str]:
    """The address without a slash at its end, and its login. Raises `ConfigurationError` for a text that is no
    address.
    """
    try:
        address, login = without_login(url.strip().rstrip("/"))
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable, address, login = False, url, ""
    if not usable or parts.query or parts.fragment or any(not 0x20 < ord(c) < 0x7F for c in address):
        raise ConfigurationError(
            "agent: expected endpoint to be an address such as http://localhost:8001/v1, got "
            f"{hide_setting(address)!r}" + ("" if "://" in url else ": http:// or https:// is missing")
        )
    return address, unquote(login)


def _words(answer: Answer) -> str:
    """The server's own message about what is wrong."""
    try:
        body = json.loads(answer.body)
    except (RecursionError, ValueError):
        return chat_completion.quoted(answer.body)
    error = body.get("error", body) if isinstance(body, dict) else body
    words = (error.get("message") or error.get("detail") or error) if isinstance(error, dict) else error
    return chat_completion.quoted(words if isinstance(words, str) else json.dumps(words, ensure_ascii=False))


def _refused(model: str, answer: Answer) -> ModelUnavailableError | PromptTooLongError:
    """The exception for an answer that is not a success."""
    if answer.status < 400:
        where = chat_completion.quoted(answer.location) or "nowhere"
        return ModelUnavailableError(
            f"{model}: HTTP {answer.status}: the endpoint redirects to {where}, where nothing is sent: give that "
            "address as the endpoint if it is meant"
        )
    try:
        body = json.loads(answer.body)
    except (RecursionError, ValueError):
        body = answer.body.decode(errors="replace")
    error = body.get("error", body) if isinstance(body, dict) else body
    refusal = chat_completion.refusal(error, model, f"HTTP {answer.status}", answer.status)
    if isinstance(refusal, PassingError):
        refusal.wait = answer.wait
    return refusal


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
    lossy, lossless = {"quality": JPEG_QUALITY, "subsampling": 0}, {"compress_level": 1}
    Pillow.fromarray(pixels).save(stream, format=picture_format, **(lossy if picture_format == "jpeg" else lossless))
    return f"data:image/{picture_format};base64," + base64.b64encode(stream.getvalue()).decode("ascii")
