import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, sample, strip
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import Candidate, Instance, Prediction
from workbench.metrics.overlaps import match, overlaps, pooled_areas


def test_areas_are_of_the_pooled_masks() -> None:
    (found,) = overlaps([sample("a", [(0, 10), (20, 30)])], [answer("a", [((0, 10), 0.9), ((5, 15), 0.8)])])
    assert (found.intersection, found.union) == (20, 50)
    assert found.iou.tolist() == [[1.0, 0.0], [pytest.approx(1 / 3), 0.0]]


def test_a_failed_answer_counts_as_empty_but_keeps_its_candidates() -> None:
    seen = (Candidate(strip((0, 10)), 0.9, "rejected"),)
    (found,) = overlaps(
        [sample("a", [(0, 10)])], [answer("a", [((0, 10), 0.9)], outcome="budget_spent", candidates=seen)]
    )
    assert (found.n_instances, found.intersection, found.union, found.outcome) == (0, 0, 20, "budget_spent")
    assert found.iou_candidates.tolist() == [[1.0]]


def test_ignored_pixels_are_cleared_in_both() -> None:
    assert pooled_areas([strip((0, 10))], [strip((5, 20))], strip((8, 15))) == (6, 26, 16)
    assert pooled_areas([strip((0, 10))], [], strip((8, 15))) == (0, 16, 0)
    assert pooled_areas([], [], strip((8, 15))) == (0, 0, 0)


def test_a_sample_without_usable_annotation_is_left_out() -> None:
    samples = [sample("a", problem="mask RLE is broken"), sample("b")]
    assert [o.sample_id for o in overlaps(samples, [answer("a", outcome="bad_sample"), answer("b")])] == ["b"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([answer("a")], "'b' has no prediction"),
        ([answer("a"), answer("b"), answer("a")], "'a' has more than one prediction"),
    ],
)
def test_each_sample_needs_exactly_one_prediction(answers: list[Prediction], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        overlaps([sample("a"), sample("b")], answers)


def test_two_samples_of_one_id_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="same id"):
        overlaps([sample("a"), sample("a")], [answer("a")])


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    wrong = Prediction("a", (Instance({"size": [3, 7], "counts": "e0"}, 0.5),))
    with pytest.raises(ConfigurationError, match=r"'a'.*7x3.*100x2"):
        overlaps([sample("a", [(0, 10)])], [wrong])


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="finite"):
        overlaps([sample("a")], [answer("a", [((0, 10), float("nan"))])])


def test_higher_scores_choose_first_and_take_the_best_free_target() -> None:
    iou = np.array([[0.6, 0.9], [0.55, 0.8], [0.7, 0.0]])
    assert match(np.array([0.5, 0.9, 0.1]), iou, np.array([0.5, 0.75])).tolist() == [[0, -1], [1, 1], [-1, -1]]


def test_equal_scores_and_equal_ious_go_to_the_earlier_one() -> None:
    assert match(np.array([0.5, 0.5]), np.array([[0.8, 0.8], [0.8, 0.8]]), np.array([0.5])).tolist() == [[0], [1]]


def test_an_iou_equal_to_the_threshold_matches() -> None:
    assert match(np.array([0.5]), np.array([[0.55]])).tolist() == [[0, 0, *[-1] * 8]]
