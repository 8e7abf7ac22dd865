"""Pictures of coloured boxes, and answers to questions about them."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.workbench.toys import COLOURS
from workbench.asking.answer import Answer
from workbench.data.masks import encode
from workbench.data.predictions import Instance, Prediction


def boxes(height: int = 60, width: int = 80, colour: str = "red") -> np.ndarray:
    """A grey picture `[H, W, 3]` with one box."""
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = COLOURS[colour]
    return pixels


def saved(folder: Path, name: str = "photo.png", **how: int | str) -> Path:
    Image.fromarray(boxes(**how)).save(folder / name)  # type: ignore[arg-type]
    return folder / name


def answered(system: str = "toy", instances: int = 2, **fields: object) -> Answer:
    mask = encode((boxes() == COLOURS["red"]).all(axis=2))
    found = tuple(Instance(mask, 0.9 - 0.25 * place) for place in range(instances))
    prediction = Prediction("s", found, latency=0.05, phrases=("red box",))
    return Answer(system, "the red box", "photo.png", boxes(), prediction, **fields)  # type: ignore[arg-type]
