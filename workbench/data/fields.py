"""Reads the fields of one JSON object. An error names the field, the value it has and what was expected."""

from collections.abc import Mapping
from typing import Any, TypeVar

from workbench.data.errors import SampleError, short

T = TypeVar("T")
_MISSING: Any = object()
_NAMES: dict[type, str] = {
    str: "text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "an object"
}  # fmt: skip


def is_a(value: object, kind: type) -> bool:
    """Whether a JSON value is of this type. A whole number is a `float` too; true and false are not numbers."""
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


class Fields:
    """The fields of the JSON object found at `where`; raises `SampleError` if it is not an object."""

    def __init__(self, record: object, where: str) -> None:
        if type(record) is not dict and not isinstance(record, Mapping):
            raise SampleError(f"{where}: expected an object, got {short(record)}")
        self._record, self._where = record, where

    def get(self, name: str, kind: type[T], default: T = _MISSING) -> T:
        """A field of this type; `default` where it is absent."""
        value = self._record.get(name, default)
        # large files have hundreds of fields a sample
        return value if type(value) is kind else self._checked(name, kind, value)

    def maybe(self, name: str, kind: type[T]) -> T | None:
        """A field of this type, or None where it is absent or null."""
        return None if self._record.get(name) is None else self.get(name, kind)

    def items(self, name: str) -> list[tuple[Any, str]]:
        """The items of a list, each with its place for messages."""
        return [(item, self.at(f"{name}[{i}]")) for i, item in enumerate(self.get(name, list))]

    def texts(self, name: str, default: list[str] = _MISSING) -> list[str]:
        """A list of texts; `default` where it is absent."""
        items = self.get(name, list, default)
        for i, item in enumerate(items):
            if not isinstance(item, str):
                raise SampleError(f"{self.at(name)}[{i}]: expected text, got {short(item)}")
        return items

    def at(self, name: str) -> str:
        """The place of a field, for messages."""
        return f"{self._where}.{name}"

    def _checked(self, name: str, kind: type, value: Any) -> Any:
        if value is _MISSING:
            raise SampleError(f"{self.at(name)}: expected {_NAMES[kind]}, but the field is missing")
        if not is_a(value, kind):
            raise SampleError(f"{self.at(name)}: expected {_NAMES[kind]}, got {short(value)}")
        return value
