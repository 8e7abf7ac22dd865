"""Keeps keys and passwords out of files and messages, whatever a server sends back.

A key is passed to `remember` when it is read. From then on, `hide` finds it in any text, also in part, in another case
or in another encoding, and writes `[key]` in its place. A text is always hidden first and cut to length afterwards.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from workbench.data.errors import ConfigurationError

HIDDEN = "[key]"
PIECE = 8
"""Characters in a row that give a key away; a shorter key is found as a whole word only."""
UNTOUCHED = ("counts", "masks", "trace")
"""Fields of a record that no server writes, masks as RLE, or that were hidden from before they were packed: they must
stay as they are."""

_pieces: set[str] = set()
_words: set[str] = set()
_NAMES = {"key", "apikey", "token", "secret", "password", "passwd", "passphrase", "credential", "credentials"}
_LOOKS = re.compile(
    r"\b(?:sk|pk|rk|hf|gsk|xai|ghp|gho|nvapi|tgp|r8|glpat)[-_][A-Za-z0-9_-]{16,}|\bAIza[A-Za-z0-9_-]{30,}"
    r"|(?<=\bBearer )[A-Za-z0-9._~+/=-]{8,}",
)
_LOGIN = re.compile(r"(?<=://)[^\s/?#@]+@|(?<=://)[^\s/?#]*:[^\s/?#]*@")
_QUERY = re.compile(r"(?<=[?&])((?:api[-_]?)?key|(?:access[-_]?)?token|secret|password)=[^\s&#]+", re.IGNORECASE)


def clean_key(value: str, name: str) -> str:
    """A key as it may be sent: without white space around it, and remembered.

    Raises `ConfigurationError` that says `name`, never the key, where it holds what no HTTP header can carry.
    """
    key = value.strip()
    if not key:
        return ""
    odd = [place for place, character in enumerate(key) if not 0x20 <= ord(character) < 0x7F]
    if odd:
        what = "a line break" if key[odd[0]] in "\r\n" else f"U+{ord(key[odd[0]]):04X}"
        raise ConfigurationError(
            f"{name}: expected a key of printable ASCII characters, got one of {len(key)} characters with {what} at "
            f"position {odd[0] + 1}: set it again, on one line"
        )
    remember(key)
    return key


def remember(secret: str) -> None:
    """From now on, hide this secret in this process."""
    spellings = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}
    for spelling in {one.lower() for one in spellings}:
        if len(spelling) < PIECE:
            _words.add(spelling)
        else:
            _pieces.update(spelling[start : start + PIECE] for start in range(len(spelling) - PIECE + 1))


def forget() -> None:
    """Hide none of the remembered secrets any longer."""
    _pieces.clear()
    _words.clear()


def hide(text: str) -> str:
    """The text without remembered secrets and pieces of them, and without the login of an address."""
    if _pieces and len(text) >= PIECE:
        text = _without_pieces(text)
    for word in _words:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    if "://" in text:
        text = _LOGIN.sub("[login]@", text)
    return text


def hidden(value: Any) -> Any:
    """A value of JSON types with `hide` applied to all its texts, keys included."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hidden(key): item if key in UNTOUCHED else hidden(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(item) for item in value]
    return value


def hide_setting(assignment: str) -> str:
    """An assignment `NAME.OPTION=VALUE` in a form that may be shown. The value is left out if the option is named like
    a key or the value looks like one. Logins and keys in addresses are removed.
    """
    name, equals, value = assignment.partition("=")
    last = re.split(r"[^a-z]+", name.lower())[-1]
    if equals and value and last in _NAMES:
        return f"{name}={HIDDEN}"
    value = _QUERY.sub(rf"\1={HIDDEN}", _LOOKS.sub(HIDDEN, value))
    return hide(name) + equals + hide(value)


def without_login(address: str) -> tuple[str, str]:
    """An address without its login, and the login (`user:password`), which is remembered; empty where it has none."""
    parts = urlsplit(address)
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, ""
    for secret in (login, login.partition(":")[2]):
        if secret:
            remember(secret)
    return urlunsplit(parts._replace(netloc=host)), login


def _without_pieces(text: str) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals have two small letters
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    starts = [start for start in range(len(lowered) - PIECE + 1) if lowered[start : start + PIECE] in _pieces]
    if not starts:
        return text
    shown, at = [], 0
    for start in starts:
        if start >= at:
            shown += [text[at:start], HIDDEN]
        at = start + PIECE
    return "".join([*shown, text[at:]])
