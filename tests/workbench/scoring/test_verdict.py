"""The verdict says what the results say of both sides, and no more."""

from typing import Any

import numpy as np
import pytest

from tests.reports.made_results import made_results
from workbench.data.numbers import change
from workbench.data.results import read_results
from workbench.metrics.statistics import samples_to_settle
from workbench.scoring.verdict import BUSY, busy, sentences, sides, verdict


def said(found: dict[str, Any]) -> str:
    return verdict(read_results(found, "results.json"))


def test_a_clear_lead() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.6})
    assert said(found) == (
        "50.0 against 40.0 mAP: one leads in mAP by 10.0 points (+5.0 to +15.0) and is 12 times as fast "
        "(50 ms against 600 ms a sample, median)."
    )


def test_the_interval_turns_with_the_pair() -> None:
    found = made_results({"agent": 0.4, "one": 0.5}, [-0.12, -0.05], {"one": 0.6, "agent": 0.3})
    assert said(found) == (
        "50.0 against 40.0 mAP: one leads in mAP by 10.0 points (+5.0 to +12.0); "
        "agent is 2.0 times as fast (300 ms against 600 ms a sample, median)."
    )


def both(mAP: float, gIoU: float, exact: float) -> dict[str, Any]:  # noqa: N803
    """Results of two systems with these corrected p-values; `one` leads in mAP, `agent` in gIoU and exact sets."""
    found = read_results(made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {}), "results.json").to_json()
    (pair,) = found["differences"]
    found["metrics"]["gIoU"] = {**found["metrics"]["mAP"], "leads": True}
    for name, value in (("one", 0.6), ("agent", 0.65)):
        found["systems"][name]["metrics"]["gIoU"] = value
    pair["metrics"]["mAP"] |= {"p": mAP, "p_holm": mAP}
    pair["metrics"]["gIoU"] = {"difference": -0.05, "interval": [-0.1, 0.0], "p": gIoU, "p_holm": gIoU}
    rate = {"difference": -0.08, "interval": [-0.12, -0.04], "only_a": 3, "only_b": 11}
    pair["rates"] = {"exact_set": {**rate, "p": exact, "p_holm": exact}}
    return dict(found)


def test_both_sides_are_told_with_what_is_open() -> None:
    assert said(both(0.01, 0.2, 0.03)) == (
        "50.0 against 40.0 mAP: one leads in mAP by 10.0 points (+5.0 to +15.0); "
        "agent leads in exact sets by 8.0 points (+4.0 to +12.0). "
        f"Open at 100 samples: gIoU (5.0 points for agent, {change(0.0, 'fraction')} to +10.0; "
        "about 250 would settle it)."
    )
    both_ways = said(both(0.01, 0.01, 0.01))
    assert "agent leads in gIoU by 5.0 points" in both_ways and "and exact sets by 8.0 points" in both_ways
    assert "Open" not in both_ways


def test_without_a_lead_in_the_main_metric_it_is_undecided_and_the_rest_is_told() -> None:
    sentence = said(both(0.06, 0.2, 0.03))
    assert sentence.startswith(
        "Undecided between one and agent: 50.0 against 40.0 mAP, the lead is not beyond chance; agent leads in exact"
    )
    assert (
        "Open at 100 samples: mAP (10.0 points for one, +5.0 to +15.0; about 110 would settle it) and gIoU" in sentence
    )


def test_an_interval_that_covers_zero_decides_nothing_where_there_is_no_p_value() -> None:
    sentence = said(made_results({"one": 0.5, "agent": 0.4}, [-0.01, 0.2], {}))
    assert sentence.startswith("Undecided between one and agent: 50.0 against 40.0 mAP, the lead is not beyond chance.")


def test_without_an_interval_nothing_is_decided() -> None:
    sentence = said(made_results({"one": 0.9, "agent": 0.1}, None, {}))
    assert sentence == "Undecided between one and agent: 90.0 against 10.0 mAP, too few images for an interval."


def test_the_two_best_of_three_are_compared() -> None:
    sentence = said(made_results({"a": 0.3, "b": 0.5, "c": 0.4}, [0.05, 0.2], {"a": 2.0}))
    assert sentence.startswith("50.0 against 40.0 mAP: b leads in mAP by 10.0 points")
    assert sentence.endswith(" Behind them: a with 30.0 at 2.0 s.")


def test_without_ap_the_verdict_is_on_giou() -> None:
    found = made_results({"one": None, "agent": None}, None, {})
    for name, value in (("one", 0.2), ("agent", 0.3)):
        found["systems"][name]["metrics"]["gIoU"] = value
    assert "30.0 against 20.0 gIoU" in said(found)


def test_how_much_faster_has_its_interval() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.2})
    (pair,) = found["differences"]
    expected = "4.0 times as fast (50 ms against 200 ms a sample, median; 95 % interval 2.0 to 5.0 times)"
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
    expected = "40.0 against 50.0 mAP (less is better): agent leads in mAP by 10.0 points (+5.0 to +15.0)"
    assert said(found).startswith(expected)


def in_pixels(values: dict[str, float | None], interval: list[float] | None) -> dict[str, Any]:
    found: dict[str, Any] = read_results(made_results(values, interval, {}), "results.json").to_json()
    found["metrics"]["mAP"] |= {"unit": "pixels", "higher_is_better": False}
    return found


def test_a_metric_in_another_unit_is_said_in_that_unit() -> None:
    assert said(in_pixels({"one": 2.5, "agent": 12.25}, [-12, -8])) == (
        "2.5 against 12.2 pixels (mAP, less is better): one leads in mAP by 9.75 pixels (+8 to +12)."
    )
    undecided = said(in_pixels({"one": 2.5, "agent": 3.0}, [-2, 1]))
    assert f"mAP (0.5 pixels for one, {change(-1, 'pixels')} to +2; about 1,900 would settle it)" in undecided
    assert said(in_pixels({"one": 2.5}, None)) == "one reaches 2.5 pixels (mAP, less is better)."
    assert said(in_pixels({"a": 3.0, "b": 1.0, "c": 2.0}, [0.5, 2])).endswith(" Behind them: a with 3.")


def test_equal_systems_have_no_difference_to_settle() -> None:
    found = read_results(made_results({"one": 0.5, "agent": 0.5}, [-0.1, 0.1], {}), "results.json")
    (lead,) = sides(found, "one", "agent").open
    assert (lead.by, lead.needed) == (0.0, None)
    assert "mAP (no difference" in sentences(found)[1]


def test_as_many_samples_as_are_said_show_the_difference_as_often_as_is_said() -> None:
    """Differences of paired scores with a known spread: of data sets of that size, four in five have a small p."""
    generator = np.random.default_rng(0)
    lead, spread, n = 0.1, 1.0, 100
    half = 1.96 * spread / np.sqrt(n)
    needed = samples_to_settle(lead, (lead - half, lead + half), n)
    assert needed == pytest.approx(785, abs=2), "the textbook's (1.96 + 0.84)^2 / 0.1^2"
    drawn = generator.normal(lead, spread / np.sqrt(needed or 1), size=4000)
    assert np.mean(np.abs(drawn) > 1.96 * spread / np.sqrt(needed or 1)) == pytest.approx(0.8, abs=0.02)
    stricter = samples_to_settle(lead, (lead - half, lead + half), n, tests=21)
    assert stricter is not None and needed is not None and stricter > 1.5 * needed
    assert samples_to_settle(0.0, (-0.1, 0.1), n) is None


def test_a_busy_machine_is_said_with_the_share_that_each_system_waited() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, [0.05, 0.15], {"one": 0.05, "agent": 0.6})
    assert busy(read_results(found, "results.json")) == []
    for name, waited in (("one", BUSY), ("agent", 0.4)):
        found["systems"][name]["latency"]["waiting"] = waited
    (sentence,) = busy(read_results(found, "results.json"))
    assert sentence.endswith("Waiting for a processor: agent 40% of the time.")


def test_without_truth_only_times_are_compared() -> None:
    found = made_results({"one": 0.5, "agent": 0.4}, None, {"one": 0.05, "agent": 0.6})
    for system in found["systems"].values():
        system["without_truth"] = system["samples"]
    assert said(found) == (
        "No verdict: no truth was given, so the answers are shown but not scored. "
        "one is 12 times as fast (50 ms against 600 ms a sample, median)."
    )
