"""A short conversation with pictures."""

import numpy as np

from agents.language_models.interface import Message, Picture


def picture(seed: int, size: tuple[int, int] = (32, 32)) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8))


def conversation() -> list[Message]:
    return [
        Message("system", ("Find what is asked.",)),
        Message("user", (picture(0), "the red mug")),
        Message("assistant", ("<tool>",)),
        Message("user", ("2 masks", picture(1, (40, 24)))),
    ]
