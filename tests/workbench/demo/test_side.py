"""Thresholds and switches act on what was stored."""

import pytest

from tests.workbench.asking.asked import answered, boxes
from tests.workbench.demo.toys import part
from workbench.asking.answer import Answer
from workbench.data.conditions import Conditions
from workbench.data.predictions import Candidate, Instance, Prediction
from workbench.demo.side import Side, side_of


def given(instances: list[float], dropped: list[tuple[float, str]], outcome: str = "ok") -> Answer:
    prediction = Prediction(
        "s",
        tuple(Instance(part(place % 4), score) for place, score in enumerate(instances)),
        outcome,
        candidates=tuple(Candidate(part(place % 4), score, why) for place, (score, why) in enumerate(dropped)),
    )
    return Answer("toy", "the red box", "photo.png", boxes(), prediction)


def numbers(side: Side) -> list[int]:
    return [one.number for one in side.shown]


STORED = ([0.9, 0.5], [(0.1, "low_score"), (0.3, "low_score"), (0.7, "unselected")])


def test_a_lower_threshold_shows_masks_that_were_stored_and_a_higher_one_hides_instances() -> None:
    side = side_of(given(*STORED), Conditions(threshold=0.4))
    assert (side.threshold, numbers(side)) == (0.4, [1, 2])
    assert [numbers(side.at(t)) for t in (0.0, 0.2, 0.6, 1.0)] == [[1, 2, 4, 5], [1, 2, 4], [1], []]


def test_a_mask_keeps_its_number_and_its_switch_when_the_threshold_moves() -> None:
    side = side_of(given(*STORED), Conditions(threshold=0.4)).at(0.0).switched(frozenset({1, 4}))
    assert numbers(side) == [1, 4]
    assert numbers(side.at(0.95)) == [] and numbers(side.at(0.95).at(0.0)) == [1, 4]
    assert numbers(side.at(0.4).switched(frozenset({1, 2})).at(0.0)) == [1, 2, 4], "5 was switched off and stays off"


def test_a_mask_dropped_for_another_reason_is_added_by_hand_only() -> None:
    side = side_of(given(*STORED), Conditions(threshold=0.4))
    (dropped,) = side.addable
    assert dropped.label == "3 · 0.70 · 6.2% · unselected" and 3 not in numbers(side.at(0.0))
    assert numbers(side.adding(frozenset({3}))) == [1, 2, 3] and side.mask(3) == dropped


@pytest.mark.parametrize(
    ("instances", "dropped", "conditions", "threshold", "known_from"),
    [
        ([0.9, 0.5], [], None, 0.0, 0.0),  # no threshold is known: all is shown
        ([0.0], [], None, 0.0, 0.0),
        ([0.9], [], Conditions(threshold=0.3), 0.3, 0.3),  # what scored less was not stored
        ([0.9], [(0.1, "low_score")], Conditions(threshold=0.3, stored_from=0.05), 0.3, 0.05),
        ([0.9], [(0.1, "low_score")], None, 0.1, 0.0),
        ([], [], Conditions(threshold=0.3), 0.3, 0.3),
    ],
)
def test_the_threshold_begins_where_the_system_had_it(
    instances: list[float],
    dropped: list[tuple[float, str]],
    conditions: Conditions | None,
    threshold: float,
    known_from: float,
) -> None:
    side = side_of(given(instances, dropped), conditions)
    assert side.threshold == pytest.approx(threshold) and side.known_from == pytest.approx(known_from)
    assert len(side.shown) == len(instances)


def test_scores_that_another_rule_decided_about_do_not_rise() -> None:
    side = side_of(given([0.5], [(0.9, "low_score")]))
    assert numbers(side.at(0.0)) == [1] and [one.number for one in side.addable] == [2]


def test_nothing_of_an_answer_that_failed_is_shown_by_itself() -> None:
    side = side_of(given([0.9], [(0.1, "low_score")], "timed_out"), Conditions(threshold=0.3))
    assert numbers(side.at(0.0)) == [] and [one.score for one in side.addable] == [0.1]


def test_an_answer_without_candidates_is_shown_whole() -> None:
    assert numbers(side_of(answered(instances=3))) == [1, 2, 3]
