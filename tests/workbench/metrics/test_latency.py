import json
from collections.abc import Sequence

import numpy as np
import pytest

from tests.workbench.metrics.scenes import Strip, answer, sample
from workbench.data.predictions import BAD_SAMPLE, Call, Note
from workbench.metrics.latency import (
    calls_per_sample,
    durations,
    enough_images,
    latency,
    per_correct_instance,
    percentiles,
    tokens_per_sample,
)
from workbench.metrics.rounds import rounds, wall_clock
from workbench.metrics.spent import Pair, Spent
from workbench.metrics.statistics import percentile_intervals

CALLS = (Call("llm", 0.0, 2.0, tokens_in=100, tokens_out=10), Call("segment", 2.0, 1.0), Call("llm", 3.0, 4.0, 50, 5))
STRIPS = [(10 * n, 10 * n + 5) for n in range(8)]


def asked(
    name: str, seconds: float | None, targets: Sequence[Strip] = (), image: str | None = None, **more: object
) -> Pair:
    kind = more.pop("kind", None)
    return sample(name, targets, image=image, kind=kind), answer(name, latency=seconds, **more)  # type: ignore[arg-type]


def test_only_samples_that_ran_alone_are_timed_failed_ones_too() -> None:
    result = latency([asked("a", 1.0), asked("b", 3.0, outcome="timed_out"), asked("c", None)])
    assert (result["samples"], result["mean"], result["p50"]) == (2, 2.0, 2.0)


def test_calls_are_counted_per_sample_and_timed_each() -> None:
    pairs = [asked("a", 8.0, calls=CALLS), asked("b", 2.0), asked("c", None, calls=CALLS)]
    by_call = latency(pairs)["by_call"]
    assert list(by_call) == ["llm", "segment"]
    llm = by_call["llm"]
    assert (llm["calls"], llm["calls_per_sample"], llm["seconds_per_sample"]) == (2, 1.0, 3.0)
    assert (llm["seconds_per_call"], llm["p50"], llm["share"]) == (3.0, 3.0, 0.6)
    assert set(llm["intervals"].values()) == {None}


def test_calls_and_tokens_include_samples_that_were_not_timed() -> None:
    costs = Spent.of([(sample(name), answer(name, calls=calls)) for name, calls in (("a", CALLS), ("b", ()))])
    assert calls_per_sample(costs) == 1.5
    assert tokens_per_sample(costs) == {"in": 75.0, "out": 7.5}


def test_nothing_timed_is_undefined() -> None:
    nothing = {"p50": None, "p90": None, "p95": None, "p99": None, "mean": None}
    for pairs in ([], [asked("a", None, calls=CALLS)]):
        result = latency(pairs)
        assert result["samples"] == 0
        assert {name: result[name] for name in nothing} == result["intervals"] == nothing
        assert all(result[group] == {} for group in ("by_call", "by_targets", "by_kind", "by_image", "by_rounds"))
        assert result["rounds"]["seconds_per_round"] is None
    assert (calls_per_sample(Spent()), tokens_per_sample(Spent())) == (None, {"in": None, "out": None})
    assert per_correct_instance([], {})["seconds"] is None


def test_percentiles() -> None:
    assert percentiles(range(101)) == pytest.approx({"p50": 50, "p90": 90, "p95": 95, "p99": 99})


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_percentiles_of_a_reweighted_data_set_are_those_of_its_copies(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(20):
        seconds = rng.lognormal(size=size).round(1)
        owners = rng.integers(4, size=size)
        weights = rng.integers(3, size=(4, 5))
        found = durations(seconds.tolist(), owners.tolist())(weights)
        for column in range(5):
            copies = np.repeat(seconds, weights[owners, column])
            for name, share in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}.items():
                expected = np.quantile(copies, share) if len(copies) else np.nan
                assert found[name][column] == pytest.approx(expected, nan_ok=True)
            assert found["mean"][column] == pytest.approx(copies.mean() if len(copies) else np.nan, nan_ok=True)


def test_percentiles_of_many_durations_are_those_of_all_copies_wherever_they_lie() -> None:
    chance = np.random.default_rng(7)
    owners = chance.integers(6000, size=60_000)
    seconds = np.round(chance.gamma(2, 1, size=60_000), 2) + (owners < 300)
    weights = chance.poisson(1, size=(6000, 4))
    weights[:, 1] = 2
    weights[301:, 2] = 0  # the slowest alone: no percentile lies near where it usually does
    weights[:, 3] = 0
    found = durations(seconds.tolist(), owners.tolist())(weights)
    for place in range(3):
        copies = np.repeat(seconds, weights[owners, place])
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
            assert found[name][place] == pytest.approx(np.quantile(copies, share), rel=1e-12)
        assert found["mean"][place] == pytest.approx(copies.mean(), rel=1e-12)
    assert all(np.isnan(values[3]) for values in found.values())


def test_a_percentile_has_an_interval_where_enough_images_can_bound_it() -> None:
    needed = {name: next(n for n in range(1000) if enough_images(name, n)) for name in ("p50", "p90", "p95", "p99")}
    assert needed == {"p50": 10, "p90": 36, "p95": 72, "p99": 368}
    pairs = [asked(str(n), float(n), image=f"image {n % 40}") for n in range(80)]
    result = latency(pairs)
    low, high = result["intervals"]["p90"]
    assert low <= result["p90"] <= high
    assert (result["intervals"]["p95"], result["intervals"]["p99"]) == (None, None)
    assert result["note"] == "too little data for an interval of p95, p99: 40 images"
    assert latency(pairs[:9])["intervals"]["p50"] is None


@pytest.mark.parametrize(("name", "images"), [("p50", 30), ("p90", 60), ("p95", 100)])
def test_intervals_of_percentiles_cover_the_truth(name: str, images: int) -> None:
    """Four instructions an image, of whose latency half the variance is the image's."""
    rng = np.random.default_rng(0)
    ids = [str(n // 4) for n in range(4 * images)]

    def drawn(count: int) -> np.ndarray:
        return np.exp(0.3 * (np.repeat(rng.normal(size=count), 4) + rng.normal(size=4 * count)))

    truth = np.quantile(drawn(100_000), {"p50": 0.5, "p90": 0.9, "p95": 0.95}[name])
    covered = []
    for seed in range(80):
        low, high = percentile_intervals(ids, durations(drawn(images).tolist(), names=[name]), draws=300, seed=seed)[
            name
        ] or (
            0.0,
            0.0,
        )
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.84


def test_latency_is_told_apart_by_number_of_targets_and_kind() -> None:
    counts = [0, 1, 2, 3, 5, 6, 8]
    pairs = [asked(str(n), float(n), STRIPS[:n], kind="few" if n < 3 else None) for n in counts]
    result = latency(pairs)
    assert {name: group["samples"] for name, group in result["by_targets"].items()} == {
        "0": 1,
        "1": 1,
        "2": 1,
        "3-5": 2,
        "6+": 2,
    }
    assert result["by_targets"]["3-5"]["p50"] == 4.0
    assert (list(result["by_kind"]), result["by_kind"]["few"]["mean"]) == (["few"], 1.0)


def test_the_first_answer_about_an_image_is_told_apart_from_later_ones() -> None:
    pairs = [
        asked("never seen", None, image="one", outcome=BAD_SAMPLE),
        asked("a", 3.0, image="one"),
        asked("b", 1.0, image="one"),
        asked("crashed", None, image="two", outcome="crashed"),
        asked("c", 1.0, image="two"),
    ]
    by_image = latency(pairs)["by_image"]
    assert {name: (group["samples"], group["mean"]) for name, group in by_image.items()} == {
        "first": (1, 3.0),
        "later": (2, 1.0),
    }


def test_rounds_are_the_requests_of_the_conversation() -> None:
    def calls(*requests: str | None) -> tuple[Call, ...]:
        return tuple(Call("llm", 0.0, 1.0, note=Note(request=name or None)) for name in requests)

    pairs = [
        asked("agent", 6.0, calls=calls("main", "check_mask", "check_mask", "main")),
        asked("again", 4.0, calls=calls("main", "main")),
        asked("one pass", 2.0, calls=calls(None)),
    ]
    assert [rounds(found) for _, found in pairs] == [2, 2, 1]
    result = latency(pairs)
    assert {name: group["p50"] for name, group in result["by_rounds"].items()} == {"1": 2.0, "2": 5.0}
    assert result["rounds"]["per_sample"] == pytest.approx(5 / 3)
    assert result["rounds"]["seconds_per_round"] == pytest.approx(12 / 5)


def test_cost_of_a_correct_instance_is_all_cost_over_all_correct_instances() -> None:
    pairs = [
        asked("a", 7.0, calls=CALLS),
        asked("failed", 3.0, calls=CALLS[:1], outcome="timed_out"),
        asked("crashed", None, outcome="crashed"),
        asked("untimed", None, calls=CALLS),
    ]
    found = per_correct_instance(pairs, {"a": 2, "untimed": 2})
    assert found["correct"] == 4
    assert (found["seconds"], found["calls"], found["tokens_in"], found["tokens_out"]) == (5.0, 7 / 4, 100.0, 10.0)


def test_the_interval_of_a_cost_moves_both_sums_together() -> None:
    """Every image has its own number of instances, at 2 seconds each."""
    pairs = [asked(str(n), 2.0 * (n % 5 + 1), image=str(n // 2), calls=CALLS[: n % 3]) for n in range(40)]
    found = per_correct_instance(pairs, {str(n): n % 5 + 1 for n in range(40)})
    assert found["seconds"] == pytest.approx(2.0)
    assert found["intervals"]["seconds"] == pytest.approx([2.0, 2.0])
    low, high = found["intervals"]["calls"]
    assert low < found["calls"] < high


def test_without_a_correct_instance_a_cost_is_undefined() -> None:
    pairs = [asked(str(n), 1.0, calls=CALLS) for n in range(20)]
    assert per_correct_instance(pairs, {}) == {
        "correct": 0,
        **dict.fromkeys(("seconds", "calls", "tokens_in", "tokens_out")),
        "intervals": dict.fromkeys(("seconds", "calls", "tokens_in", "tokens_out")),
    }
    one = per_correct_instance(pairs, {"3": 1})
    assert (one["seconds"], one["intervals"]["seconds"]) == (20.0, None), "some draw has no correct instance"


def test_the_result_is_plain_json() -> None:
    pairs = [asked(str(n), 1.0 + n, STRIPS[: n % 8], calls=CALLS, kind="kind") for n in range(40)]
    result = latency(pairs) | per_correct_instance(pairs, {"1": 1})
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_clock_counts_calls_side_by_side_once_and_shares_what_kinds_share() -> None:
    checks = [Call("llm", 1.0, 2.0), Call("llm", 1.5, 2.0), Call("render", 0.0, 0.5)]
    assert wall_clock(checks) == pytest.approx({"llm": 2.5, "render": 0.5})
    assert wall_clock([Call("llm", 0.0, 2.0), Call("segment", 1.0, 2.0)]) == pytest.approx({"llm": 1.5, "segment": 1.5})
    assert wall_clock([Call("llm", 0.0, 0.0)]) == {"llm": 0.0}


@pytest.mark.parametrize("seed", range(3))
def test_the_clock_never_shows_more_than_it_ran(seed: int) -> None:
    rng = np.random.default_rng(seed)
    calls = [Call(str(rng.choice(["llm", "segment", "own"])), *rng.uniform(0, 2, 2)) for _ in range(12)]
    instants = np.linspace(0, 4, 4001)
    running = np.zeros(len(instants), bool)
    for call in calls:
        running |= (instants >= call.start) & (instants < call.start + call.duration)
    assert sum(wall_clock(calls).values()) == pytest.approx(running.mean() * 4, abs=0.02)


def test_processor_seconds_and_waiting_are_over_the_timed_samples() -> None:
    known = asked("0", 2.0, processor=1.5, waited=0.5)
    found = latency([known, asked("1", 1.0), asked("2", None)])
    assert (found["processor"], found["waiting"]) == (1.5, 0.25)
