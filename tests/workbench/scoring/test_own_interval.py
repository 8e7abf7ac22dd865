"""Every value of every table lies in its interval, and every interval agrees with its p-value."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.metrics import latency
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import percentile_intervals
from workbench.metrics.uncertainty import intervals
from workbench.scoring import differences, system

STRIPS = ((0, 20), (30, 50), (60, 80))
DRAWS = 16
KINDS = ("random", "few scores", "one score", "right", "wrong", "nothing", "nearly right")


def answers_of(
    kind: str, samples: list[Sample], answers: list[Prediction], generator: np.random.Generator
) -> list[Prediction]:
    """The answers of a system of some kind, many of which have equal scores."""
    if kind == "random":
        return answers
    if kind in ("few scores", "one score"):
        levels = [0.5] if kind == "one score" else [0.3, 0.6, 0.9]
        boxes = [[strip for strip in (*STRIPS, (82, 90)) if generator.random() < 0.6] for _ in samples]
        return [
            answer(s.sample_id, [(strip, float(generator.choice(levels))) for strip in found])
            for s, found in zip(samples, boxes, strict=True)
        ]
    if kind == "nothing":
        return [answer(s.sample_id) for s in samples]
    if kind == "wrong":
        return [answer(s.sample_id, [] if s.targets else [((82, 90), 0.5)]) for s in samples]
    right = [answer(s.sample_id, [(strip, 0.9) for strip in STRIPS[: len(s.targets)]]) for s in samples]
    return right if kind == "right" else [answers[0], *right[1:]]


def tables(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield result
    yield from result["by_targets"].values()
    yield from result["by_kind"].values()


def holds(interval: Any, value: float | None) -> bool:
    return interval is None or (value is not None and interval[0] <= value <= interval[1] and interval[0] < interval[1])


@pytest.mark.parametrize("images", [1, 9, 10, 12, 20])
def test_every_value_of_random_runs_lies_in_its_interval(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "intervals", partial(intervals, draws=DRAWS))
    monkeypatch.setattr(latency, "percentile_intervals", partial(percentile_intervals, draws=DRAWS))
    for module in (system, differences):  # looking through the installed packages takes most of the time
        monkeypatch.setattr(module, "load", lambda *_: inst2seg)
    generator = np.random.default_rng(images)
    for trial in range(40):
        samples, answers = random_benchmark(generator, images, per_image=int(generator.integers(1, 3)))
        order = np.argsort([s.image_id for s in samples], kind="stable") if trial % 2 else range(len(samples))
        samples = [samples[place] for place in order]
        kinds = [KINDS[trial % len(KINDS)], str(generator.choice(KINDS))]
        given = {str(place): answers_of(kind, samples, answers, generator) for place, kind in enumerate(kinds)}
        found = {name: overlaps(samples, one) for name, one in given.items()}
        for name, one in given.items():
            for table in tables(system.score(samples, one, overlapping=found[name])):
                for metric, value in table["metrics"].items():
                    assert holds(table["intervals"][metric], value), f"{kinds}: {metric}"
        (pair,) = differences.pairwise_differences(found, draws=DRAWS)
        for name, one in {**pair.metrics, **pair.rates}.items():
            assert holds(one.interval, one.difference), f"{kinds}: {name}"
            if one.interval is not None:
                assert (one.p < 0.05) == (one.interval[0] > 0 or one.interval[1] < 0), f"{kinds}: {name}"


@pytest.mark.parametrize("n_right", [0, 1, 29, 30])
def test_one_answer_more_that_is_right_never_lowers_an_interval(n_right: int) -> None:
    """Of 30 images with one target each."""

    def of(right: int) -> tuple[float, float]:
        samples = [sample(f"s{i}", [(0, 20)]) for i in range(30)]
        answers = [answer(s.sample_id, [((0, 20), 0.9)] if i < right else []) for i, s in enumerate(samples)]
        measured = system.score(samples, answers)["intervals"]["T_acc"]
        return measured[0], measured[1]

    for less, more in pairwise(of(n) for n in (n_right - 1, n_right) if n >= 0):
        assert less[0] <= more[0] and less[1] <= more[1]
