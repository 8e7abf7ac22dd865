"""A benchmark of coloured rectangles and a system that finds them by colour: small, but the real thing."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from workbench.data import masks
from workbench.data.predictions import Instance, Prediction, Trace
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 50, 220)}
WIDTH, HEIGHT = 32, 24


class Threshold:
    """Answers with all pixels near the colour that the instruction names; the score is drawn at random."""

    batch_size = 4

    def __init__(self, threshold: int, delay: float) -> None:
        self.threshold, self.delay = threshold, delay

    def identity(self) -> dict[str, Any]:
        return {"name": "threshold", "threshold": self.threshold}

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        return [self._answer(sample, image) for sample, image in zip(samples, images, strict=True)]

    def _answer(self, sample: Sample, image: Image) -> Prediction:
        trace = Trace()
        with trace.call("segment"):
            time.sleep(self.delay)
            colour = next((rgb for word, rgb in COLOURS.items() if word in sample.instruction), None)
            near = np.zeros(image.shape[:2], bool)
            if colour is not None:
                near = np.abs(image.astype(int) - colour).sum(-1) < self.threshold
        instances = (Instance(masks.encode(near), random.random()),) if near.any() else ()
        return Prediction(sample.sample_id, instances, calls=tuple(trace.calls))


def threshold(threshold: int = 60, delay: float = 0.0) -> Threshold:
    """Finds what has the colour that is asked for.

    The delay, in seconds, makes it slow enough to be interrupted.
    """
    return Threshold(threshold, delay)


class Guess(Threshold):
    """Answers every mask twice, and names oracles: two that are computed and two that it must run again for."""

    oracles = ("deduplication", "presence", "rewriter", "checker")

    def __init__(self, perfect: str = "") -> None:
        super().__init__(90, 0.0)
        self.perfect = perfect

    def identity(self) -> dict[str, Any]:
        return {"name": "guess", "perfect": self.perfect}

    def with_oracle(self, name: str) -> "Guess":
        return Guess(name)

    def _answer(self, sample: Sample, image: Image) -> Prediction:
        if self.perfect:
            return Prediction(sample.sample_id, tuple(Instance(mask, 1.0) for mask in sample.targets))
        return Prediction(sample.sample_id, super()._answer(sample, image).instances * 2)


def guess() -> Guess:
    """Finds everything twice."""
    return Guess()


@dataclass
class Rectangles:
    """Two instructions for each image: one colour that is there, and one that may be."""

    folder: Path
    n_samples: int
    name: str = "toy"
    protocol: str = "inst2seg"
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of single samples to replace, by sample id."""

    def identity(self) -> dict[str, Any]:
        return {"version": 1, "seed": 7}

    def image_root(self) -> Path:
        return self.folder

    def samples(self) -> Iterable[Sample]:
        for number in range(self.n_samples):
            sample = self._sample(number)
            yield Sample(**{**sample.__dict__, **self.changes.get(sample.sample_id, {})})

    def _sample(self, number: int) -> Sample:
        scene = number // 2
        draw = random.Random(scene)
        present = draw.sample(sorted(COLOURS), 2)
        boxes = [(draw.randrange(2, 6) + 16 * i, draw.randrange(2, 8)) for i in range(2)]
        path = self.folder / f"{scene}.png"
        pixels = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
        found = {}
        for colour, (x, y) in zip(present, boxes, strict=True):
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[y : y + 10, x : x + 8] = True
            pixels[mask] = COLOURS[colour]
            found[colour] = masks.encode(mask)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            PillowImage.fromarray(pixels).save(path)
        asked = present[0] if number % 2 == 0 else draw.choice(sorted(COLOURS))
        targets = (found[asked],) if asked in found else ()
        return Sample(f"s{number}", f"i{scene}", path, WIDTH, HEIGHT, f"the {asked} box", targets, kind="colour")


def rectangles(folder: str = "toy-data", n_samples: int = 12) -> Rectangles:
    """Coloured rectangles, written to a folder on first use."""
    return Rectangles(Path(folder), n_samples)


def write_text_report(run: Any, out: Path) -> Path:
    """Names the systems of a run."""
    out.write_text(" ".join(run.results.systems))
    return out
