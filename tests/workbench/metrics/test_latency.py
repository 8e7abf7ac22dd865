import pytest

from tests.workbench.metrics.scenes import answer
from workbench.metrics.latency import calls_per_sample, latency, percentiles, tokens_per_sample
from workbench.predictions import Call

CALLS = (Call("llm", 0.0, 2.0, tokens_in=100, tokens_out=10), Call("segment", 2.0, 1.0), Call("llm", 3.0, 4.0, 50, 5))


def test_only_samples_that_ran_alone_are_timed() -> None:
    result = latency([answer("a", latency=1.0), answer("b", latency=3.0, outcome="timed_out"), answer("c")])
    assert (result["samples"], result["mean"], result["p50"]) == (2, 2.0, 2.0)


def test_calls_are_counted_per_sample_and_timed_each() -> None:
    by_call = latency([answer("a", latency=7.0, calls=CALLS), answer("b", latency=1.0), answer("c", calls=CALLS)])[
        "by_call"
    ]
    assert list(by_call) == ["llm", "segment"]
    assert by_call["llm"]["calls_per_sample"] == 1.0
    assert by_call["llm"]["seconds_per_sample"] == 3.0
    assert by_call["llm"]["p50"] == 3.0


def test_calls_and_tokens_include_samples_that_were_not_timed() -> None:
    answers = [answer("a", calls=CALLS), answer("b")]
    assert calls_per_sample(answers) == 1.5
    assert tokens_per_sample(answers) == {"in": 75.0, "out": 7.5}


def test_nothing_timed_is_undefined() -> None:
    assert latency([answer("a")]) == {
        "samples": 0,
        "p50": None,
        "p90": None,
        "p99": None,
        "mean": None,
        "by_call": {},
    }
    assert (calls_per_sample([]), tokens_per_sample([])) == (None, {"in": None, "out": None})


def test_percentiles() -> None:
    assert percentiles(range(101)) == pytest.approx({"p50": 50, "p90": 90, "p99": 99})
