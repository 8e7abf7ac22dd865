"""A page of HTML as its text, and the gallery of a run."""

import base64
import gzip
import json
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """What a browser would see: attributes that load something, text outside scripts, and the scripts by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag == "script":
            self.scripts.append((found.get("id"), ""))
        if tag in ("script", "style"):
            self._open.append((tag, found.get("id")))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.text += data
        elif self._open[-1][0] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)

    @property
    def content(self) -> dict[str, Any]:
        """The gallery's data as the script unpacks it."""
        return dict(json.loads(gzip.decompress(base64.b64decode(dict(self.scripts)["packed"]))))
