"""The benchmark of the agent: what it makes of answers and of rounds."""

import math
import os
from pathlib import Path

from speed.agent import OFFICIAL, costs, masks, medians, processor_seconds
from tests.agents.scripted import square
from workbench.data.predictions import Call, Instance, Prediction


def answer(score: float = 0.5) -> Prediction:
    calls = (Call("llm", 0.0, 2.0, 100, 10), Call("segment", 2.0, 1.0), Call("llm", 3.0, 4.0, 120, 20))
    return Prediction("s", (Instance(square(0, 0, 8), score),), calls=calls)


def test_costs_are_per_sample() -> None:
    found = costs([answer(), answer()], seconds=4.0, agent=1.0, server=3.0)
    assert (found["samples/s"], found["answered"], found["requests"], found["phrases"]) == (0.5, 1, 2, 1)
    assert (found["tokens in"], found["tokens out"], found["s a request"], found["s llm"]) == (220, 30, 3, 6)
    assert (found["s wall"], found["s processor, agent"], found["s processor, server"]) == (2, 0.5, 1.5)


def test_speeds_are_compared_within_each_round() -> None:
    rounds = {OFFICIAL: [1.0, 2.0, 4.0], "ours": [5.0, 8.0, 24.0]}
    found = medians({way: [{"samples/s": speed} for speed in speeds] for way, speeds in rounds.items()})
    assert found[OFFICIAL]["samples/s"] == 2
    assert found["ours"] == {"samples/s": 8, "times the official way": 5}


def test_answers_are_the_same_when_their_masks_are() -> None:
    assert masks(answer(0.5)) == masks(answer(0.5000001))


def test_the_processor_time_of_a_group_is_that_of_its_processes() -> None:
    assert math.isnan(processor_seconds(0))
    if Path("/proc/self/stat").exists():
        assert processor_seconds(os.getpgid(0)) > 0
