import json

import numpy as np
import pytest

from tests.workbench.metrics.scenes import answer, random_benchmark, sample
from workbench.data.predictions import Prediction
from workbench.data.results import Difference, PairDifference, RateDifference
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.scoring.differences import RATES, paces, pairwise_differences

METRICS = ["mAP", "AP50", "AP75", "gIoU", "cIoU", "N_acc", "T_acc"]


@pytest.fixture(scope="module")
def found() -> dict[str, list[SampleOverlap]]:
    samples, answers = random_benchmark(np.random.default_rng(0), n_images=20)
    strips = {0: (0, 20), 1: (30, 50), 2: (60, 80)}
    perfect = [answer(s.sample_id, [(strips[i], 0.9) for i in range(len(s.targets))]) for s in samples]
    return {"perfect": overlaps(samples, perfect), "found": overlaps(samples, answers)}


def test_every_difference_has_the_sign_of_the_first_minus_the_second(found: dict[str, list[SampleOverlap]]) -> None:
    (better,) = pairwise_differences(found)
    (worse,) = pairwise_differences(dict(reversed(found.items())))
    assert list(better.metrics) == METRICS
    assert list(better.rates) == list(RATES)
    for family in ("metrics", "rates"):
        for name, one in getattr(better, family).items():
            low, high = one.interval
            other = getattr(worse, family)[name]
            assert low <= one.difference <= high
            assert other.difference == pytest.approx(-one.difference)
            assert other.interval == pytest.approx((-high, -low))
            assert other.p == pytest.approx(one.p)
    assert better.metrics["mAP"].p_holm < 0.05
    assert better.rates["exact_set"].only_b == 0


def test_a_system_does_not_differ_from_itself(found: dict[str, list[SampleOverlap]]) -> None:
    (pair,) = pairwise_differences({"a": found["found"], "b": found["found"]})
    room = pair.metrics["mAP"].interval
    assert pair.metrics["mAP"] == Difference(difference=0.0, interval=room, p=1.0, p_holm=1.0)
    assert room == pytest.approx((-0.18, 0.18), abs=0.01), "20 images do not show that there is none"
    nothing = RateDifference(difference=0.0, interval=room, p=1.0, only_a=0, only_b=0, p_holm=1.0)
    assert pair.rates == dict.fromkeys(RATES, nothing)


def test_more_pairs_are_corrected_more(found: dict[str, list[SampleOverlap]]) -> None:
    (alone,) = pairwise_differences(found, draws=500)
    among = pairwise_differences(found | {"again": found["found"]}, draws=500)
    assert alone.metrics["mAP"].p == among[0].metrics["mAP"].p
    assert alone.metrics["mAP"].p_holm < among[0].metrics["mAP"].p_holm


def test_differences_among_many_systems_can_still_be_told_from_chance(found: dict[str, list[SampleOverlap]]) -> None:
    pairs = pairwise_differences(found | {f"again {number}": found["found"] for number in range(3)})
    told = [pair.metrics["gIoU"].p_holm for pair in pairs if pair.a == "perfect"]
    assert len(told) == 4
    assert max(told) <= 0.02
    assert pairwise_differences({"alone": found["found"]}) == pairwise_differences({}) == []


def test_too_little_data_is_said_and_the_result_is_plain_json() -> None:
    one = overlaps([sample("a", [(0, 20)])], [answer("a", [((0, 20), 0.9)])])
    (pair,) = pairwise_differences({"a": one, "b": one})
    assert pair.note == "too little data: 1 image, 10 needed"
    assert pair.metrics["mAP"].p_holm is None
    for result in (pair, pairwise_differences({"a": [], "b": []})[0]):
        text = json.dumps(result.to_json(), allow_nan=False)
        assert PairDifference.from_json(json.loads(text), "differences") == result


def test_systems_must_have_answered_the_same_samples() -> None:
    one, other = (overlaps([sample(name, [])], [answer(name)]) for name in "ab")
    with pytest.raises(ValueError, match="same samples"):
        pairwise_differences({"a": one, "b": other})


def timed(found: list[SampleOverlap], seconds: np.ndarray) -> list[Prediction]:
    return [answer(o.sample_id, latency=float(s)) for o, s in zip(found, seconds, strict=True)]


def test_latencies_are_compared_on_the_samples_that_both_answered_alone(found: dict[str, list[SampleOverlap]]) -> None:
    base = found["found"]
    seconds = np.random.default_rng(0).lognormal(size=len(base))
    slow, fast = timed(base, 3 * seconds), timed(base, seconds)
    fast[0] = answer(base[0].sample_id, outcome="crashed")
    (pair,) = pairwise_differences({"slow": base, "fast": base}, answers={"slow": slow, "fast": fast})
    assert pair.timed == len(base) - 1
    assert list(pair.latency) == ["p50", "p90", "mean"]
    middle = pair.latency["p50"]
    assert middle.ratio == pytest.approx(3)
    assert middle.ratio_interval == pytest.approx((3, 3)), "what both share is not doubted"
    assert middle.difference == pytest.approx(2 * np.median(seconds[1:]))
    assert middle.p_holm < 0.05
    assert pair.latency["p90"].ratio_interval is None, "20 images do not bound p90"


def test_without_latencies_there_is_nothing_to_compare(found: dict[str, list[SampleOverlap]]) -> None:
    untimed = {name: [answer(o.sample_id) for o in one] for name, one in found.items()}
    for answers in (None, untimed):
        (pair,) = pairwise_differences(found, answers=answers)
        assert (pair.latency, pair.timed) == ({}, 0)


@pytest.mark.slow
def test_intervals_of_a_ratio_of_latencies_cover_its_truth() -> None:
    """A system takes three times another's median; images are slow or fast for both, and half the variance is noise."""
    rng = np.random.default_rng(0)
    base = overlaps(*zip(*((sample(f"{n}", image=str(n // 4)), answer(f"{n}")) for n in range(120)), strict=True))
    ids, images = [one.sample_id for one in base], [one.image_id for one in base]
    covered = []
    for _ in range(60):
        difficulty = np.repeat(rng.normal(size=30), 4)
        a, b = (factor * np.exp(0.2 * (difficulty + rng.normal(size=120))) for factor in (3.0, 1.0))
        low, high = paces(ids, images, *(dict(zip(ids, side, strict=True)) for side in (a, b)))["latency"]["p50"][
            "ratio_interval"
        ]
        covered.append(low <= 3.0 <= high)
    assert np.mean(covered) >= 0.86
