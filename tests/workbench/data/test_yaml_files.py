"""YAML of any kind is a plain value or a configuration error: no traceback, no hang, no flood of memory."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.yaml_files import MAX_BYTES, parse_yaml, read_mapping, read_yaml

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 2.5, null, true]", {"a": 1, "b": ["x", 2.5, None, True]}),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("2.e+2", 200.0),
        ("'1e-3'", "1e-3"),
        ("2024-01-05", "2024-01-05"),
        ("2024-13-99", "2024-13-99"),
        ("=", "="),
        ("a: &x {k: 1}\nb: *x", {"a": {"k": 1}, "b": {"k": 1}}),
        ("a: &x {k: 1}\nb: {<<: *x, l: 2}", {"a": {"k": 1}, "b": {"k": 1, "l": 2}}),
        ("", None),
    ],
)
def test_plain_values_are_read(text: str, value: Any) -> None:
    found = parse_yaml(text, "here")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not YAML"),
        ("a: b: c", "is not YAML"),
        ("a\0b", "is not YAML"),
        ("'\udcff'", "is not YAML"),
        ("a: 1\n---\nb: 2", "is not YAML"),
        ("*nothing", "is not YAML"),
        ("9" * 5000, "is not YAML that can be read: ValueError"),
        ("0x" + "f" * 5000, "whole numbers of at most"),
        ("a: [9999999999999999999999]", "whole numbers of at most"),
        ("!!int abc", "is not YAML that can be read"),
        ("!!bool perhaps", "is not YAML that can be read"),
        ("!!float ''", "is not YAML that can be read"),
        ("!!timestamp 'no time'", "the tag"),
        ("!!python/object/apply:os.system ['true']", "the tag"),
        ("!mine 3", "the tag"),
        ("!!binary aGk=", "the tag"),
        ("!!set {a, b}", "the tag"),
        ("{[a]: 1}", "every key to be a plain value"),
        ("a: 1\na: 2", "the key 'a' is there twice"),
        ("&a [*a]", "holds itself"),
        ("&a {k: {l: *a}}", "holds itself"),
        ("[" * 100_000, "levels of lists"),
        ("- " * 50_000, "levels of lists"),
        (LAUGHS, "aliases counted"),
        (MERGES, "aliases counted"),
        ("a" * (MAX_BYTES + 1), "at most 200,000 characters"),
        ("[" + "x," * 99_999 + "]", "values"),
    ],
)
def test_anything_else_is_a_configuration_error_at_once(text: str, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(ConfigurationError, match=f"^here.*{message}"):
        parse_yaml(text, "here")
    assert time.process_time() - begun < 20


def test_named_keys_are_texts_whatever_they_look_like() -> None:
    text = "out: 2018\nname: no\nday: 2024-01-05\nlimit: 2018"
    found = parse_yaml(text, "here", texts=("out", "name", "day"))
    assert found == {"out": "2018", "name": "no", "day": "2024-01-05", "limit": 2018}


def test_a_file_is_read_as_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffname: Grüße".encode())
    assert read_mapping(path) == {"name": "Grüße"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: Gr\xfc\xdfe", "expected UTF-8"),
        ("a: 1".encode("utf-16"), "expected UTF-8"),
        (b"x" * (MAX_BYTES + 1), "at most 200,000 bytes"),
        (b"- 1", "expected keys with values, got \\[1\\]"),
        (b"", "expected keys with values, got None"),
        (b"3: a", "every key to be a text, got 3"),
    ],
)
def test_a_file_that_is_no_mapping_in_utf_8_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_mapping(path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match="expected a file"):
            read_yaml(path)
    with pytest.raises(ConfigurationError, match="No such file"):
        read_yaml(tmp_path / "nothing.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_yaml(Path("a\0b"))
