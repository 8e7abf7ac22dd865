"""Parts of a comparison that are run apart, on machines that need not know of each other, and joined later."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from workbench.data.errors import ConfigurationError, short

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Every `count`-th sample from the `number`-th on, counted from 1; written `3/8`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def among(self, items: Iterable[T]) -> Iterator[T]:
        """The items of this shard."""
        return islice(items, self.number - 1, None, self.count)

    def size(self, total: int) -> int:
        """How many of so many items are of this shard."""
        return len(range(self.number - 1, total, self.count))


def read_shard(text: object) -> Shard:
    """Read `3/8`; raises `ConfigurationError` for anything that is no shard."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text) if isinstance(text, str) else None
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigurationError(f"expected a shard as 3/8, the third of eight, got {short(text)}")
    return Shard(int(found[1]), int(found[2]))


def joined(parts: Sequence[Sequence[T]]) -> list[T]:
    """The items of all shards, in the order of their numbers, in the order that they had before they were divided."""
    items: list[T] = [parts[0][0]] * sum(map(len, parts)) if parts and parts[0] else []
    for place, part in enumerate(parts):
        items[place :: len(parts)] = part
    return items
