"""Text that a terminal or page displays but does not interpret, and output streams that end quietly.

Ids, instructions, replies, file names and messages of servers are shown as text. Escape sequences, control characters
and marks that change the writing direction are removed, so that none of them can colour, overwrite or reorder the
workbench's own output.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_HALVES = re.compile(r"[\ud800-\udfff]")


def plain(text: str) -> str:
    """The text without terminal sequences, control characters (except tab and new line) and marks that override the
    writing direction. Half of a surrogate pair, which cannot be encoded, is written as an escape (`\\udc00`).
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROLS.sub("", _SEQUENCES.sub("", text))
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def plain_value(value: Any) -> Any:
    """A JSON value whose texts, keys too, are plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(key): plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, list | tuple) else value


class PlainOutput:
    """A text stream that writes plain text only. It stops writing, without an error, when its reader has left or its
    disk is full.

    So `workbench compare ... | head` finishes its work. `failure` says what went wrong; it stays empty when the reader
    has left.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._quiet = False
        self.failure: str | None = None

    def write(self, text: str) -> int:
        self.control(plain(text))
        return len(text)

    def control(self, text: str) -> None:
        """Write text unchanged: for the workbench's own terminal sequences."""
        if not self._quiet:
            with self._leaving():
                self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if not self._quiet:
            with self._leaving():
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._quiet = True
            if not isinstance(error, BrokenPipeError):
                self.failure = error.strerror
            with suppress(OSError, ValueError):  # else the interpreter tries again when it ends, and complains
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


@contextmanager
def plain_output() -> Iterator[PlainOutput]:
    """Make standard output and error plain outputs while a command runs; returns standard output.

    Characters that the terminal's encoding lacks are escaped. A stream that is closed at the start is opened to the
    null device: otherwise a file of the run would get its number, and whatever is printed would end up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = sys.stdout, sys.stderr
    out, error = (PlainOutput(_escaping(stream)) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, error)
    try:
        yield out
    finally:
        out.flush()
        error.flush()
        sys.stdout, sys.stderr = before


def _escaping(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    with suppress(AttributeError):  # a stream of a notebook or a test takes any character
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    return stream
