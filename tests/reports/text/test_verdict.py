"""The verdict says what the results say, and no more."""

from typing import Any

from reports.text.numbers import points
from reports.text.verdict import caveats, verdict


def results(values: dict[str, float | None], interval: list[float] | None, seconds: dict[str, float | None]) -> Any:
    """Results of systems with these mAP values and median latencies; every difference has the same interval."""
    names = list(values)
    return {
        "systems": {
            name: {
                "samples": 100,
                "n_failed": 0,
                "failures": {},
                "metrics": {"mAP": values[name]},
                "intervals": {"mAP": None},
                "latency": {"p50": seconds.get(name), "samples": 100},
            }
            for name in names
        },
        "differences": [
            {"a": a, "b": b, "metrics": {"mAP": {"difference": values[a] - values[b], "interval": interval}}}
            for i, a in enumerate(names)
            for b in names[i + 1 :]
            if values[a] is not None and values[b] is not None
        ],
    }


def test_a_clear_lead() -> None:
    found = results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.6})
    assert verdict(found) == (
        "one is more accurate than agent: 50.0 against 40.0 mAP, a lead of 10.0 points (95 % interval +5.0 to +15.0); "
        "one is 12 times as fast as agent (50 ms against 600 ms a sample, median)."
    )


def test_the_interval_turns_with_the_pair() -> None:
    found = results({"agent": 0.4, "one": 0.5}, [-0.12, -0.05], {"one": 0.6, "agent": 0.3})
    assert "one is more accurate than agent" in verdict(found)
    assert "a lead of 10.0 points (95 % interval +5.0 to +12.0)" in verdict(found)
    assert "agent is 2.0 times as fast as one (300 ms against 600 ms a sample, median)" in verdict(found)


def test_an_interval_that_covers_zero_decides_nothing() -> None:
    said = verdict(results({"one": 0.5, "agent": 0.4}, [-0.01, 0.2], {}))
    assert said.startswith("Undecided between one and agent: 50.0 against 40.0 mAP")
    assert f"{points(-0.01)} to +20.0 of the difference covers 0" in said


def test_without_an_interval_nothing_is_decided() -> None:
    said = verdict(results({"one": 0.9, "agent": 0.1}, None, {}))
    assert said == "Undecided between one and agent: 90.0 against 10.0 mAP, too few images for an interval."


def test_the_two_best_of_three_are_compared() -> None:
    said = verdict(results({"a": 0.3, "b": 0.5, "c": 0.4}, [0.05, 0.2], {"a": 2.0}))
    assert said.startswith("b is more accurate than c: 50.0 against 40.0 mAP, a lead of 10.0 points")
    assert said.endswith("; behind them a with 30.0 at 2.0 s.")


def test_without_ap_the_verdict_is_on_giou() -> None:
    found = results({"one": None, "agent": None}, None, {})
    for name, value in (("one", 0.2), ("agent", 0.3)):
        found["systems"][name]["metrics"]["gIoU"] = value
    assert "30.0 against 20.0 gIoU" in verdict(found)


def test_caveats_name_failures_and_uncommitted_code() -> None:
    found = results({"one": 0.5, "agent": 0.4}, None, {})
    found["systems"]["agent"] |= {"n_failed": 3, "failures": {"timed_out": 2, "malformed_call": 1}}
    found["systems"]["one"]["latency"]["samples"] = 98
    assert caveats(found, {"git": {"dirty": True}}) == [
        "The latency of one rests on the 98 of 100 samples that were timed.",
        "agent failed on 3 of 100 samples (timed out 2, malformed call 1).",
        "The code had uncommitted changes.",
    ]
    assert caveats(results({"one": 0.5}, None, {}), {"git": {"dirty": False}}) == []


def test_how_much_faster_has_its_interval() -> None:
    found = results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.2})
    (pair,) = found["differences"]
    expected = "4.0 times as fast as agent (50 ms against 200 ms a sample, median; 95 % interval 2.0 to 5.0 times)"
    pair["latency"] = {"p50": {"ratio": 0.25, "ratio_interval": [0.2, 0.5]}}
    assert expected in verdict(found)
    one_way_metrics = pair["metrics"]
    found["differences"].insert(0, {"a": "agent", "b": "one", "metrics": one_way_metrics})
    found["differences"][0]["latency"] = {"p50": {"ratio": 4.0, "ratio_interval": [2.0, 5.0]}}
    assert expected in verdict(found)
