"""The pictures of a training run by number: those of the recipe's `data`, or tabletop scenes drawn for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from e2e.single_pass.examples import Example
from e2e.single_pass.tabletop_task import TabletopScenes, Task
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.options import FLIPS, SourceOptions, checked_augmentation
from workbench.foundations.training.data.questions import Picture
from workbench.foundations.training.data.sources import FileSource, Source, open_sources
from workbench.foundations.training.data.stream import Stream, steps_of
from workbench.foundations.training.data.tally import DATA, Report
from workbench.foundations.training.distributed import Processes

MORE = 10**8
"""The first of the drawn scenes that the detector does not look at."""


@dataclass(frozen=True)
class Fed:
    """The pictures of one pass, those for the detector and those for the language model alone, and a report of them."""

    shown: Sequence[Picture]
    told: Sequence[Picture]
    report: Report


class Feed:
    """What the passes of a run see. A pass depends on its place among all passes of all processes alone."""

    def __init__(self, config: Mapping[str, Any], out: Path, task: Task, limits: Limits, processes: Processes) -> None:
        """Open the sources; of several processes the first one makes what is not there. Raises `ConfigurationError`."""
        self.images, self.more = int(config["images"]), int(config.get("more", 0))
        self.task, self.seed = task, int(config["seed"])
        self.sources: list[Source] = []
        self.stream: Stream | None = None
        augment = checked_augmentation(config)
        if not config.get("data"):
            return
        if not processes.number:
            self.sources = self._open(config, out, limits)
        processes.gather(torch.zeros(1))  # the others wait until the indices are there
        if processes.number:
            self.sources = self._open(config, out, limits)
        self.stream = Stream(
            self.sources,
            self.seed,
            count=int(config["conversations"]),
            shuffle=config.get("shuffle", True),
            flips=augment == FLIPS,
        )

    def of(self, place: int) -> Fed:
        """The pictures of the pass at a place."""
        if self.stream is None:
            shown = [self._drawn(place * self.images + n) for n in range(self.images)]
            told = [self._drawn(MORE + place * self.more + n) for n in range(self.more)]
            return Fed(shown, told, Report([], _questions([*shown, *told])))
        first = place * (self.images + self.more)
        taken = [self.stream.take(first + n) for n in range(self.images + self.more)]
        pictures = [one.picture for one in taken]
        skipped = [said for one in taken for said in one.skipped]
        report = Report([picture.source for picture in pictures], _questions(pictures), skipped)
        return Fed(pictures[: self.images], pictures[self.images :], report)

    def epochs(self, steps: int, passes: int) -> float | None:
        """How often the data was seen after so many steps of `passes` passes, in all processes together."""
        return steps * self._each(passes) / self.stream.epoch if self.stream else None

    def steps(self, config: Mapping[str, Any], passes: int) -> int | None:
        """Optimiser steps of the run: those of the recipe, or of its `epochs`; None where minutes decide."""
        return steps_of(config, self.stream, self._each(passes))

    def phrases(self, count: int = 500) -> list[str]:
        """Noun phrases that the answers of the files name, up to `count` from each source."""
        files = [source for source in self.sources if isinstance(source, FileSource)]
        return list(dict.fromkeys(phrase for source in files for phrase in source.phrases(count)))

    def _each(self, passes: int) -> int:
        return (self.images + self.more) * passes

    def _drawn(self, number: int) -> Picture:
        return TabletopScenes(self.task, self.seed).scene(number)

    def _open(self, config: Mapping[str, Any], out: Path, limits: Limits) -> list[Source]:
        def drawn(options: SourceOptions) -> Source:
            return TabletopScenes(self.task, self.seed, options)

        return open_sources(config["data"], out / DATA, limits, drawn, config.get("templates"))


def conversations(pictures: Sequence[Picture], most: int) -> tuple[list[NDArray[np.uint8]], list[Example]]:
    """Images and the conversations about them; questions with more targets than `most` are left out."""
    examples = []
    for index, picture in enumerate(pictures):
        empty = np.zeros((1, *picture.image.shape[:2]), dtype=np.uint8)
        for question in picture.questions:
            if len(question.masks) > most:
                continue
            masks = question.masks.astype(np.uint8) if len(question.masks) else empty
            answer = [(question.phrase, torch.from_numpy(masks))]
            examples.append(Example(index, question.text, answer, question.boxes))
    return [picture.image for picture in pictures], examples


def _questions(pictures: Sequence[Picture]) -> int:
    return sum(len(picture.questions) for picture in pictures)
