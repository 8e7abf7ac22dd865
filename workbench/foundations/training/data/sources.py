"""Where pictures and their questions come from: the index of a benchmark's files, or anything else with a number."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.masks import Rle, decode
from workbench.data.pictures import read_picture
from workbench.foundations.training.data.index import Index, Limits, Line, opened
from workbench.foundations.training.data.options import SourceOptions, sources_of
from workbench.foundations.training.data.questions import Picture, Question, worded

TRIES = 20
_WORD = re.compile(r"[^\W\d_]{3,}")
_SAY_LITTLE = "the and for with that this are one two all any who what which where near next from left right"
_COMMON = frozenset(_SAY_LITTLE.split())


class Source(Protocol):
    """Numbered pictures with their questions. The same number and generator give the same picture in any process."""

    @property
    def options(self) -> SourceOptions:
        """Its entry of the recipe."""
        ...

    @property
    def pictures(self) -> int:
        """How many there are, or as how many an epoch counts them."""
        ...

    @property
    def endless(self) -> bool:
        """Whether larger numbers give further pictures; else they repeat."""
        ...

    def picture(self, number: int, rng: np.random.Generator, ask: "Ask") -> Picture:
        """The picture of a number with some of its questions. Raises `SampleError` where it cannot be used."""
        ...


class Endless:
    """What sources share whose pictures are drawn as they are needed: their number never ends, and an epoch counts as
    many as the entry of the recipe says."""

    options: SourceOptions
    endless = True

    @property
    def pictures(self) -> int:
        return self.options.pictures


@dataclass(frozen=True)
class Ask:
    """Which questions are asked about a picture: at most `count`, None for all, drawn, or the `first` ones; in their
    order either way."""

    count: int | None = None
    first: bool = False

    def of(self, lines: Sequence[Line], rng: np.random.Generator) -> Sequence[Line]:
        """Those of these lines."""
        if self.count is None or len(lines) <= self.count:
            return lines
        chosen = range(self.count) if self.first else sorted(rng.choice(len(lines), self.count, replace=False))
        return [lines[i] for i in chosen]


@dataclass(frozen=True)
class FileSource:
    """The pictures of one benchmark, read from its index."""

    options: SourceOptions
    index: Index

    endless = False

    @property
    def pictures(self) -> int:
        return len(self.index)

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        """The picture with its chosen questions, in the words of the source's templates. Where a share of questions
        without a target is asked for, they are the source's own, or are made from what other pictures are asked."""
        entry, lines = self.index.entry(number), self.index.lines(number)
        chosen = self._chosen(lines, rng, ask)
        if not chosen:
            raise SampleError(f"{entry.name}: no question about it could be made")
        image = read_picture(entry.path, entry.size).pixels
        size = image.shape[:2]
        questions = [worded(_question(line, size), self.options.templates, rng) for line in chosen]
        return Picture(image, questions, self.options.name, entry.name)

    def phrases(self, count: int) -> list[str]:
        """Up to `count` different phrases that answers name, from pictures spread over the source."""
        found: dict[str, None] = {}
        for number in range(0, len(self.index), max(1, len(self.index) // count)):
            found |= dict.fromkeys(line.phrase for line in self.index.lines(number))
        return list(found)[:count]

    def _chosen(self, lines: Sequence[Line], rng: np.random.Generator, ask: Ask) -> Sequence[Line]:
        share = self.options.negatives
        if share is None:
            return ask.of(lines, rng)
        answered, absent = ([line for line in lines if bool(line.targets) is found] for found in (True, False))
        wanted = ask.count or max(1, len(lines))
        total = wanted if share == 1 else min(wanted, max(1, round(len(answered) / (1 - share))))
        without = int(rng.binomial(total, share))
        some = replace(ask, count=without).of(absent, rng) if absent else list(self._absent(lines, without, rng))
        return [*replace(ask, count=total - without).of(answered, rng), *some]

    def _absent(self, lines: Sequence[Line], count: int, rng: np.random.Generator) -> Iterator[Line]:
        """Questions of other pictures with no word in common with what is said of this one."""
        here = {word for line in lines for text in (line.text, line.phrase, *line.around) for word in _words(text)}
        for _ in range(count):
            for _ in range(TRIES):
                others = self.index.lines(int(rng.integers(len(self.index))))
                other = others[int(rng.integers(len(others)))]
                words = _words(f"{other.text} {other.phrase}")
                if words and not words & here:
                    here |= words
                    yield Line(other.text, other.phrase, other.kind, (), label=other.label)
                    break


def open_sources(
    entries: Sequence[Mapping[str, Any]],
    folder: Path,
    limits: Limits,
    drawn: Callable[[SourceOptions], Source] | None = None,
    templates: object = None,
) -> list[Source]:
    """The sources of a recipe's `data`, with their indices in `folder`; `drawn` makes the one of drawn scenes.

    Raises `ConfigurationError` with all that cannot be read.
    """
    made: list[Source] = []
    refused: list[str] = []
    for place, options in enumerate(sources_of(entries, templates)):
        try:
            if options.drawn and drawn is not None:
                made.append(drawn(options))
            else:
                name = re.sub(r"[^\w.+-]+", "-", options.name).strip("-")
                made.append(FileSource(options, opened(options, folder / f"{place:02}-{name}", limits)))
        except ConfigurationError as error:
            refused.append(f"data[{place}]: {error}")
    if refused:
        raise ConfigurationError("\n".join(refused))
    return made


def _question(line: Line, size: tuple[int, ...]) -> Question:
    return Question(line.text, line.phrase, _decoded(line.targets, size), line.kind, line.boxes, line.label)


def _decoded(rles: Sequence[Rle], size: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.stack([decode(rle) for rle in rles]) if rles else np.zeros((0, *size), dtype=bool)


def _words(text: str) -> set[str]:
    """The words that say what is meant, in the singular as far as an s makes it."""
    return {word.rstrip("s") for word in _WORD.findall(text.lower())} - _COMMON
