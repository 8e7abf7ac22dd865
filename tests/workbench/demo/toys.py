"""Systems for the page: one that works like a single pass, one like an agent, and one that fails."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.workbench.toys import Threshold
from workbench.data import masks
from workbench.data.conditions import Conditions
from workbench.data.predictions import Candidate, Instance, Note, Prediction, Sent, Trace
from workbench.data.samples import Sample

PICTURE = (60, 80)
asked: list[str] = []
"""The instructions that the agent was asked, in order."""


def part(place: int, height: int = 60, width: int = 80) -> masks.Rle:
    """One of four masks beside each other."""
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, place * width // 4 : (place + 1) * width // 4] = True
    return masks.encode(mask)


class Agent(Threshold):
    """Two instances, one mask below its threshold, and one that it did not select; it says what it was shown."""

    def conditions(self) -> Conditions:
        return Conditions(threshold=0.3, stored_from=0.05, knows="boxes only")

    def _answer(self, sample: Sample, image: np.ndarray) -> Prediction:
        asked.append(sample.instruction)
        size = image.shape[:2]
        trace = Trace()
        seen = (Sent("user", picture="raw"), Sent("user", sample.instruction))
        with trace.call("llm", Note(request="main", sent=list(seen), reply="<b>red box</b>", tool="segment_phrase")):
            pass
        with trace.call("segment", Note(phrase="red box", masks=3)):
            pass
        marked = Sent("user", picture="all_masks", masks=tuple(part(n, *size)["counts"] for n in (0, 1)))
        with trace.call("llm", Note(request="main", sent=[*seen, marked], reply="1, 2", mistake="cut_off")):
            pass
        return Prediction(
            sample.sample_id,
            (Instance(part(0, *size), 0.9), Instance(part(1, *size), 0.6)),
            calls=tuple(trace.calls),
            candidates=(
                Candidate(part(2, *size), 0.2, "low_score", "red box"),
                Candidate(part(3, *size), 0.8, "unselected", "box"),
            ),
            phrases=("red box",),
        )


def agent() -> Agent:
    """Sees four masks, and answers with two of them."""
    return Agent(60, 0.0)


def needy(file: str) -> Agent:
    """Needs an option, so that it cannot be chosen without."""
    return Agent(60, 0.0)


class Broken(Threshold):
    """Raises."""

    def predict(self, samples: Sequence[Any], images: Sequence[Any]) -> list[Any]:
        raise ValueError("the model is <broken>")


def broken() -> Broken:
    """Fails on every sample."""
    return Broken(60, 0.0)


def unloadable() -> Broken:
    """Cannot be made."""
    raise OSError("no checkpoint in nowhere")


SYSTEMS = {name: f"tests.workbench.demo.toys:{name}" for name in ("agent", "needy", "broken", "unloadable")}
