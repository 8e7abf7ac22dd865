"""A key that stands twice in an object is refused, at any depth and place."""

import json
from typing import Any

import pytest

from workbench.data.json_objects import once_each


@pytest.mark.parametrize("text", ["{}", '{"a": {"a": [{"a": 1}, {"a": 2}]}}', '[{"é": 1, "e": 2}]'])
def test_objects_are_as_they_are_written(text: str) -> None:
    assert json.loads(text, object_pairs_hook=once_each) == json.loads(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]', r'{"a": 1, "\u0061": 2}'])
def test_a_doubled_key_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="the key 'a' is there twice"):
        json.loads(text, object_pairs_hook=once_each)


def test_many_keys_take_no_quadratic_time() -> None:
    pairs: list[tuple[str, Any]] = [(f"k{i}", i) for i in range(200_000)]
    with pytest.raises(ValueError, match="'k199999'"):
        once_each([*pairs, pairs[-1]])
