"""Equal scores in a bootstrap draw: copies of a sample do not stay together, and a value lies in its interval."""

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.metrics.ap import average_precision, rank
from workbench.metrics.coco import coco_ap
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import estimate, paired
from workbench.metrics.tide import tide
from workbench.metrics.ties import order_of_draw, tie_groups
from workbench.metrics.uncertainty import intervals, sampled, spread

METRICS = {"inst2seg": inst2seg, "coco": coco_ap, "tide": tide}


def constant(n_images: int, share: float, seed: int = 0) -> tuple[list[Sample], list[Prediction]]:
    """One target a picture, found in a share of them, and every mask with the same score."""
    right = np.random.default_rng(seed).random(n_images) < share
    samples = [sample(f"s{i}", [(0, 20)]) for i in range(n_images)]
    return samples, [
        answer(s.sample_id, [((0, 20) if hit else (40, 60), 0.5)]) for s, hit in zip(samples, right, strict=True)
    ]


def test_only_equal_scores_that_count_differently_are_a_group() -> None:
    hits = np.array([[True], [True], [False], [False]])
    assert tie_groups(np.array([0.9, 0.8, 0.7, 0.1]), hits) is None
    assert tie_groups(np.array([0.8, 0.8, 0.1, 0.1]), hits) is None, "whatever their order, it is the same ranking"
    mixed = tie_groups(np.array([0.9, 0.8, 0.8, 0.1]), hits)
    assert mixed is not None and mixed.tolist() == [0, 1, 1, 2]


def test_a_draw_mixes_copies_inside_a_group_only_and_the_data_set_keeps_its_order() -> None:
    groups, owners = np.array([0, 1, 1, 1, 2]), np.array([0, 1, 2, 3, 0])
    assert order_of_draw(groups, owners, np.ones(4, np.int64)).tolist() == [0, 1, 2, 3, 4]
    orders = {tuple(order_of_draw(groups, owners, np.array([1, 2, 2, 0]) * k).tolist()) for k in range(1, 9)}
    assert all(order[0] == 0 and order[-1] == 4 and 3 not in order for order in orders)
    assert any(order.index(2) < len(order) - 1 - order[::-1].index(1) for order in orders), "copies are mixed"


def test_copies_that_stand_together_would_raise_average_precision() -> None:
    samples, answers = constant(200, 0.5)
    ranking = rank(overlaps(samples, answers))
    twice = np.full((200, 1), 2)
    assert average_precision(ranking, twice)[0, 0] == pytest.approx(0.25, abs=0.06), "half right, half found"


@pytest.mark.parametrize("name", METRICS)
def test_without_ties_draws_are_what_they_were(name: str) -> None:
    samples, answers = random_benchmark(np.random.default_rng(3), 12)
    measure = METRICS[name](overlaps(samples, answers))
    weights = np.random.default_rng(0).integers(0, 3, size=(len(samples), 4))
    whole = measure(weights)
    for column in range(4):
        repeated = [i for i, n in enumerate(weights[:, column]) for _ in range(n)]
        copies = [(samples[i], answers[i]) for i in repeated]
        renamed = [
            (sample_copy(s, f"{s.sample_id}-{k}"), answer_copy(a, f"{s.sample_id}-{k}"))
            for k, (s, a) in enumerate(copies)
        ]
        again = estimate(METRICS[name](overlaps(*zip(*renamed, strict=True))), len(renamed))
        for metric, value in again.items():
            assert whole[metric][column] == pytest.approx(value, nan_ok=True), metric


def sample_copy(one: Sample, name: str) -> Sample:
    return Sample(**{**{f: getattr(one, f) for f in one.__dataclass_fields__}, "sample_id": name, "image_id": name})


def answer_copy(one: Prediction, name: str) -> Prediction:
    return Prediction(name, one.instances)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("name", METRICS)
def test_a_constant_score_has_an_interval_around_its_value(name: str, share: float) -> None:
    samples, answers = constant(60, share)
    measure = METRICS[name](overlaps(samples, answers))
    values = estimate(measure, len(samples))
    for metric, interval in intervals([s.image_id for s in samples], measure, values, draws=200).items():
        if interval is not None:
            assert interval[0] <= values[metric] <= interval[1], metric


def test_equal_answers_differ_by_nothing_in_every_draw() -> None:
    samples, answers = constant(40, 0.6)
    measure = inst2seg(overlaps(samples, answers))
    found = sampled([s.image_id for s in samples], paired(measure, measure), draws=100)["mAP"]
    assert found.value == found.even == 0 and not found.draws.any()


def test_an_order_that_favours_one_of_two_systems_is_not_beyond_chance_by_it() -> None:
    """Both answer half of the pictures rightly, with one score; the order of the files has ours first."""
    samples = [sample(f"s{i}", [(0, 20)]) for i in range(60)]
    ours, theirs = (
        overlaps(samples, [answer(s.sample_id, [((0, 20) if (i < 30) == first else (40, 60), 0.5)])
                           for i, s in enumerate(samples)])
        for first in (True, False)
    )  # fmt: skip
    measure = paired(inst2seg(ours), inst2seg(theirs))
    lead = estimate(measure, 60)["AP50"]
    found = spread(sampled([s.image_id for s in samples], measure, draws=300)["AP50"])
    assert lead > 0.2 and found is not None
    assert found.interval[0] <= 0 <= lead <= found.interval[1]
    assert found.p > 0.05
