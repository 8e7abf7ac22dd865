"""Curves over levels from stored answers: equal to what each level gives alone."""

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.metrics.scenes import random_benchmark, sample, strip
from workbench.data.predictions import Candidate, Instance, Prediction
from workbench.data.samples import Sample
from workbench.data.stress import AxisEntry
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import values
from workbench.metrics.uncertainty import intervals
from workbench.scoring.differences import pairwise_differences
from workbench.scoring.stress import agreement, areas, by_level, stress_results
from workbench.scoring.system import metrics_of

AXIS = AxisEntry(name="toy", title="Toy", unit="", levels=[0, 1, 2], plain=0, same_answer=True, generated=False)


def swept(worse: float, images: int = 14) -> list[SampleOverlap]:
    """Answers to a random benchmark at three levels; at each, a larger share of the instances is lost."""
    samples, answers = random_benchmark(np.random.default_rng(5), images)
    asked: list[Sample] = []
    given: list[Prediction] = []
    for place, (question, one) in enumerate(zip(samples, answers, strict=True)):
        for level in (0, 1, 2):
            name = f"{place}@{level}"
            asked.append(replace(question, sample_id=name, facts={"level": level, "question": str(place)}))
            lost = np.random.default_rng(place).random(len(one.instances)) < worse * level
            kept = tuple(i for i, gone in zip(one.instances, lost, strict=True) if not gone)
            given.append(replace(one, sample_id=name, instances=kept, latency=0.1 * (level + 1)))
    return overlaps(asked, given)


def described(found: list[SampleOverlap]) -> dict[str, object]:
    return dict(metrics_of("inst2seg", values(inst2seg(found), len(found))))


def test_each_level_has_the_values_and_intervals_that_it_has_alone() -> None:
    found = swept(0.3)
    results = stress_results(AXIS, {"one": found}, inst2seg, described(found))  # type: ignore[arg-type]
    for place, level in enumerate(by_level(AXIS, found)):
        alone = values(inst2seg(level), len(level))
        chances = intervals([one.image_id for one in level], inst2seg(level), alone)
        for name, value in alone.items():
            curve = results.curves["one"][name]
            assert curve.values[place] == value
            if chances[name] is not None:
                assert curve.intervals[place] == pytest.approx(chances[name])
    assert results.curves["one"]["seconds"].values == pytest.approx([0.1, 0.2, 0.3])
    assert results.curves["one"]["agreement"].values[0] == 1.0
    assert results.curves["one"]["agreement"].values[2] < 1.0  # type: ignore[operator]
    assert (results.questions, results.images) == (len(found) // 3, 14)


def test_systems_are_compared_on_the_same_draws_and_equal_ones_do_not_differ() -> None:
    found = swept(0.3)
    results = stress_results(AXIS, {"a": found, "b": swept(0.45), "c": found}, inst2seg, described(found))  # type: ignore[arg-type]
    pairs = {(pair.a, pair.b, pair.metric): pair for pair in results.pairs}
    same = pairs["a", "c", "gIoU"]
    assert same.differences == [0, 0, 0] and same.area == 0 and same.crossings == []
    lost = pairs["a", "b", "mAP"]
    curves = [results.curves[name]["mAP"].values for name in ("a", "b")]
    assert lost.differences == pytest.approx([a - b for a, b in zip(*curves, strict=True)])  # type: ignore[operator]
    assert lost.area is not None and lost.area > 0 and lost.p is not None and lost.p_holm is not None
    assert lost.p_holm >= lost.p
    assert {pair.metric for pair in results.pairs} == {"mAP", "gIoU", "N_acc", "T_acc", "exact sets"}


def test_areas_for_the_gate_are_those_of_the_curves() -> None:
    found = swept(0.3)
    results = stress_results(AXIS, {"one": found}, inst2seg, described(found))  # type: ignore[arg-type]
    for name, one in areas(AXIS, found, inst2seg, ["mAP", "gIoU"]).items():
        assert one.value == results.curves["one"][name].area


def test_levels_with_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions at every level of toy"):
        by_level(AXIS, swept(0.1)[:-1])


def test_masks_on_one_target_are_counted_whether_they_were_kept_or_dropped() -> None:
    asked, given = [], []
    for level, instances in ((0, ((0, 20), (60, 80))), (1, ((0, 20), (0, 20), (1, 20), (90, 99)))):
        facts = {"level": level, "question": "0"}
        asked.append(sample(f"0@{level}", [(0, 20), (60, 80)], image="i", facts=facts))
        dropped = (Candidate(strip((0, 18)), 0.1, "low_score"),)
        found = tuple(Instance(strip(one), 0.9 - place / 10) for place, one in enumerate(instances))
        given.append(Prediction(f"0@{level}", found, candidates=dropped))
    one = overlaps(asked, given)
    results = stress_results(AXIS.model_copy(update={"levels": [0, 1]}), {"a": one}, inst2seg, described(one))  # type: ignore[arg-type]
    assert results.curves["a"]["masks a target"].values == [1.5, 4.0]


def test_systems_are_compared_where_nothing_is_asked_for_and_only_one_answers() -> None:
    asked = [
        sample(f"{place}@{level}", image=f"image {place}", facts={"level": level, "question": str(place)})
        for place in range(12)
        for level in (0, 1, 2)
    ]
    declined = [Prediction(one.sample_id) for one in asked]
    invented = [Prediction(one.sample_id, (Instance(strip((0, 9)), 0.9),)) for one in asked]
    found = {name: overlaps(asked, given) for name, given in (("declines", declined), ("invents", invented))}
    results = stress_results(AXIS, found, inst2seg, described(found["declines"]))  # type: ignore[arg-type]
    (pair,) = (pair for pair in results.pairs if pair.metric == "N_acc")
    assert pair.differences == [1, 1, 1] and pair.p_holm is not None and pair.p_holm < 0.05
    (whole,) = pairwise_differences(found)  # cIoU is defined for one of them only
    assert whole.metrics["cIoU"].difference is None and whole.metrics["gIoU"].difference == 1


def test_answers_agree_by_their_pooled_masks() -> None:
    def said(*columns: tuple[int, int]) -> Prediction:
        return Prediction("1", tuple(Instance(strip(one), 0.9) for one in columns))

    assert agreement(said((0, 4)), said((0, 2), (2, 4))) == 1.0
    assert agreement(said((0, 4)), said((2, 6))) == pytest.approx(2 / 6)
    assert agreement(said(), said()) == 1.0 and agreement(said(), said((0, 4))) == 0.0
    assert agreement(replace(said((0, 4)), outcome="crashed"), said()) == 1.0
