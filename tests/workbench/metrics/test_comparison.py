import json

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.metrics.comparison import RATES, compare
from workbench.metrics.matching import SampleOverlap, overlaps

METRICS = ["mAP", "AP50", "AP75", "gIoU", "cIoU", "N_acc", "T_acc"]


@pytest.fixture(scope="module")
def found() -> dict[str, list[SampleOverlap]]:
    samples, answers = random_benchmark(np.random.default_rng(0), n_images=20)
    strips = {0: (0, 20), 1: (30, 50), 2: (60, 80)}
    perfect = [answer(s.sample_id, [(strips[i], 0.9) for i in range(len(s.targets))]) for s in samples]
    return {"perfect": overlaps(samples, perfect), "found": overlaps(samples, answers)}


def test_every_difference_has_the_sign_of_the_first_minus_the_second(found: dict[str, list[SampleOverlap]]) -> None:
    (better,) = compare(found)
    (worse,) = compare(dict(reversed(found.items())))
    assert list(better["metrics"]) == METRICS
    assert list(better["rates"]) == list(RATES)
    for family in ("metrics", "rates"):
        for name, one in better[family].items():
            low, high = one["interval"]
            assert low <= one["difference"] <= high
            assert worse[family][name]["difference"] == pytest.approx(-one["difference"])
            assert worse[family][name]["interval"] == pytest.approx([-high, -low])
            assert worse[family][name]["p"] == pytest.approx(one["p"])
    assert better["metrics"]["mAP"]["p_holm"] < 0.05
    assert better["rates"]["exact_set"]["only_b"] == 0


def test_a_system_does_not_differ_from_itself(found: dict[str, list[SampleOverlap]]) -> None:
    (pair,) = compare({"a": found["found"], "b": found["found"]})
    assert pair["metrics"]["mAP"] == {"difference": 0.0, "interval": [0.0, 0.0], "p": 1.0, "p_holm": 1.0}
    nothing = {"difference": 0.0, "interval": [0.0, 0.0], "p": 1.0, "only_a": 0, "only_b": 0, "p_holm": 1.0}
    assert pair["rates"] == dict.fromkeys(RATES, nothing)


def test_more_pairs_are_corrected_more(found: dict[str, list[SampleOverlap]]) -> None:
    (alone,) = compare(found)
    among = compare(found | {"again": found["found"]})
    assert alone["metrics"]["mAP"]["p"] == among[0]["metrics"]["mAP"]["p"]
    assert alone["metrics"]["mAP"]["p_holm"] < among[0]["metrics"]["mAP"]["p_holm"]


def test_too_little_data_is_said_and_the_result_is_plain_json() -> None:
    one = overlaps([sample("a", [(0, 20)])], [answer("a", [((0, 20), 0.9)])])
    (pair,) = compare({"a": one, "b": one})
    assert pair["note"] == "too little data: 1 images, 10 needed"
    assert pair["metrics"]["mAP"]["p_holm"] is None
    for result in (pair, compare({"a": [], "b": []})[0]):
        assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_systems_must_have_answered_the_same_samples() -> None:
    one, other = (overlaps([sample(name, [])], [answer(name)]) for name in "ab")
    with pytest.raises(ValueError, match="same samples"):
        compare({"a": one, "b": other})
