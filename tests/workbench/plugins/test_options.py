"""Options are declared once, and a value of another type or out of range is refused by name, type and range."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import numpy as np
import pytest

from workbench.data.errors import ConfigurationError
from workbench.plugins.assignments import as_assignments, keys_and_values, settings_by_name
from workbench.plugins.options import (
    APART,
    MISSING,
    Above,
    AtLeast,
    OneOf,
    Range,
    arguments,
    check_options,
    described_options,
    identity_of,
    of_keys,
    options_of,
)
from workbench.plugins.values import Written


@dataclass(frozen=True)
class Base:
    """Options of two plugins."""

    size: Annotated[int, AtLeast(1)] = 8
    """Side of a blob,
    in pixels."""
    batch: Annotated[int, AtLeast(1), APART] = 4


@dataclass(frozen=True)
class More(Base):
    """And one more."""

    level: Annotated[float | None, Range(0, 1)] = None
    """How sure it is."""


def blobs(options: More = More(size=64)) -> More:
    """Finds blobs."""
    return options


def boxes(
    folder: str = "data",
    root: Path | None = None,
    side: Annotated[int, Range(1, 9), "In pixels."] = 3,
    rate: Annotated[float, Above(0)] = 0.1,
    fast: bool = False,
    form: Annotated[str, OneOf("png", "bmp")] = "png",
    mode: Literal["one", 2] = "one",
    names: list[str] | None = None,
    weights: dict[str, float] | None = None,
    either: int | str = 1,
    loose=3,  # type: ignore[no-untyped-def]
    **rest: Any,
) -> None:
    """Finds boxes."""


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


def test_an_unknown_option_and_one_that_lacks_are_named() -> None:
    def make(file: str, size: int = 3) -> None: ...

    with pytest.raises(ConfigurationError, match=r"unknown option of b 'sise' \(did you mean 'size'\?\); known: file"):
        arguments("b", make, {"sise": 1})
    with pytest.raises(ConfigurationError, match=r"b needs the option file \(a text\): --set b.file=VALUE"):
        arguments("b", make, {})


def test_a_preset_is_the_same_class_with_other_defaults() -> None:
    assert arguments("b", blobs, {"level": Written("0.5")}) == {"options": More(size=64, level=0.5)}
    assert [(o.name, o.default, o.sentence) for o in options_of(blobs)] == [
        ("size", 64, ""),
        ("batch", 4, ""),
        ("level", None, ""),
    ]
    with pytest.raises(ConfigurationError, match=r"b\.level: expected a number from 0 to 1, or none, got '7'"):
        arguments("b", blobs, {"level": Written("7")})


def test_sentences_are_the_docstrings_under_the_fields() -> None:
    assert [option.sentence for option in described_options("systems", blobs)] == [
        "Side of a blob, in pixels.",
        "",
        "How sure it is.",
    ]
    assert options_of(boxes)[2].sentence == "In pixels."


def test_the_identity_has_what_decides_an_answer() -> None:
    assert identity_of(More(size=3)) == {"size": 3, "level": None}


def test_options_that_were_made_in_python_are_checked_too() -> None:
    with pytest.raises(ConfigurationError, match=r"blobs\.size: expected a whole number of at least 1, got 0"):
        check_options("blobs", More(size=0))


def test_annotations_that_only_a_type_checker_can_read_are_left_to_the_plugin() -> None:
    def make(part: "Unknown" = None, size: "int" = 3) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert arguments("b", make, {"part": object})["part"] is object
    with pytest.raises(ConfigurationError, match=r"b\.size: expected a whole number"):
        arguments("b", make, {"size": "x"})


def test_the_keys_of_a_recipe_are_options() -> None:
    class Config(TypedDict):
        """Keys."""

        steps: int
        """How many."""
        frozen: NotRequired[list[str]]

    steps, frozen = of_keys(Config)
    assert (steps.required, frozen.required, steps.default) == (True, False, MISSING)
    assert frozen.value(["a"]) == ["a"]
    with pytest.raises(ConfigurationError, match="frozen: expected a list, got"):
        frozen.value([1])


def test_assignments_are_read_by_name_and_written_again() -> None:
    read_back = settings_by_name(["a.b.c=1=2", "x.y="], ["a.b", "x"])
    assert read_back == {"a.b": {"c": Written("1=2")}, "x": {"y": Written("")}}
    assert as_assignments({**read_back, "z": {"t": True, "n": None, "s": "no"}}) == [
        "a.b.c=1=2",
        "x.y=",
        "z.t=true",
        "z.n=none",
        "z.s=no",
    ]
    assert keys_and_values(["a.b=3"]) == {"a.b": Written("3")}
    for wrong in ("a", "a.b", "=3", ".x=3", "q.b=3"):
        with pytest.raises(ConfigurationError, match="--set expects NAME"):
            settings_by_name([wrong], ["a"])
