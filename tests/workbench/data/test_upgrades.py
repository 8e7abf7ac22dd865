"""Results of earlier versions in the present layout."""

from typing import Any

from workbench.data.results import VERSION, read_results


def test_results_of_0_1_keep_every_value_and_get_a_version_and_metrics(old: dict[str, Any]) -> None:
    made = read_results(old, "results.json").to_json()
    assert made.pop("version") == VERSION
    assert list(made.pop("metrics")) == ["mAP", "gIoU", "N_acc", "T_acc", "AP50", "AP75", "cIoU"]
    assert made == old


def test_the_first_versions_lack_counts_and_are_read_as_having_none(old: dict[str, Any]) -> None:
    for system in old["systems"].values():
        for key in ("unscored", "call_failures", "recovered_calls", "funnel", "per_correct_instance"):
            del system[key]
        for key in ("intervals", "by_targets", "by_rounds", "rounds", "note"):
            del system["latency"][key]
    for pair in old["differences"]:
        for key in ("rates", "latency", "timed", "note"):
            del pair[key]
    del old["oracles"]
    found = read_results(old, "results.json")
    system = found.systems["sam3-agent-tiny"]
    assert (system.unscored, system.funnel, system.per_correct_instance.seconds) == (0, {}, None)
    assert (system.latency.rounds, system.latency.by_rounds) == (None, {})
    assert found.differences[0].rates == {} and found.oracles == []


def test_of_the_errors_of_tide_less_is_better(old: dict[str, Any]) -> None:
    for system in old["systems"].values():
        system["metrics"] = {"AP50": 0.5, "dAP_missed": 0.1}
    metrics = read_results(old, "results.json").metrics
    assert {name: info.higher_is_better for name, info in metrics.items()} == {"AP50": True, "dAP_missed": False}
