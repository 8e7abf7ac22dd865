"""Receives a server's answer within bounds: of the bytes sent, of the bytes after unpacking, and of the time it asks to
wait.
"""

import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from workbench.data.secrets import hide

if TYPE_CHECKING:
    from aiohttp import ClientResponse

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of an answer, as sent and as unpacked; a reply of 100,000 tokens takes less than one of the eight MiB."""
_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


class UnusableAnswerError(Exception):
    """An answer that was not read to its end; the message says why."""


@dataclass(frozen=True)
class Answer:
    """`location`: where the answer redirects to, otherwise empty. `wait`: seconds of its Retry-After header, None
    without one.
    """

    status: int
    body: bytes
    location: str = ""
    wait: float | None = None


async def receive(response: "ClientResponse") -> Answer:
    """Read an answer, unpacked.

    Raises `UnusableAnswerError` for one beyond `BODY_LIMIT`, or packed in a way that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", *_BITS):
        raise UnusableAnswerError(f"the reply is packed as {hide(encoding)[:60]!r}; expected gzip, deflate or nothing")
    unpacker = zlib.decompressobj(_BITS[encoding]) if encoding in _BITS else None
    received, body = 0, bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        received += len(chunk)
        if unpacker:
            try:
                chunk = unpacker.decompress(chunk, BODY_LIMIT + 1 - len(body))
            except zlib.error as error:
                raise UnusableAnswerError(
                    f"the reply says that it is packed as {encoding} and cannot be unpacked: {error}"
                ) from error
        body += chunk
        if max(received, len(body)) > BODY_LIMIT:
            how = f"unpacks ({encoding}) to" if unpacker else "has"
            raise UnusableAnswerError(
                f"the reply {how} more than {BODY_LIMIT // 1024**2} MiB, which no chat completion has"
            )
    wait = retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
    return Answer(response.status, bytes(body), response.headers.get("Location", ""), wait)


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as an HTTP date; None for anything else."""
    header = header.strip()
    try:
        seconds = float(header)
    except ValueError:
        try:
            when = parsedate_to_datetime(header)
        except (IndexError, OverflowError, TypeError, ValueError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
