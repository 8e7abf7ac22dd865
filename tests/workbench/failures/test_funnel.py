import pytest

from tests.workbench.metrics.scenes import Strip, answer, sample, strip
from workbench.data.predictions import Candidate, Prediction
from workbench.data.vocabulary import DROP_REASONS
from workbench.failures.funnel import funnel
from workbench.failures.taxonomy import STAGES
from workbench.metrics.overlaps import overlaps


def passed(prediction: Prediction) -> list[str]:
    found = funnel(overlaps([sample("a", [(0, 20)])], [prediction]))
    assert found["targets"] == 1
    return [stage for stage in STAGES if found[stage]]


@pytest.mark.parametrize("reason", DROP_REASONS)
def test_a_dropped_candidate_is_lost_at_its_stage(reason: str) -> None:
    candidate = Candidate(strip((0, 18)), 0.4, reason)
    assert passed(answer("a", candidates=(candidate,))) == list(STAGES[: STAGES.index(DROP_REASONS[reason].lost_at)])


def test_a_mask_that_was_dropped_for_a_reason_of_the_system_s_own_has_surfaced() -> None:
    assert passed(answer("a", candidates=(Candidate(strip((0, 18)), 0.4, "nms"),))) == ["surfaced"]


@pytest.mark.parametrize(
    ("columns", "last"), [((0, 20), "precise"), ((0, 15), "precise"), ((0, 14), "matched"), ((0, 9), None)]
)
def test_an_instance_gets_as_far_as_its_iou(columns: Strip, last: str | None) -> None:
    expected = list(STAGES[: STAGES.index(last) + 1]) if last else []
    assert passed(answer("a", [(columns, 0.9)])) == expected


def test_the_furthest_candidate_counts() -> None:
    candidates = tuple(Candidate(strip((0, 20)), 0.4, reason) for reason in ("unselected", "suppressed"))
    assert passed(answer("a", candidates=candidates))[-1] == "survived_checking"


def test_a_target_that_only_an_instance_of_another_target_covers_is_not_matched() -> None:
    one = sample("a", [(0, 20), (2, 22)])
    found = funnel(overlaps([one], [answer("a", [((0, 20), 0.9)])]))
    assert (found["targets"], found["above_threshold"], found["matched"]) == (2, 2, 1)


def test_a_failed_answer_keeps_what_its_candidates_reached() -> None:
    candidate = Candidate(strip((0, 20)), 0.4, "unselected")
    failed = answer("a", [((0, 20), 0.9)], outcome="budget_spent", candidates=(candidate,))
    assert passed(failed)[-1] == "survived_checking"


def test_no_samples_have_no_targets() -> None:
    assert funnel([]) == {"targets": 0, **dict.fromkeys(STAGES, 0)}
