"""Types, ranges and values of options: what a text or a value of Python means for an option of a type."""

import math
import numbers
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, Protocol

from workbench.data.yaml_files import MAX_INTEGER, parse_yaml

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _plain(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


class Bound(Protocol):
    """A limit on the values of an option beyond its type. Its text continues that of the type: "a number from 0 to
    1".
    """

    def fits(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class AtLeast:
    """A number that is not smaller."""

    low: float

    def fits(self, value: Any) -> bool:
        return bool(value >= self.low)

    def __str__(self) -> str:
        return f"of at least {_plain(self.low)}"


@dataclass(frozen=True)
class Above:
    """A number that is larger."""

    low: float

    def fits(self, value: Any) -> bool:
        return bool(value > self.low)

    def __str__(self) -> str:
        return f"above {_plain(self.low)}"


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included."""

    low: float
    high: float

    def fits(self, value: Any) -> bool:
        return bool(self.low <= value <= self.high)

    def __str__(self) -> str:
        return f"from {_plain(self.low)} to {_plain(self.high)}"


@dataclass(frozen=True)
class Holds:
    """A text that must contain a part, such as the place where an instruction goes."""

    part: str

    def fits(self, value: Any) -> bool:
        return self.part in value

    def __str__(self) -> str:
        return f"with {self.part} in it"


class OneOf:
    """One of these values."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def fits(self, value: Any) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f"that is one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class PluginName:
    """The name of an installed plugin of a group, as "segmenters"."""

    group: str

    def fits(self, value: Any) -> bool:
        return value in self._names()

    def __str__(self) -> str:
        return f"that names one of the {self.group} ({', '.join(self._names())})"

    def _names(self) -> list[str]:
        return sorted({point.name for point in entry_points(group=f"workbench.{self.group}")})


@dataclass(frozen=True)
class Written:
    """A value as someone wrote it in `--set`; its meaning depends on the option's type."""

    text: str


class MisfitError(Exception):
    """A value of the wrong type or out of range; its text, where there is any, says why."""


def in_words(kind: Any) -> str:
    simple = {str: "a text", Path: "a path", bool: "true or false", int: "a whole number", float: "a number"}
    if kind in simple:
        return simple[kind]
    origin = typing.get_origin(kind)
    if origin is Literal:
        return f"one of {', '.join(map(str, typing.get_args(kind)))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(in_words, typing.get_args(kind)))
    if _is_list(kind):
        return "a list"
    if _is_mapping(kind):
        return "keys with values"
    return "a value" if kind is Any else f"a {getattr(kind, '__name__', kind)}"


def _is_list(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    return isinstance(origin, type) and origin is not str and issubclass(origin, Sequence)


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def from_text(kind: Any, text: str, name: str) -> Any:
    """The value of this type that a text stands for."""
    if kind in (str, Path):
        return as_type(kind, text)
    word = text.strip()
    if kind is bool:
        if word.lower() not in _TRUTH:
            raise MisfitError
        return _TRUTH[word.lower()]
    if kind in (int, float):
        if "_" in word or len(word) > 400:
            raise MisfitError
        try:
            return as_type(kind, int(word) if kind is int else float(word))
        except ValueError:
            raise MisfitError from None
    if typing.get_origin(kind) is Literal:
        for choice in typing.get_args(kind):
            if str(choice) == word:
                return choice
        raise MisfitError
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = sorted(typing.get_args(kind), key=lambda member: member in (str, Path))
        return _first(members, lambda member: from_text(member, text, name))
    if kind is type(None):
        return _none(word)
    if _is_list(kind) or _is_mapping(kind):
        return _collection(kind, parse_yaml(text, name, only_texts=True), lambda part, item: _part(part, item, name))
    return as_type(kind, parse_yaml(text, name))


def _none(word: str) -> None:
    if word.lower() not in ("none", "null"):
        raise MisfitError


def _part(kind: Any, item: Any, name: str) -> Any:
    """A part of a list or mapping that was written."""
    if isinstance(item, str):
        return from_text(kind, item, name)
    if kind is Any and isinstance(item, Mapping | list):
        kind = dict[str, Any] if isinstance(item, Mapping) else list[Any]
    if _is_list(kind) or _is_mapping(kind):
        return _collection(kind, item, lambda part, inner: _part(part, inner, name))
    return as_type(kind, item)


def _first(kinds: Sequence[Any], reading: Callable[[Any], Any]) -> Any:
    """The value as the first of several types that accepts it."""
    for kind in kinds:
        try:
            return reading(kind)
        except MisfitError:
            continue
    raise MisfitError


def as_type(kind: Any, value: Any) -> Any:
    """A Python or YAML value as this type: whole numbers are accepted as numbers and paths as texts; nothing else is
    converted.
    """
    if kind is Any:
        return value
    if kind in (str, Path):
        if not isinstance(value, str | PathLike) or "\0" in fspath(value):
            raise MisfitError
        return kind(fspath(value))
    if kind in (int, float):
        return _number(kind, value)
    origin = typing.get_origin(kind)
    if origin is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in typing.get_args(kind)):
            raise MisfitError
        return value
    if origin in (typing.Union, types.UnionType):
        return _first(typing.get_args(kind), lambda member: as_type(member, value))
    if _is_list(kind) or _is_mapping(kind):
        return _collection(kind, value, as_type)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise MisfitError
    return value


def _number(kind: type, value: Any) -> int | float:
    wanted = numbers.Integral if kind is int else numbers.Real
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise MisfitError
    try:
        number: int | float = kind(value)
    except OverflowError:
        raise MisfitError from None
    if not math.isfinite(number) or (kind is int and abs(number) > MAX_INTEGER):
        raise MisfitError
    return number


def _collection(kind: Any, value: Any, reading: Callable[[Any, Any], Any]) -> Any:
    parts = typing.get_args(kind)
    if _is_mapping(kind):
        if not isinstance(value, Mapping):
            raise MisfitError
        key, content = parts or (Any, Any)
        return {reading(key, k): reading(content, v) for k, v in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise MisfitError
    items = [reading(parts[0] if parts else Any, part) for part in value]
    return tuple(items) if (typing.get_origin(kind) or kind) is tuple else items
