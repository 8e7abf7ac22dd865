"""Whether a server is ready: small requests to it, and what its log says while one waits."""

import base64
import io
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.data.plain import plain

EVERY = 5.0
"""Seconds between two lines of a log that are shown."""
_WIDTH = 160
_READ = 2**16


class LogProgress:
    """Passes on the newest line of a growing log, at most one every `EVERY` seconds: what vLLM says of the download and
    of loading. A progress bar rewrites its line by carriage returns, and its latest state counts as a line."""

    def __init__(self, log: Path, show: Callable[[str], None]) -> None:
        self._log, self._show = log, show
        self._at, self._last, self._next = 0, "", 0.0

    def look(self) -> None:
        """Show what is new."""
        if time.monotonic() < self._next:
            return
        size = self._log.stat().st_size
        with self._log.open("rb") as stream:
            stream.seek(max(self._at, size - _READ))
            text = stream.read(_READ).decode(errors="replace")
        self._at = size
        lines = [plain(line).strip() for line in text.replace("\r", "\n").split("\n")]
        said = next((line for line in reversed(lines) if line), "")
        if said and said != self._last:
            self._last, self._next = said, time.monotonic() + EVERY
            self._show(said[:_WIDTH])


def get(url: str) -> bytes:
    """The body of an answer; raises `OSError` where there is none."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
    return body


def ask(url: str, name: str, timeout: float) -> None:
    """One request about an image to the model of this name; raises `OSError`, `ValueError` or `KeyError` where it is
    not answered."""
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(_request(name)).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        json.loads(answer.read())["choices"][0]


def _request(name: str) -> dict[str, Any]:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, format="PNG")
    url = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "?"}]
    return {"model": name, "messages": [{"role": "user", "content": content}], "max_tokens": 1, "temperature": 0}
