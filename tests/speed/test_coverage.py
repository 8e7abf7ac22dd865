"""Intervals of small data sets hold the truth of the population that they are drawn from."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from speed.coverage import SWAPPED, Counts, by_image, judged, pairs, population, replicate, table, truths, uninformative
from tests.workbench.metrics.scenes import random_benchmark
from tests.workbench.toys import Rectangles, threshold
from workbench.comparison.runner import run
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.tracking.load import load_run


@pytest.mark.slow
def test_intervals_cover_and_p_values_cry_wolf_about_as_often_as_they_say() -> None:
    """Also of scores that rank nothing, where the percentiles of the draws hold the truth in 80 to 90 of 100 only."""
    generator = np.random.default_rng(0)
    samples, ours = random_benchmark(generator, 200)
    _, others = random_benchmark(generator, 200)
    theirs = [one if generator.random() < 0.7 else other for one, other in zip(ours, others, strict=True)]
    flat = {"ours": overlaps(samples, ours), "theirs": overlaps(samples, theirs)}
    systems = {name: by_image(one) for name, one in {**flat, **uninformative("ours", flat["ours"])}.items()}
    true, counts, trials = truths(systems, inst2seg), Counter(), 120
    for number in range(trials):
        counts += replicate(systems, true, inst2seg, images=60, draws=100, number=number)
    for (row, metric, said), n in counts.items():
        share = n / trials
        if said == "wrong":
            # four standard errors above 5 %
            assert share <= 0.13, f"{row}: {metric} is wrong in {share:.1%}"


def test_the_answers_of_a_run_and_its_uninformative_scores_are_compared(tmp_path: Path) -> None:
    benchmark = Rectangles(tmp_path / "data", 40)
    run({"a": lambda: threshold(90), "b": lambda: threshold(0)}, lambda: benchmark, tmp_path / "run")
    found = load_run(tmp_path / "run")
    systems = population(found)
    assert list(systems) == ["a", "b", "a, scores shuffled", "a, one score"]
    assert pairs(systems) == [("a", "b"), ("a", "a, scores shuffled"), ("a", "a, one score")]
    true = truths(systems, inst2seg)
    assert true["a - b"]["T_acc"] == true["a"]["T_acc"] - true["b"]["T_acc"] > 0
    counts = replicate(systems, true, inst2seg, images=12, draws=20, number=0)
    assert counts == replicate(systems, true, inst2seg, images=12, draws=20, number=0)
    assert {row for row, _, _ in counts} == {*systems, *true, f"a{SWAPPED}b"}


def test_the_table_has_the_share_of_right_intervals_and_of_wrong_p_values() -> None:
    counts: Counts = Counter({("a", "mAP", "right"): 3, ("a", "mAP", "wrong"): 1, ("a", "mAP", "none"): 6})
    counts += Counter({(f"a{SWAPPED}b", "mAP", "right"): 3, (f"a{SWAPPED}b", "mAP", "wrong"): 1})
    assert table(counts, 60).splitlines()[2:] == ["| a | 75.0 |", f"| a{SWAPPED}b | 25.0 |"]


@pytest.mark.parametrize(("found", "said"), [(None, "none"), ((0.1, 0.3), "right"), ((0.3, 0.4), "wrong")])
def test_an_interval_is_right_where_it_holds_the_truth(found: tuple[float, float] | None, said: str) -> None:
    assert judged(found, 0.2) == said
