"""Tables are read as spreadsheets and editors save them, and their rows keep the numbers seen there."""

from pathlib import Path

import pytest

from workbench.benchmarks.folder_table import Table, read_table
from workbench.data.errors import ConfigurationError


def read(tmp_path: Path, text: str) -> Table:
    (tmp_path / "t.csv").write_bytes(text.encode())
    return read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_a_spreadsheet_leaves_behind_is_left_out(tmp_path: Path, end: str) -> None:
    rows = ["", ";;", "image;instruction;;", "a.jpg;the bottle;;", ";;;", "a.jpg;x;;note", 'a.jpg;"y\nz";;;;']
    table = read(tmp_path, end.join(rows) + end)
    assert table.rows == [
        {"image": "a.jpg", "instruction": "the bottle"},
        ["a.jpg", "x", "", "note"],
        {"image": "a.jpg", "instruction": "y\nz"},
    ]
    assert list(table.numbers) == [4, 6, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n;;\n", "is empty"),
        (
            'image,instruction\na,b\na,"the "red" mug"\n',
            "line 3: expected CSV, where quotes in a quoted value are doubled",
        ),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, text)
