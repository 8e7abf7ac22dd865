"""results.json has one schema: files of 0.1.0 are upgraded, and what does not fit is named by file and field."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.results import VERSION, leading_metrics, main_metric, read_results

OLD = Path(__file__).parents[1] / "runs" / "an_old_run" / "results.json"


@pytest.fixture
def old() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OLD.read_text())
    return found


def test_results_of_0_1_keep_every_value_and_get_a_version_and_metrics(old: dict[str, Any]) -> None:
    made = read_results(old, "results.json").to_json()
    assert made.pop("version") == VERSION
    assert list(made.pop("metrics")) == ["mAP", "gIoU", "N_acc", "T_acc", "AP50", "AP75", "cIoU"]
    assert made == old


def test_results_read_back_equal_from_their_own_json(old: dict[str, Any]) -> None:
    found = read_results(old, "results.json")
    assert read_results(json.loads(json.dumps(found.to_json())), "results.json") == found


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


def test_the_metrics_that_lead_come_first(old: dict[str, Any]) -> None:
    found = read_results(old, "results.json")
    assert (leading_metrics(found), main_metric(found)) == (["mAP", "gIoU", "N_acc", "T_acc"], "mAP")
    for info in (made := found.to_json())["metrics"].values():
        info["leads"] = False
    made["metrics"]["T_acc"]["leads"] = True
    assert main_metric(read_results(made, "results.json")) == "T_acc"


def test_a_leading_metric_without_a_value_gives_way_to_the_next(old: dict[str, Any]) -> None:
    for system in old["systems"].values():
        system["metrics"]["mAP"] = None
    assert main_metric(read_results(old, "results.json")) == "gIoU"


def damaged(old: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(old)
    *parts, last = path.split("/")
    inner: Any = made
    for part in parts:
        inner = inner[int(part) if isinstance(inner, list) else part]
    key = int(last) if isinstance(inner, list) else last
    if value is KeyError:
        del inner[key]
    else:
        inner[key] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("systems", [], r"systems: input should be an object, got \[\]"),
        ("systems", None, "systems: .*got None"),
        ("systems/sam3-agent-tiny", 7, "systems.sam3-agent-tiny: input should be an object, got 7"),
        ("systems/sam3-agent-tiny/samples", "12", "systems.sam3-agent-tiny.samples: .*integer, got '12'"),
        ("systems/sam3-agent-tiny/latency", KeyError, "systems.sam3-agent-tiny.latency: field required"),
        ("systems/sam3-agent-tiny/latency", [1], r"systems.sam3-agent-tiny.latency: .*got \[1\]"),
        ("systems/sam3-agent-tiny/metrics", [1], r"systems.sam3-agent-tiny.metrics: .*got \[1\]"),
        ("systems/sam3-agent-tiny/metrics/mAP", True, "systems.sam3-agent-tiny.metrics.mAP: .*number, got True"),
        ("systems/sam3-agent-tiny/metrics/mAP", float("nan"), "systems.sam3-agent-tiny.metrics.mAP: .*finite"),
        ("systems/sam3-agent-tiny/intervals/mAP", [0.5], "systems.sam3-agent-tiny.intervals.mAP.1: field required"),
        ("differences", {}, "differences: .*got {}"),
        ("differences/0", "x", "differences.0: .*got 'x'"),
        ("differences/0/a", None, "differences.0.a: .*got None"),
        ("benchmark/samples", 1.5, "benchmark.samples: .*got 1.5"),
        ("oracles", 3, "oracles: .*got 3"),
        ("another", 3, "another: .*got 3"),
    ],
)
def test_what_does_not_fit_is_named_by_file_and_field(old: dict[str, Any], path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^here/results.json: {message}"):
        read_results(damaged(old, path, value), "here/results.json")


@pytest.mark.parametrize("value", [{}, [], None, "text", 3, {"version": "2"}, {"version": 1}])
def test_what_is_no_results_file_at_all_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^here/results.json: "):
        read_results(value, "here/results.json")


def test_results_of_a_later_version_say_so(old: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"written by a later version .*layout 3"):
        read_results({**old, "version": 3}, "results.json")
