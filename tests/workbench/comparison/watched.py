"""A toy system that writes down what it is asked, and runs of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.workbench.toys import Rectangles, Threshold
from workbench.comparison.runner import run
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.plugins.interfaces import Image
from workbench.tracking.load import load_run


class Watched(Threshold):
    """Keeps what it was asked, and does `trouble` first."""

    def __init__(self, trouble: Callable[[Sample], None] = lambda sample: None) -> None:
        super().__init__(60, 0.0)
        self.asked: list[list[str]] = []
        self.images: list[Image] = []
        self.trouble = trouble

    def predict(self, samples: Sequence[Sample], images: Sequence[Image]) -> list[Prediction]:
        self.asked.append([sample.sample_id for sample in samples])
        self.images += images
        for sample in samples:
            self.trouble(sample)
        return super().predict(samples, images)


def toy(tmp_path: Path, n_samples: int = 6) -> Rectangles:
    return Rectangles(tmp_path / "data", n_samples)


def answered(tmp_path: Path, system: Watched, benchmark: Rectangles | None = None, **options: Any) -> list[Prediction]:
    run({"watched": lambda: system}, lambda: benchmark or toy(tmp_path), tmp_path / "run", **options)
    return load_run(tmp_path / "run").predictions("watched")


def raise_on(*sample_ids: str, error: BaseException | None = None) -> Callable[[Sample], None]:
    def trouble(sample: Sample) -> None:
        if sample.sample_id in sample_ids:
            raise error or ZeroDivisionError("boom")

    return trouble
