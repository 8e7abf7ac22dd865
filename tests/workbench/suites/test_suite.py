"""What a suite says, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.suites.suite import read_suite, shipped


@pytest.mark.parametrize("name", shipped())
def test_the_suites_that_come_with_the_workbench_fit_their_benchmarks(name: str, tmp_path: Path) -> None:
    suite = read_suite(name)
    assert suite.name == name and len(suite.entries) >= 9
    for entry in suite.entries:
        registry.prepare("benchmarks", entry.benchmark, entry.placed(tmp_path))
        assert entry.get
        assert entry.absent(tmp_path)


def write(path: Path, content: Any) -> str:
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_what_is_left_out_goes_by_the_benchmark(tmp_path: Path) -> None:
    suite = read_suite(write(tmp_path / "mine.yaml", {"benchmarks": [{"benchmark": "tabletop", "set": {"scenes": 2}}]}))
    (entry,) = suite.entries
    assert (suite.title, entry.name, entry.title, entry.get) == ("mine", "tabletop", "tabletop", "")
    assert (entry.placed(tmp_path), entry.absent(tmp_path)) == ({"scenes": 2}, [])


TABLETOP = {"benchmark": "tabletop"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "benchmarks: expected a list of benchmarks, got None"),
        ({"benchmark": []}, "unknown key 'benchmark' .did you mean 'benchmarks'"),
        ({"benchmarks": []}, "benchmarks: expected a list of benchmarks"),
        ({"benchmarks": ["tabletop"]}, "benchmark 1: expected a mapping of name, title, benchmark, set, get"),
        ({"benchmarks": [{"name": "x"}]}, "benchmark 1: benchmark: expected a text, got None"),
        ({"benchmarks": [TABLETOP, {**TABLETOP, "sets": {}}]}, "benchmark 2: unknown key 'sets' .did you mean 'set'"),
        ({"benchmarks": [{**TABLETOP, "set": ["a"]}]}, "set: expected options of tabletop by name"),
        ({"benchmarks": [{**TABLETOP, "name": "../x"}]}, "name: expected letters, digits"),
        ({"benchmarks": [TABLETOP, TABLETOP]}, "expected benchmarks of different names, got 'tabletop' twice"),
    ],
)
def test_a_suite_that_is_none_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_suite(write(tmp_path / "mine.yaml", content))


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown suite 'agent-tabel' .did you mean 'agent-table'"):
        read_suite("agent-tabel")
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml cannot be read"):
        read_suite("nowhere.yaml")
