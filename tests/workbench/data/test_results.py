"""results.json has one schema: files of 0.1.0 are upgraded, and what does not fit is named by file and field."""

import copy
import json
from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.results import leading_metrics, main_metric, read_results, with_checksum


def test_results_read_back_equal_from_their_own_json(old: dict[str, Any]) -> None:
    found = read_results(old, "results.json")
    assert read_results(json.loads(json.dumps(found.to_json())), "results.json") == found


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


def test_a_file_with_a_checksum_is_read_where_it_fits_and_one_without_always(old: dict[str, Any]) -> None:
    value = read_results(old, "results.json").to_json()
    assert read_results(json.loads(json.dumps(with_checksum(value))), "results.json").to_json() == value
    assert read_results(value, "results.json").to_json() == value
    with pytest.raises(ConfigurationError, match=r"^here/results.json is damaged: its checksum does not fit"):
        read_results({**with_checksum(value), "report": "elsewhere"}, "here/results.json")


def test_results_of_a_later_version_say_so(old: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"written by a later version .*layout 3"):
        read_results({**old, "version": 3}, "results.json")
