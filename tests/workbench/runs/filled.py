"""A store with a few predictions."""

from pathlib import Path

from workbench.data.predictions import Instance, Prediction
from workbench.runs.store import Store

IDENTITY = {"system": {"checkpoint": "c0ffee", "threshold": 0.5}, "benchmark": {"version": 1}}


def prediction(number: int) -> Prediction:
    return Prediction(f"s{number}", (Instance({"size": [4, 4], "counts": "04L0"}, 0.5),), latency=0.25)


def fill(folder: Path, numbers: range) -> None:
    with Store(folder, IDENTITY) as store:
        for number in numbers:
            store.append(prediction(number), "image", "words", 0.5)
