"""manifest.json has one schema: files of 0.1.0 still load, and what does not fit is named by file and field."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.manifest import VERSION, read_manifest

OLD = Path(__file__).parents[1] / "runs" / "an_old_run" / "manifest.json"


@pytest.fixture
def old() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OLD.read_text())
    return found


def test_a_manifest_of_0_1_keeps_every_value_and_gets_a_version(old: dict[str, Any]) -> None:
    made = read_manifest(old, "manifest.json").to_json()
    assert made.pop("version") == VERSION
    assert made == old


def test_options_of_a_later_version_are_kept(old: dict[str, Any]) -> None:
    old["options"]["shards"] = {"of": 4}
    assert read_manifest(old, "manifest.json").to_json()["options"] == old["options"]


@pytest.mark.parametrize("value", [{}, [], None, "text", 3])
def test_what_is_no_manifest_at_all_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^here/manifest.json: "):
        read_manifest(value, "here/manifest.json")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", 3, "name: .*got 3"),
        ("created", "yesterday", "created: .*yesterday"),
        ("git", {}, "git.commit: field required"),
        ("machine", None, "machine: .*got None"),
        ("benchmark", "tabletop", "benchmark: .*got 'tabletop'"),
        ("systems", ["toy"], r"systems: .*got \['toy'\]"),
        ("systems", {"toy": None}, "systems.toy: .*got None"),
        ("systems", {"../../toy": {}}, "systems.*: the name '../../toy' leads out of the run folder"),
        ("options", {"mode": "fast"}, "options.mode: .*'latency' or 'throughput', got 'fast'"),
        ("options", {"limit": "all"}, "options.limit: .*got 'all'"),
        ("oracles", {"x": {"system": "toy"}}, "oracles.x.oracle: field required"),
    ],
)
def test_what_does_not_fit_is_named_by_file_and_field(old: dict[str, Any], key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^here/manifest.json: {message}"):
        read_manifest({**old, key: value}, "here/manifest.json")


def test_the_name_of_a_benchmark_cannot_lead_out_of_the_run_folder(old: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"benchmark.name: the name '/etc' leads out"):
        read_manifest({**old, "benchmark": {**old["benchmark"], "name": "/etc"}}, "manifest.json")


def test_a_manifest_of_a_later_version_says_so(old: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"written by a later version .*layout 9"):
        read_manifest({**old, "version": 9}, "manifest.json")
