"""What a text or a value of Python means for an option of a type."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workbench.plugins.typed import boxes
from workbench.data.errors import ConfigurationError
from workbench.plugins.options import (
    arguments,
)
from workbench.plugins.values import Written


def read(option: str, text: str) -> Any:
    return arguments("b", boxes, {option: Written(text)})[option]


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("folder", "2018", "2018"),
        ("folder", "no", "no"),
        ("folder", "2024-01-05", "2024-01-05"),
        ("folder", "none", "none"),
        ("folder", "[a: {", "[a: {"),
        ("folder", "", ""),
        ("root", "2018", Path("2018")),
        ("root", "none", None),
        ("root", "Null", None),
        ("side", "9", 9),
        ("side", "+4", 4),
        ("rate", "1e-3", 0.001),
        ("rate", "2", 2.0),
        ("fast", "yes", True),
        ("fast", "OFF", False),
        ("form", "bmp", "bmp"),
        ("mode", "2", 2),
        ("names", "[a, no, 2018, 2024-01-05]", ["a", "no", "2018", "2024-01-05"]),
        ("weights", "{a: 1, b: 1e-3}", {"a": 1.0, "b": 0.001}),
        ("either", "7", 7),
        ("either", "seven", "seven"),
        ("loose", "4", 4),
    ],
)
def test_the_type_of_an_option_decides_what_a_text_means(option: str, text: str, value: Any) -> None:
    found = read(option, text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("side", "much", "a whole number from 1 to 9, got 'much'"),
        ("side", "10", "a whole number from 1 to 9, got '10'"),
        ("side", "2.5", "a whole number from 1 to 9"),
        ("side", "1_0", "a whole number"),
        ("side", "none", "a whole number"),
        ("side", "9" * 5000, "a whole number"),
        ("side", "true", "a whole number"),
        ("rate", "nan", "a number above 0, got 'nan'"),
        ("rate", "inf", "a number above 0"),
        ("rate", "-1", "a number above 0"),
        ("rate", "1e999", "a number above 0"),
        ("rate", "", "a number above 0"),
        ("fast", "maybe", "true or false, got 'maybe'"),
        ("fast", "1", "true or false"),
        ("fast", "none", "true or false"),
        ("form", "jpg", "a text that is one of png, bmp, got 'jpg'"),
        ("mode", "three", "one of one, 2"),
        ("names", "{a: 1}", "a list, or none"),
        ("names", "3", "a list, or none"),
        ("weights", "{a: much}", "keys with values, or none"),
        ("folder", "a\0b", "a text"),
        ("loose", "hi", "a whole number"),
    ],
)
def test_a_written_value_that_does_not_fit_is_named_with_type_and_range(option: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(option, text)
    assert str(refused.value).startswith(f"b.{option}: expected {expected}")


@pytest.mark.parametrize("text", ["[", "!!python/name:os.system", "&a [*a]", "[" * 1000, "9" * 5000])
def test_yaml_that_is_no_plain_value_is_a_configuration_error(text: str) -> None:
    for option in ("names", "weights"):
        with pytest.raises(ConfigurationError, match=option):
            read(option, text)


@pytest.mark.parametrize(
    ("option", "value", "taken"),
    [
        ("folder", Path("a/b"), "a/b"),
        ("root", "a/b", Path("a/b")),
        ("root", None, None),
        ("side", np.int64(4), 4),
        ("rate", np.float32(0.5), 0.5),
        ("rate", 1, 1.0),
        ("names", ("a", "b"), ["a", "b"]),
        ("loose", 5, 5),
    ],
)
def test_values_of_python_are_taken_as_the_type_of_the_option(option: str, value: Any, taken: Any) -> None:
    found = arguments("b", boxes, {option: value})[option]
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("folder", 2018),
        ("folder", None),
        ("folder", b"data"),
        ("side", True),
        ("side", 2.0),
        ("side", "3"),
        ("side", None),
        ("rate", float("nan")),
        ("rate", "0.1"),
        ("rate", 1j),
        ("fast", 1),
        ("fast", "yes"),
        ("mode", "2"),
        ("names", "abc"),
        ("names", [1]),
        ("weights", {"a": "b"}),
    ],
)
def test_values_of_python_of_another_type_are_refused(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^b\.{option}: expected "):
        arguments("b", boxes, {option: value})
