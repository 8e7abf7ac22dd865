"""What a stress suite says, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.data.errors import ConfigurationError
from workbench.stress.suite import AxisOfSuite, read_suite


def write(path: Path, content: Any) -> str:
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_what_all_axes_share_is_said_once_and_an_axis_may_say_otherwise(tmp_path: Path) -> None:
    axes = [
        {"axis": "blur", "levels": [0, 3]},
        {"axis": "targets", "size": 256, "questions": 3},
        {"name": "case-coco", "axis": "case", "benchmark": "coco", "sample": "first"},
    ]
    shared = {"benchmark": "tabletop", "set": {"scenes": 3}, "questions": 7, "sample": "random"}
    blur, targets, case = read_suite(write(tmp_path / "mine.yaml", {**shared, "axes": axes})).entries
    assert isinstance(blur, AxisOfSuite) and isinstance(targets, AxisOfSuite) and isinstance(case, AxisOfSuite)
    assert (blur.title, blur.benchmark, blur.options, blur.questions) == ("Blur", "tabletop", {"scenes": 3}, 7)
    assert blur.axis.levels == (0, 3) and blur.sample == "random"
    assert (targets.benchmark, targets.options, targets.size, targets.questions) == ("", {}, 256, 3)
    assert (case.name, case.benchmark, case.options, case.sample) == ("case-coco", "coco", {}, "first")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"axes": []}, "axes: expected a list of axes, got "),
        ({"axis": "blur"}, "unknown key 'axis'"),
        ({"axes": ["blur"]}, "axis 1: expected a mapping of name, title, axis"),
        ({"axes": [{"axis": "blurr"}]}, r"axis 1: unknown perturbation 'blurr' .did you mean 'blur'"),
        ({"axes": [{"axis": "blur", "level": [0, 1]}]}, "axis 1: unknown key 'level'"),
        ({"axes": [{"axis": "blur", "levels": [1, 2]}]}, "axis 1: levels: expected 0 among them"),
        ({"axes": [{"axis": "blur", "questions": 0}]}, "axis 1: questions: expected a whole number from 1"),
        ({"axes": [{"axis": "blur", "sample": "last"}]}, "axis 1: sample: expected first or random, got 'last'"),
        ({"axes": [{"axis": "targets", "benchmark": "coco"}]}, "axis 1: targets draws its own scenes"),
        ({"axes": [{"axis": "targets", "size": 5000}]}, "axis 1: size: expected a whole number from 64 to 1024"),
        ({"axes": [{"axis": "blur"}, {"axis": "blur"}]}, "axes of different names, got 'blur' twice"),
    ],
)
def test_a_suite_that_is_none_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_suite(write(tmp_path / "mine.yaml", content))
