"""Options are declared once, and a value of another type or out of range is refused by name, type and range."""

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

import pytest

from tests.workbench.plugins.typed import boxes
from workbench.data.errors import ConfigurationError
from workbench.plugins.assignments import as_assignments, keys_and_values, settings_by_name
from workbench.plugins.options import (
    APART,
    MISSING,
    AtLeast,
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


def test_parts_of_any_kind_are_read_as_yaml_however_deep() -> None:
    class Config(TypedDict):
        """Keys."""

        data: list[dict[str, Any]]

    (data,) = of_keys(Config)
    written = Written("[{a: 1, b: {c: 2.5, d: no, e: [x, 3]}}]")
    assert data.value(written) == [{"a": 1, "b": {"c": 2.5, "d": False, "e": ["x", 3]}}]


class Lent(TypedDict):
    """Keys that several recipes have."""

    data: NotRequired[str]
    """What it learns from."""


class Extended(Lent):
    """And those of one."""

    seed: int
    """Of all that is drawn."""


def test_keys_that_a_recipe_extends_keep_their_sentences() -> None:
    found = {option.name: (option.required, option.sentence) for option in of_keys(Extended, sentences=True)}
    assert found == {"data": (False, "What it learns from."), "seed": (True, "Of all that is drawn.")}


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
