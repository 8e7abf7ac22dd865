"""Ids as files write them: whole numbers, which pandas turns into 1.0 and other tools into "1"."""

import re
from typing import Any

MAX_ID = 2**53
"""Beyond this a float no longer tells neighbouring whole numbers apart."""


def whole_number(value: object) -> int | None:
    """The whole number that a JSON value stands for: 7, 7.0 or "7"; None for anything else (7.5, NaN, true, "7.0")."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) <= MAX_ID:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
        return int(value)
    return None


class Ids:
    """Replaces ids in parsed files by the whole numbers they stand for, and records what was replaced."""

    def __init__(self) -> None:
        self._mended: dict[tuple[str, str], list[str]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def mend(self, entry: dict[str, Any], key: str, what: str) -> None:
        """Turn `entry[key]`, or each value of the list there, into a whole number if it stands for one. `what` names
        the entry. Other values are left as they are.
        """
        value = entry.get(key)
        if isinstance(value, list):
            entry[key] = [self._mended_value(item, key, what) for item in value]
        elif value is not None:
            entry[key] = self._mended_value(value, key, what)

    def notes(self) -> list[str]:
        """One sentence for each way of writing ids that was met, with how often and where first."""
        return [
            f"`{key}` is written as {kind} and read as a whole number, {self._counts[kind, key]} times: "
            + ", ".join(shown)
            + (", ..." if self._counts[kind, key] > len(shown) else "")
            for (kind, key), shown in self._mended.items()
        ]

    def _mended_value(self, value: object, key: str, what: str) -> object:
        number = whole_number(value)
        if number is None or type(value) is int:
            return value
        place = ("text" if isinstance(value, str) else "a float", key)
        self._counts[place] = self._counts.get(place, 0) + 1
        shown = self._mended.setdefault(place, [])
        if len(shown) < 3:
            shown.append(f"{what} ({value!r})")
        return number
