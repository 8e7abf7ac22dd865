"""Reads JSON files that are too long to be held: the entries of their lists are parsed when they are asked for.

A first pass parses the whole file piece by piece, so that anything wrong in it is found, and notes where each entry
lies. After that an entry costs memory only while it is in use.
"""

import codecs
import json
import os
import reprlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeGuard, overload

from workbench.data.errors import ConfigurationError
from workbench.data.json_objects import once_each
from workbench.data.opening import open_file

PIECE = 2**20
"""Bytes that are read at once"""
SHORT = 2**16
"""Lists of up to this many bytes are parsed and kept"""
_DECODER = json.JSONDecoder(object_pairs_hook=once_each)
_BLANKS = " \t\n\r"
_LONGEST_WORD = len("-Infinity") + len(r"\uD800\uDC00")
"""A mistake this close to the end of what was read may be a value that is cut off there"""


class Entries(Sequence[Any]):
    """The entries of a long list in a JSON file. Each is parsed when it is asked for, and not kept.

    An entry may be changed without an effect on the list. Raises `ConfigurationError` where the file was changed
    meanwhile.
    """

    def __init__(self, path: Path, file: BufferedReader, starts: "array[int]", ends: "array[int]") -> None:
        self.path = path
        self._file, self._starts, self._ends = file, starts, ends
        self._change: Callable[[Any], object] | None = None

    def changed(self, change: Callable[[Any], object]) -> "Entries":
        """The same entries, on each of which `change` was called after it was parsed."""
        other = Entries(self.path, self._file, self._starts, self._ends)
        other._change = change
        return other

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start, end = self._starts[index], self._ends[index]
        try:
            text = os.pread(self._file.fileno(), end - start, start).decode("utf-8", "surrogatepass")
            value = _DECODER.raw_decode(text)[0]
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.path} was changed while it was read: {error}") from error
        if self._change is not None:
            self._change(value)
        return value

    def __repr__(self) -> str:
        return reprlib.repr(self[:10])


Listed = list[Any] | Entries
"""What a list in a JSON file is read as"""


def is_listed(value: object) -> TypeGuard[Listed]:
    """Whether a value was a list in its JSON file."""
    return isinstance(value, list | Entries)


def parse(path: Path) -> Any:
    """The value in a JSON file in UTF-8. Long lists in it, at the top or as a value of the object there, are `Entries`.

    Raises `ValueError` for anything that `json.loads` would refuse, with the same words, and for a key that an object
    has twice; `OSError` for an unreadable file.
    """
    file = open_file(path)  # stays open as long as entries are in use
    text = _Text(file)
    value: Any
    if text.next() == "[":
        value = _entries(path, text)
    elif text.next() == "{":
        value = once_each(list(_pairs(path, text)))
    else:
        value = text.value()
    if text.next():
        raise text.error("Extra data")
    return value


def _pairs(path: Path, text: "_Text") -> Iterable[tuple[str, Any]]:
    for _ in _items(text, "{}"):
        if text.next() != '"':
            raise text.error("Expecting property name enclosed in double quotes")
        key = text.value()
        if text.next() != ":":
            raise text.error("Expecting ':' delimiter")
        text.step()
        yield key, _entries(path, text) if text.next() == "[" else text.value()


def _entries(path: Path, text: "_Text") -> Listed:
    starts, ends = array("q"), array("q")
    kept: list[Any] | None = []
    for _ in _items(text, "[]"):
        text.next()
        starts.append(text.byte)
        value = text.value()
        ends.append(text.byte)
        if kept is not None:
            kept.append(value)
            kept = kept if text.byte - starts[0] <= SHORT else None
    return Entries(path, text.file, starts, ends) if kept is None else kept


def _items(text: "_Text", brackets: str) -> Iterable[None]:
    """Goes through what stands between brackets: at each step the text is in front of an item."""
    text.step()
    if text.next() == brackets[1]:
        text.step()
        return
    while True:
        yield
        following = text.next()
        if following not in (",", brackets[1]):
            raise text.error("Expecting ',' delimiter")
        text.step()
        if following == brackets[1]:
            return


class _Text:
    """The text of a JSON file from the place on that is reached; `byte` is that place in the file."""

    def __init__(self, file: BufferedReader) -> None:
        self.file = file
        self.byte = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogatepass").decode
        self._text, self._at, self._ended = "", 0, False
        self._before, self._lines, self._column = 0, 0, 0  # characters, and where they end, in front of `_text`
        if file.peek(3).startswith(codecs.BOM_UTF8):
            self.byte = len(file.read(3))

    def next(self) -> str:
        """The next character that is no blank, which is then the place that is reached; empty at the end."""
        while True:
            here = self._at
            while here < len(self._text) and self._text[here] in _BLANKS:
                here += 1
            self._go(here)
            if here < len(self._text) or self._ended:
                return self._text[here : here + 1]
            self._more()

    def step(self) -> None:
        """Go past the character that `next` gave."""
        self._go(self._at + 1)

    def value(self) -> Any:
        """The value that starts here; goes past it."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated") or error.pos + _LONGEST_WORD >= len(self._text)
                if self._ended or not cut_off:
                    raise self.error(error.msg, error.pos) from error
            except ValueError as error:  # more digits than Python reads as a whole number, of what may be none
                if self._ended or "digits" not in str(error):
                    raise
            else:
                if end + len("e+1") <= len(self._text) or self._ended:  # else a number may go on
                    self._go(end)
                    return value
            self._more()

    def error(self, message: str, place: int | None = None) -> ValueError:
        """The error for a mistake at this place of what is held, else at the place that is reached."""
        place = self._at if place is None else place
        line_start = self._text.rfind("\n", 0, place) + 1
        line = self._lines + self._text.count("\n", 0, place) + 1
        column = place - line_start + (0 if line_start else self._column) + 1
        return ValueError(f"{message}: line {line} column {column} (char {self._before + place})")

    def _go(self, place: int) -> None:
        passed = self._text[self._at : place]
        self.byte += len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogatepass"))
        self._at = place

    def _more(self) -> None:
        """Read on, at least as much as is held, so that a long value is tried a few times only."""
        gone, self._text, self._at = self._text[: self._at], self._text[self._at :], 0
        self._before += len(gone)
        self._lines += gone.count("\n")
        last = gone.rfind("\n")
        self._column = len(gone) - last - 1 if last >= 0 else self._column + len(gone)
        piece = self.file.read(max(PIECE, len(self._text)))
        self._text += self._decode(piece, final=not piece)
        self._ended = not piece
