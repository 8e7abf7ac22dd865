"""What the agent asks of a language model that sees images, and the ways in which it can fail."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from workbench.data.secrets import hide
from workbench.plugins.interfaces import Image

T = TypeVar("T")


class ModelUnavailableError(Exception):
    """The model could not be reached, refused or failed; the message says how, without keys."""

    def __init__(self, message: str) -> None:
        super().__init__(hide(message))


class PassingError(ModelUnavailableError):
    """The same request may succeed a little later: the server was busy, broke off or did not answer. `wait`: seconds
    after which the server asks to be asked again, None where it says nothing."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class PromptTooLongError(Exception):
    """The messages do not fit the model's context."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image in a message: `pixels [H, W, 3] uint8`. What a model makes of it (base64 text, features) is kept with
    it. A picture that is sent again is therefore encoded once. The result is dropped together with the sample.
    """

    pixels: Image
    _made: dict[object, Any] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """`make()` the first time for this key, its result afterwards; safe under concurrent requests."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made


@dataclass(frozen=True)
class Message:
    """One chat message: texts and pictures in the order in which the model is to read them."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True)
class Reply:
    """`finish_reason` is `length` where the reply ended at the token limit. `remark`: what was odd about the reply and
    what to do about it, empty for an ordinary one."""

    text: str
    finish_reason: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int
    remark: str = ""


class LanguageModel(Protocol):
    """A chat model that reads texts and pictures."""

    concurrency: int
    """Requests it can work on at once."""

    def identity(self) -> dict[str, Any]:
        """Everything that decides its replies, in JSON types; never a secret or an address."""
        ...

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """The reply to the messages; stops working on it when it is cancelled.

        Raises `PassingError` where another try may help, else `ModelUnavailableError` or `PromptTooLongError`.
        """
        ...


@runtime_checkable
class Reachable(Protocol):
    """A language model that can be asked in advance whether it will answer."""

    async def check(self) -> None:
        """Send one request; raises `ConfigurationError` with the reason where no request can succeed with these
        settings.
        """
        ...
