"""Samples and predictions made of vertical strips, whose IoUs are easy to see."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data import masks
from workbench.data.masks import Rle
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample, SceneObject

WIDTH, HEIGHT = 100, 2
Strip = tuple[int, int]


def strip(columns: Strip) -> Rle:
    """The mask of the columns from the first up to, not including, the second: area 2 per column."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:, slice(*columns)] = True
    return masks.encode(mask)


def sample(
    name: str, targets: Sequence[Strip] = (), others: Sequence[Strip] = (), image: str | None = None, **more: Any
) -> Sample:
    return Sample(
        sample_id=name,
        image_id=image or name,
        image_path=Path(f"{name}.png"),
        width=WIDTH,
        height=HEIGHT,
        instruction="the cups",
        targets=tuple(map(strip, targets)),
        others=tuple(SceneObject(strip(columns), "cup") for columns in others),
        **more,
    )


def answer(name: str, instances: Sequence[tuple[Strip, float]] = (), **more: Any) -> Prediction:
    return Prediction(name, tuple(Instance(strip(columns), score) for columns, score in instances), **more)


def random_benchmark(
    generator: np.random.Generator, n_images: int, per_image: int = 2
) -> tuple[list[Sample], list[Prediction]]:
    """Samples with 0 to 3 targets; answers that shift, double, drop and invent instances, all scores distinct."""
    samples, answers = [], []
    for index in range(n_images * per_image):
        targets = [(start, start + 20) for start in (0, 30, 60)[: generator.integers(4)]]
        shifts = generator.integers(0, 12, size=len(targets) + 1)
        strips = [(a + int(d), b + int(d)) for (a, b), d in zip([*targets, (75, 88)], shifts, strict=True)]
        kept = [s for s in [*strips, *strips[:1]] if generator.random() < 0.7]
        samples.append(sample(f"s{index}", targets, image=f"image {index % n_images}"))
        answers.append(answer(f"s{index}", [(s, float(generator.random())) for s in kept]))
    return samples, answers
