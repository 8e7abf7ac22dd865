"""The file of variants."""

from pathlib import Path

import pytest

from workbench.data.errors import ConfigurationError
from workbench.frontier.variants import read_variants


def test_variants_come_in_the_files_order_with_their_options(tmp_path: Path) -> None:
    path = tmp_path / "variants.yaml"
    path.write_text("float32:\nint8.all: {quantize: int8, slots: 4}\nlow+: {threshold: 1e-3}\n")
    read = read_variants(path)
    assert list(read) == ["float32", "int8.all", "low+"]
    assert read == {"float32": {}, "int8.all": {"quantize": "int8", "slots": 4}, "low+": {"threshold": 0.001}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "expected keys with values"),
        ("a: {}\n", "expected at least two variants, the first to compare with, got 1"),
        ("a: {}\n../b: {x: 1}\n", "expected names of letters, digits"),
        ("a: {}\nb: 7\n", "b: expected options by name, as {dtype: bfloat16}, got 7"),
        ("a: {x: 1}\nb: {x: 2}\nc: {x: 1}\n", "expected variants that differ, but a and c have the same options"),
    ],
)
def test_what_is_no_file_of_variants_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "variants.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_variants(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
