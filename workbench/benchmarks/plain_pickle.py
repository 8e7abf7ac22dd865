"""Reads pickles that hold plain data only: lists, dicts, tuples, texts, numbers, true, false and None.

A pickle is a program. Python's own reader runs it and can be made to import, call and build anything. Here its steps
are carried out one by one, and a step that would do more than put plain values together is refused by its name
(`GLOBAL`, `REDUCE`, `BUILD`, persistent ids, extensions, ...). Nothing is imported and nothing is called.

Byte strings, which Python 2 wrote for texts, become texts. What a file may ask for is bounded: its size, the number of
its values (a value that stands in several places counts in each of them, so that a small file cannot unfold into a huge
one) and how deep they are nested. A list or dict is complete when it is put into another one, so there are no circles.
"""

import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.data.errors import ConfigurationError, short
from workbench.data.opening import open_file

MAX_BYTES = 2**27
MAX_VALUES = 2**24
MAX_CONTAINERS = 2**22
MAX_DEPTH = 16
"""The refs of a published data set have about 3 million values in half a million containers, 5 deep."""
_MARK = object()
_NAMES = {ord(step.code): step.name for step in pickletools.opcodes}


def read_plain_pickle(path: Path) -> Any:
    """The value in a pickle of plain data; `ConfigurationError` that names the place in the file for any other file."""
    try:
        with open_file(path) as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"annotation file {path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: expected a pickle of at most {MAX_BYTES} bytes")
    reader = _Reader(content)
    try:
        return reader.value()
    except _NotPlainError as error:
        raise ConfigurationError(f"{path}: byte {reader.step_at}: {error}") from error


class _NotPlainError(Exception):
    """What is wrong with a pickle, without its place."""


class _Reader:
    """Carries out the steps of a pickle. `step_at`: where the current step begins."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at, self.step_at = content, 0, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        # of each list, dict and tuple by id: values in it, depth, whether it stands in another one, and the object
        # itself, which keeps the id from being given to another object
        self.known: dict[int, list[Any]] = {}

    def value(self) -> Any:
        steps, content = _STEPS, self.content
        while True:
            self.step_at = self.at
            if self.at >= len(content):
                raise _NotPlainError("the pickle ends too early")
            code = content[self.at]
            self.at += 1
            if code == _STOP:
                break
            step = steps.get(code)
            if step is None:
                raise _NotPlainError(_refusal(code, content, self.at))
            step(self)
            if len(self.stack) > MAX_VALUES or len(self.memo) > MAX_VALUES:
                raise _NotPlainError(f"expected at most {MAX_VALUES} values")
        if len(self.stack) != 1 or self.stack[0] is _MARK:
            raise _NotPlainError("the pickle does not end with one value")
        return self.stack[0]

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.content):
            raise _NotPlainError(f"the pickle ends within a value of {size} bytes")
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, kind: str) -> Any:
        return struct.unpack(kind, self.take(struct.calcsize(kind)))[0]

    def raw_line(self) -> bytes:
        end = self.content.find(b"\n", self.at, self.at + 2**20)
        if end < 0:
            raise _NotPlainError("expected a line of at most a million bytes")
        line = self.take(end - self.at)
        self.at += 1
        return line

    def line(self) -> str:
        line = self.raw_line()
        if not line.isascii():
            raise _NotPlainError(f"expected a line of ASCII, got {short(line)}")
        return line.decode("ascii")

    def push(self, value: Any) -> None:
        if isinstance(value, list | dict | tuple):
            if len(self.known) >= MAX_CONTAINERS:
                raise _NotPlainError(f"expected at most {MAX_CONTAINERS} lists, dicts and tuples")
            self.known[id(value)] = [1, 1, False, value]
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _NotPlainError("there is no value to take")
        return self.stack.pop()

    def after_mark(self) -> list[Any]:
        """The values since the last mark, which are taken off with it."""
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                values = self.stack[place + 1 :]
                del self.stack[place:]
                return values
        raise _NotPlainError("there is no mark")

    def fill(self, container: Any, values: list[Any]) -> None:
        """Count values that are put into a container, and close those that are containers themselves."""
        entry = self.known[id(container)]
        if entry[2]:
            raise _NotPlainError("a list or dict is changed after it was put into another one")
        for value in values:
            inner = self.known.get(id(value)) if isinstance(value, list | dict | tuple) else None
            if inner is entry:
                raise _NotPlainError("a list or dict is put into itself")
            if inner:
                inner[2] = True
                entry[1] = max(entry[1], inner[1] + 1)
            entry[0] += inner[0] if inner else 1
        if entry[0] > MAX_VALUES:
            raise _NotPlainError(f"expected at most {MAX_VALUES} values")
        if entry[1] > MAX_DEPTH:
            raise _NotPlainError(f"expected values nested at most {MAX_DEPTH} deep")

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1] if self.stack else None
        if not isinstance(target, list):
            raise _NotPlainError(f"expected a list to append to, got {_kind(target)}")
        self.fill(target, values)
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1] if self.stack else None
        if not isinstance(target, dict):
            raise _NotPlainError(f"expected a dict to set items of, got {_kind(target)}")
        if len(values) % 2:
            raise _NotPlainError("a key of a dict has no value")
        self.fill(target, values)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | int):
                raise _NotPlainError(f"expected a text or a whole number as key of a dict, got {_kind(key)}")
            if key in target:
                raise _NotPlainError(f"the key {short(key)} stands twice in a dict")
            target[key] = value

    def collect(self, values: list[Any], make: Callable[[list[Any]], Any]) -> None:
        """Push a new container with these values in it."""
        container = make(values) if make is tuple else make([])
        self.push(container)
        if isinstance(container, list):
            self.extend(values)
        elif isinstance(container, dict):
            self.set_items(values)
        elif container:  # Python has one empty tuple only, which may stand anywhere
            self.fill(container, values)

    def remember(self, key: int) -> None:
        if not self.stack or self.stack[-1] is _MARK:
            raise _NotPlainError("there is no value to remember")
        self.memo[key] = self.stack[-1]

    def recall(self, key: int) -> None:
        if key not in self.memo:
            raise _NotPlainError(f"there is no remembered value {key}")
        self.stack.append(self.memo[key])


def _kind(value: Any) -> str:
    return "nothing" if value is None or value is _MARK else type(value).__name__


def _refusal(code: int, content: bytes, at: int) -> str:
    """Why a step is not carried out; the step is named, and so is what it asks for where the pickle says it."""
    name = _NAMES.get(code)
    if name is None:
        return f"there is no step {code:#04x} in pickles"
    asked = ""
    if name in ("GLOBAL", "INST", "PERSID"):
        words = content[at : at + 200].split(b"\n")[: 1 if name == "PERSID" else 2]
        asked = f" {short('.'.join(word.decode('ascii', 'replace') for word in words))}"
    return f"{name}{asked} is refused: only lists, dicts, tuples, texts and numbers are read from a pickle"


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _NotPlainError(f"expected a text in UTF-8, got {short(content)}") from error


def _quoted(line: str) -> str:
    """The text of a byte string as Python 2 shows it, in quotes with escapes."""
    if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
        raise _NotPlainError(f"expected a text in quotes, got {short(line)}")
    try:
        return _text(line[1:-1].encode("ascii").decode("unicode_escape").encode("latin-1"))
    except UnicodeError as error:
        raise _NotPlainError(f"expected a text in quotes, got {short(line)}") from error


def _escaped(line: bytes) -> str:
    try:
        return line.decode("raw_unicode_escape")
    except UnicodeError as error:
        raise _NotPlainError(f"expected a text, got {short(line)}") from error


def _whole(line: str) -> int | bool:
    if line in ("00", "01"):  # how the first protocol writes false and true
        return line == "01"
    try:
        return int(line.removesuffix("L"))
    except ValueError as error:
        raise _NotPlainError(f"expected a whole number, got {short(line)}") from error


def _real(line: str) -> float:
    try:
        return float(line)
    except ValueError as error:
        raise _NotPlainError(f"expected a number, got {short(line)}") from error


def _tuple(size: int) -> Callable[[_Reader], None]:
    def step(reader: _Reader) -> None:
        values = [reader.pop() for _ in range(size)]
        reader.collect(values[::-1], tuple)

    return step


def _protocol(reader: _Reader) -> None:
    if (protocol := reader.take(1)[0]) > 5:
        raise _NotPlainError(f"expected a pickle of protocol 0 to 5, got {protocol}")


_STOP = ord(".")
_BY_NAME: dict[str, Callable[[_Reader], Any]] = {
    "PROTO": _protocol,
    "FRAME": lambda r: r.take(8),  # how much to read ahead: nothing here reads ahead
    "MARK": lambda r: r.stack.append(_MARK),
    "POP": lambda r: r.stack.pop() if r.stack else r.pop(),
    "POP_MARK": lambda r: r.after_mark(),
    "NONE": lambda r: r.push(None),
    "NEWTRUE": lambda r: r.push(True),
    "NEWFALSE": lambda r: r.push(False),
    "INT": lambda r: r.push(_whole(r.line())),
    "LONG": lambda r: r.push(_whole(r.line())),
    "BININT": lambda r: r.push(r.number("<i")),
    "BININT1": lambda r: r.push(r.take(1)[0]),
    "BININT2": lambda r: r.push(r.number("<H")),
    "LONG1": lambda r: r.push(int.from_bytes(r.take(r.take(1)[0]), "little", signed=True)),
    "FLOAT": lambda r: r.push(_real(r.line())),
    "BINFLOAT": lambda r: r.push(r.number(">d")),
    "STRING": lambda r: r.push(_quoted(r.line())),
    "SHORT_BINSTRING": lambda r: r.push(_text(r.take(r.take(1)[0]))),
    "BINSTRING": lambda r: r.push(_text(r.take(r.number("<i")))),
    "UNICODE": lambda r: r.push(_escaped(r.raw_line())),
    "SHORT_BINUNICODE": lambda r: r.push(_text(r.take(r.take(1)[0]))),
    "BINUNICODE": lambda r: r.push(_text(r.take(r.number("<I")))),
    "BINUNICODE8": lambda r: r.push(_text(r.take(r.number("<Q")))),
    "EMPTY_LIST": lambda r: r.push([]),
    "LIST": lambda r: r.collect(r.after_mark(), list),
    "APPEND": lambda r: r.extend([r.pop()]),
    "APPENDS": lambda r: r.extend(r.after_mark()),
    "EMPTY_DICT": lambda r: r.push({}),
    "DICT": lambda r: r.collect(r.after_mark(), dict),
    "SETITEM": lambda r: r.set_items([r.pop(), r.pop()][::-1]),
    "SETITEMS": lambda r: r.set_items(r.after_mark()),
    "EMPTY_TUPLE": _tuple(0),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "TUPLE": lambda r: r.collect(r.after_mark(), tuple),
    "PUT": lambda r: r.remember(_whole(r.line())),
    "BINPUT": lambda r: r.remember(r.take(1)[0]),
    "LONG_BINPUT": lambda r: r.remember(r.number("<I")),
    "MEMOIZE": lambda r: r.remember(len(r.memo)),
    "GET": lambda r: r.recall(_whole(r.line())),
    "BINGET": lambda r: r.recall(r.take(1)[0]),
    "LONG_BINGET": lambda r: r.recall(r.number("<I")),
}
_STEPS = {code: _BY_NAME[name] for code, name in _NAMES.items() if name in _BY_NAME}
