"""All sources as one numbered stream of pictures. What stands at a number depends on the seed and the number alone, so
that any number of processes see the same pictures in the same order, and a training that was killed goes on with the
next one.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from workbench.data.errors import ConfigurationError, SampleError, StoppedError
from workbench.foundations.training.data.mirror import can_mirror, mirrored
from workbench.foundations.training.data.questions import Picture
from workbench.foundations.training.data.sources import Ask, Source

ATTEMPTS = 20
"""Pictures in a row that cannot be read, from which on something else is wrong than a picture."""
_STREAM = 0xDA7A
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Taken:
    """The picture at a number of the stream; `skipped`: those that stood there and cannot be used, with the reason."""

    picture: Picture
    skipped: tuple[str, ...] = ()


class Stream:
    """The pictures of the sources, epoch by epoch: in each, a picture of weight 2 occurs twice.

    `count`: questions of a picture that are asked at once, None for all. `shuffle`: in an order of the seed, else one
    source after the other in the order of its files, each picture with its first questions. `flips`: half of the
    pictures are mirrored.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        seed: int,
        *,
        count: int | None = None,
        shuffle: bool = True,
        flips: bool = False,
    ) -> None:
        self.sources, self.seed, self.flips = list(sources), seed, flips
        self.ask = Ask(count, first=not shuffle)
        self.shuffle = shuffle and not all(source.endless for source in sources)
        self.shares = [max(1, round(source.options.weight * source.pictures)) for source in sources]
        self._ends = list(accumulate(self.shares))

    @property
    def epoch(self) -> int:
        """Pictures of one epoch."""
        return self._ends[-1]

    def take(self, number: int) -> Taken:
        """The picture at a number. One that cannot be used is replaced by a random other one; raises `StoppedError`
        where many in a row cannot.
        """
        skipped: list[str] = []
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([_STREAM, self.seed, number, attempt])
            place = number if not attempt else int(rng.integers(self.epoch))
            source, own = self.place(place)
            try:
                picture = source.picture(own, rng, self.ask)
            except SampleError as error:
                skipped.append(f"{source.options.name}: {error}")
                continue
            if self.flips and rng.random() < 0.5 and can_mirror(picture):
                picture = mirrored(picture)
            return Taken(picture, tuple(skipped))
        raise StoppedError(f"{ATTEMPTS} pictures in a row cannot be used; the last: {skipped[-1]}")

    def place(self, number: int) -> tuple[Source, int]:
        """The source of the picture at a number, and the number of the picture there."""
        epoch, at = divmod(number, self.epoch)
        place = shuffled(at, self.epoch, self.seed, epoch) if self.shuffle else at
        which = bisect_right(self._ends, place)
        source, share = self.sources[which], self.shares[which]
        # the pictures of a source in a row, over all epochs: all occur equally often, whatever the weight
        own = epoch * share + place - (self._ends[which] - share)
        if source.endless:
            return source, own
        turn, own = divmod(own, source.pictures)
        return source, shuffled(own, source.pictures, self.seed + which + 1, turn) if self.shuffle else own


def steps_of(config: Mapping[str, Any], stream: Stream | None, each: int) -> int | None:
    """Optimiser steps of a run of which each sees so many pictures: the recipe's `steps`, or those of its `epochs`;
    None where minutes decide. Raises `ConfigurationError` for both, and for epochs of nothing."""
    if "epochs" not in config or stream is None:
        return None if config.get("steps") is None else int(config["steps"])
    if "steps" in config or not config["epochs"] > 0:
        raise ConfigurationError(f"epochs: expected a number above 0, and no steps, got {config['epochs']}")
    return math.ceil(float(config["epochs"]) * stream.epoch / each)


def shuffled(number: int, count: int, seed: int, turn: int) -> int:
    """The place of a number in a permutation of `count` numbers, another one in each turn; nothing is stored.

    A Feistel network over the next power of four, walked until it lands below `count`.
    """
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    key = _mixed(seed * 0x9E3779B97F4A7C15 + turn)
    while True:
        left, right = number >> half, number & mask
        for turned in range(4):
            left, right = right, left ^ (_mixed(key + (turned << 56) + right) & mask)
        number = left << half | right
        if number < count:
            return number


def _mixed(value: int) -> int:
    """64 bits that depend on all bits of a number (the finaliser of splitmix64)."""
    value &= _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31
