"""Curves from stored answers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.metrics.scenes import Strip, answer, random_benchmark, sample, strip
from workbench.data.conditions import Conditions
from workbench.data.predictions import Candidate, Prediction
from workbench.data.samples import Sample
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import values
from workbench.scoring.curves import (
    at_threshold,
    curves,
    exact_share,
    known,
    not_suppressed,
    reliability,
    risk_curve,
    suppression_curve,
    threshold_curve,
)

METRICS = ("mAP", "gIoU", "N_acc", "T_acc")


def low(columns: Strip, score: float, reason: str = "low_score") -> Candidate:
    return Candidate(strip(columns), score, reason)


def cut(answers: list[Prediction], threshold: float) -> list[Prediction]:
    """The answers of a system with this threshold, which stores what scored too low."""
    return [
        replace(
            one,
            instances=tuple(i for i in one.instances if i.score > threshold),
            candidates=tuple(Candidate(i.mask, i.score, "low_score") for i in one.instances if i.score <= threshold),
        )
        for one in answers
    ]


def drawn(threshold: float, images: int = 30) -> tuple[list[Sample], list[Prediction], list[SampleOverlap]]:
    samples, answers = random_benchmark(np.random.default_rng(3), images)
    stored = cut(answers, threshold)
    return samples, answers, overlaps(samples, stored)


def test_each_threshold_gives_what_a_system_with_it_would_have_had() -> None:
    samples, answers, stored = drawn(0.4)
    curve = threshold_curve(stored, inst2seg, METRICS, steps=10)
    assert curve.known_from == 0 and curve.thresholds[0] == 0 and curve.thresholds[-1] == 1
    for place, threshold in enumerate(curve.thresholds):
        asked_anew = overlaps(samples, cut(answers, threshold))
        expected = values(inst2seg(asked_anew), len(samples))
        assert {name: curve.values[name][place] for name in METRICS} == {name: expected[name] for name in METRICS}
        assert curve.values["exact sets"][place] == exact_share(asked_anew)


def test_without_what_scored_too_low_nothing_is_known_below_the_answers() -> None:
    samples, answers, _ = drawn(0.4)
    returned = overlaps(samples, [replace(one, candidates=()) for one in cut(answers, 0.4)])
    curve = threshold_curve(returned, inst2seg, METRICS, steps=10)
    lowest = min(i.score for one in cut(answers, 0.4) for i in one.instances)
    assert curve.operating == curve.known_from == curve.thresholds[0] == math.nextafter(lowest, 0)
    assert threshold_curve(returned, inst2seg, METRICS, stated=Conditions(threshold=0.4)).known_from == 0.4


def test_the_operating_point_has_the_values_of_the_run() -> None:
    samples, _, stored = drawn(0.4)
    measured = values(inst2seg(stored), len(samples))
    for stated in (None, 0.4, 0.9):
        curve = threshold_curve(stored, inst2seg, METRICS, Conditions(threshold=stated))
        place = curve.thresholds.index(curve.operating)
        assert {name: curve.values[name][place] for name in METRICS} == {name: measured[name] for name in METRICS}
        assert curve.stated == (stated == 0.4), "a threshold that the scores contradict is not believed"


def test_what_was_dropped_by_another_rule_is_not_brought_back() -> None:
    mixed = [answer("a", [((0, 20), 0.5)], candidates=(low((30, 50), 0.7),)), answer("b")]
    about = known(mixed, stated=Conditions(threshold=0.4))
    assert about.lowest == about.operating == math.nextafter(0.5, 0) and not about.stated
    assert known([answer("a")]).lowest <= 1


def test_an_answer_at_another_threshold_keeps_all_its_masks() -> None:
    given = answer("a", [((0, 20), 0.9), ((30, 50), 0.5)], candidates=(low((60, 80), 0.2), low((0, 9), 0.1, "empty")))
    higher, lower = at_threshold(given, 0.6), at_threshold(given, 0.15)
    assert [one.score for one in higher.instances] == [0.9]
    assert sorted((one.score, one.dropped) for one in higher.candidates) == [
        (0.1, "empty"), (0.2, "low_score"), (0.5, "low_score")
    ]  # fmt: skip
    assert [one.score for one in lower.instances] == [0.9, 0.5, 0.2]
    assert [one.dropped for one in lower.candidates] == ["empty"]
    assert at_threshold(higher, 0.0).instances[0].score == 0.9


def test_failed_answers_and_decisions_of_a_systems_own_stay() -> None:
    failed = answer("a", [((0, 20), 0.9)], outcome="crashed")
    assert at_threshold(failed, 0.95) == failed
    decided = answer("b", [((0, 20), 0.9)], rejected=False)
    assert at_threshold(decided, 0.95).rejected is False
    curve = threshold_curve(overlaps([sample("a"), sample("b")], [failed, decided]), inst2seg, METRICS)
    assert curve.values["N_acc"] == [0.0] * len(curve.thresholds)


def test_masks_that_were_not_selected_have_a_curve_of_their_own() -> None:
    asked = [sample("a", [(0, 20), (40, 60)]), sample("b", [(0, 20)])]
    given = [
        answer("a", [((0, 20), 0.9)], candidates=(low((40, 60), 0.7, "unselected"),)),
        answer("b", [((0, 20), 0.8)], candidates=(low((50, 70), 0.6, "unselected"),)),
    ]
    found = curves(overlaps(asked, given), inst2seg, METRICS, stated=Conditions(threshold=0.5))
    assert found.unselected is not None
    assert found.threshold.values["exact sets"][0] == 0.5
    at = found.unselected.thresholds.index(0.6)
    assert (found.unselected.values["exact sets"][0], found.unselected.values["exact sets"][at]) == (0.5, 1.0)
    without = curves(overlaps([asked[1]], [answer("b")]), inst2seg, METRICS)
    assert without.unselected is None and without.risk.area is None and without.reliability.error is None


def test_calibration_error_by_hand() -> None:
    asked = [sample(f"s{n}", [(0, 20)]) for n in range(4)]
    given = [answer(f"s{n}", [((0, 20) if n < 3 else (50, 70), 0.95)]) for n in range(4)]
    given[0] = answer("s0", [((0, 20), 0.95), ((60, 80), 0.32)])
    found = reliability(overlaps(asked, given))
    assert [(b.instances, b.right) for b in found.bins] == [(1, 0.0), (4, 0.75)]
    assert found.error == pytest.approx((0.32 + 4 * 0.2) / 5)
    assert found.interval is None, "four images"


def test_calibrated_scores_have_a_small_error_and_their_interval_holds_it() -> None:
    rng = np.random.default_rng(0)
    asked, given = [], []
    for place in range(300):
        score = float(rng.random())
        asked.append(sample(f"s{place}", [(0, 20)]))
        given.append(answer(f"s{place}", [((0, 20) if rng.random() < score else (50, 70), score)]))
    found = reliability(overlaps(asked, given))
    assert found.error is not None and found.interval is not None
    assert found.error < 0.08 and found.interval[0] <= found.error <= found.interval[1]


def test_risk_against_coverage_by_hand() -> None:
    asked = [sample(name, [(0, 20)]) for name in "abcde"]
    right, wrong = (0, 20), (50, 70)
    given = [
        answer("a", [(right, 0.9)]),
        answer("b", [(right, 0.95), (wrong, 0.6)]),
        answer("c", [(right, 0.6)]),
        answer("d", [(wrong, 0.5)]),
        answer("e"),
    ]
    curve = risk_curve(overlaps(asked, given))
    assert curve.confidence == [0.9, 0.6, 0.5], "equal confidences are covered together"
    assert curve.coverage == [0.2, 0.6, 0.8], "e has no instance"
    assert curve.risk == pytest.approx([0, 1 / 3, 2 / 4])
    assert curve.area == pytest.approx((0 + 2 / 3 + 2 / 4) / 4)


def test_a_chain_of_overlaps_is_suppressed_by_falling_score() -> None:
    iou = np.array([[1, 0.6, 0.1], [0.6, 1, 0.6], [0.1, 0.6, 1]])
    assert not_suppressed(np.array([0.9, 0.8, 0.7]), iou, 0.5) == (0, 2)
    assert not_suppressed(np.array([0.7, 0.9, 0.7]), iou, 0.5) == (1,)
    assert not_suppressed(np.array([0.9, 0.8, 0.7]), iou, 0.6) == (0, 1, 2), "only above the limit"


def test_suppression_removes_duplicates_and_its_end_is_the_run() -> None:
    asked = [sample("a", [(0, 20)]), sample("b", [(0, 20)])]
    given = [
        answer("a", [((0, 20), 0.9), ((0, 18), 0.8)], candidates=(low((2, 20), 0.7, "suppressed"),)),
        answer("b", [((0, 20), 0.9), ((10, 30), 0.8)]),
    ]
    curve = suppression_curve(overlaps(asked, given), inst2seg, METRICS, limits=(0.0, 0.5, 0.95, 1.0))
    assert curve.values["duplicates"] == [0.0, 0.0, 50.0, 50.0]
    assert curve.values["exact sets"] == [1.0, 0.5, 0.0, 0.0]
    assert curve.suppressed == 1
    assert curve.values["mAP"][-1] == values(inst2seg(overlaps(asked, given)), 2)["mAP"]
