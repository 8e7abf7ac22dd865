"""The verdict says what the results say, and no more."""

import json
from pathlib import Path
from typing import Any

from reports.text.numbers import change, points
from reports.text.verdict import caveats, verdict
from tests.reports.made_results import made_results
from workbench.data.manifest import read_manifest
from workbench.data.results import read_results

OLD = Path(__file__).parents[2] / "workbench" / "runs" / "an_old_run" / "manifest.json"


def said(found: dict[str, Any]) -> str:
    return verdict(read_results(found, "results.json"))


def noted(found: dict[str, Any], dirty: bool) -> list[str]:
    manifest = read_manifest(json.loads(OLD.read_text()), "manifest.json")
    git = manifest.git.model_copy(update={"dirty": dirty})
    return caveats(read_results(found, "results.json"), manifest.model_copy(update={"git": git}))


def test_a_clear_lead() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.6})
    assert said(found) == (
        "one is more accurate than agent: 50.0 against 40.0 mAP, a lead of 10.0 points (95 % interval +5.0 to +15.0); "
        "one is 12 times as fast as agent (50 ms against 600 ms a sample, median)."
    )


def test_the_interval_turns_with_the_pair() -> None:
    found = made_results({"agent": 0.4, "one": 0.5}, [-0.12, -0.05], {"one": 0.6, "agent": 0.3})
    assert "one is more accurate than agent" in said(found)
    assert "a lead of 10.0 points (95 % interval +5.0 to +12.0)" in said(found)
    assert "agent is 2.0 times as fast as one (300 ms against 600 ms a sample, median)" in said(found)


def test_an_interval_that_covers_zero_decides_nothing() -> None:
    sentence = said(made_results({"one": 0.5, "agent": 0.4}, [-0.01, 0.2], {}))
    assert sentence.startswith("Undecided between one and agent: 50.0 against 40.0 mAP")
    assert f"{points(-0.01)} to +20.0 of the difference covers 0" in sentence


def test_without_an_interval_nothing_is_decided() -> None:
    sentence = said(made_results({"one": 0.9, "agent": 0.1}, None, {}))
    assert sentence == "Undecided between one and agent: 90.0 against 10.0 mAP, too few images for an interval."


def test_the_two_best_of_three_are_compared() -> None:
    sentence = said(made_results({"a": 0.3, "b": 0.5, "c": 0.4}, [0.05, 0.2], {"a": 2.0}))
    assert sentence.startswith("b is more accurate than c: 50.0 against 40.0 mAP, a lead of 10.0 points")
    assert sentence.endswith("; behind them a with 30.0 at 2.0 s.")


def test_without_ap_the_verdict_is_on_giou() -> None:
    found = made_results({"one": None, "agent": None}, None, {})
    for name, value in (("one", 0.2), ("agent", 0.3)):
        found["systems"][name]["metrics"]["gIoU"] = value
    assert "30.0 against 20.0 gIoU" in said(found)


def test_caveats_name_failures_and_uncommitted_code() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, None, {})
    found["systems"]["agent"] |= {"n_failed": 3, "failures": {"timed_out": 2, "malformed_call": 1}}
    found["systems"]["one"]["latency"]["samples"] = 98
    assert noted(found, dirty=True) == [
        "The latency of one rests on the 98 of 100 samples that were timed.",
        "agent failed on 3 of 100 samples (timed out 2, malformed call 1).",
        "The code had uncommitted changes.",
    ]
    assert noted(made_results({"one": 0.5}, None, {}), dirty=False) == []


def test_how_much_faster_has_its_interval() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.2})
    (pair,) = found["differences"]
    expected = "4.0 times as fast as agent (50 ms against 200 ms a sample, median; 95 % interval 2.0 to 5.0 times)"
    pair["latency"] = {"p50": {"difference": -0.15, "interval": None, "ratio": 0.25, "ratio_interval": [0.2, 0.5]}}
    assert expected in said(found)
    one_way_metrics = pair["metrics"]
    found["differences"].insert(0, {"a": "agent", "b": "one", "metrics": one_way_metrics})
    pace = {"difference": 0.15, "interval": None, "ratio": 4.0, "ratio_interval": [2.0, 5.0]}
    found["differences"][0]["latency"] = {"p50": pace}
    assert expected in said(found)


def test_where_less_is_better_the_least_leads() -> None:
    found = read_results(made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {}), "results.json").to_json()
    found["metrics"]["mAP"]["higher_is_better"] = False
    expected = "agent is better than one: 40.0 against 50.0 mAP (less is better), a lead of 10.0 points"
    assert said(found).startswith(expected)


def in_pixels(values: dict[str, float | None], interval: list[float] | None) -> dict[str, Any]:
    found: dict[str, Any] = read_results(made_results(values, interval, {}), "results.json").to_json()
    found["metrics"]["mAP"] |= {"unit": "pixels", "higher_is_better": False}
    return found


def test_a_metric_in_another_unit_is_said_in_that_unit() -> None:
    assert said(in_pixels({"one": 2.5, "agent": 12.25}, [-12, -8])) == (
        "one is better than agent: 2.5 against 12.2 pixels (mAP, less is better), a lead of 9.75 pixels "
        "(95 % interval +8 to +12)."
    )
    assert said(in_pixels({"one": 2.5, "agent": 3.0}, [-2, 1])) == (
        "Undecided between one and agent: 2.5 against 3 pixels (mAP, less is better), and the 95 % interval "
        f"{change(-1, 'pixels')} to +2 of the difference covers 0."
    )
    assert said(in_pixels({"one": 2.5}, None)) == "one reaches 2.5 pixels (mAP, less is better)."
    assert said(in_pixels({"a": 3.0, "b": 1.0, "c": 2.0}, [0.5, 2])).endswith("; behind them a with 3.")
