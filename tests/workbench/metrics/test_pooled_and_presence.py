import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, sample
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.pooled import ciou, giou, sample_iou
from workbench.metrics.presence import presence_measure
from workbench.metrics.statistics import estimate

SAMPLES = [sample("half", [(0, 10)]), sample("missed", [(0, 10)]), sample("declined"), sample("invented")]
ANSWERS = [answer("half", [((0, 5), 0.9)]), answer("missed"), answer("declined"), answer("invented", [((0, 20), 0.9)])]


@pytest.fixture
def found() -> list[SampleOverlap]:
    return overlaps(SAMPLES, ANSWERS)


def presence(found: list[SampleOverlap]) -> dict[str, float]:
    return estimate(presence_measure(found), len(found))


def test_giou_averages_samples_and_ciou_pools_pixels(found: list[SampleOverlap]) -> None:
    intersection = np.array([o.intersection for o in found])
    union = np.array([o.union for o in found])
    iou = sample_iou(intersection, union)
    assert iou.tolist() == [0.5, 0.0, 1.0, 0.0]
    assert giou(iou).tolist() == [0.375]
    assert ciou(intersection, union).tolist() == [10 / (20 + 20 + 0 + 40)]


def test_weights_choose_samples(found: list[SampleOverlap]) -> None:
    weights = np.array([[1, 0], [0, 0], [1, 0], [0, 3]])
    iou = sample_iou(np.array([o.intersection for o in found]), np.array([o.union for o in found]))
    assert giou(iou, weights).tolist() == [0.75, 0.0]
    drawn = presence_measure(found)(weights)
    assert drawn["N_acc"].tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(drawn["T_acc"], [1.0, np.nan])


def test_empty_unions_are_undefined_for_ciou_only() -> None:
    none = np.zeros(2, dtype=np.int64)
    assert np.isnan(ciou(none, none)[0])
    assert giou(sample_iou(none, none))[0] == 1.0
    assert giou(sample_iou(none, none, both_empty=0.0))[0] == 0.0


def test_presence_counts_decisions(found: list[SampleOverlap]) -> None:
    assert presence(found) == {"N_acc": 0.5, "T_acc": 0.5}


def test_presence_is_undefined_without_samples_of_its_kind() -> None:
    assert np.isnan(presence(overlaps(SAMPLES[:1], ANSWERS))["N_acc"])
    assert np.isnan(presence(overlaps(SAMPLES[2:], ANSWERS))["T_acc"])


def test_a_failed_run_did_not_decline() -> None:
    assert presence(overlaps([sample("a")], [answer("a", outcome="timed_out")]))["N_acc"] == 0.0


def test_an_instance_with_an_empty_mask_is_an_answer_for_presence_but_covers_nothing() -> None:
    (one,) = overlaps([sample("a")], [answer("a", [((0, 0), 0.9)])])
    assert presence([one])["N_acc"] == 0.0
    assert one.union == 0
