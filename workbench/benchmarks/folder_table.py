"""The table of a folder benchmark: which instruction asks for what in which picture, as CSV or JSON."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.benchmarks.reading import read_bytes, read_list
from workbench.data.errors import ConfigurationError, short

NAMES = ("instructions.csv", "instructions.json")
"""Names of a table that are found in a folder."""
NEEDED, TRUTH, FURTHER = ("image", "instruction"), ("masks", "objects"), ("kind",)
COLUMNS = (*NEEDED, *TRUTH, *FURTHER)
_SEPARATOR = ";"
"""Between the names in a cell."""


@dataclass(frozen=True)
class Table:
    """`rows`: the values of each row by column, unchecked; a row that is no object is kept as it is. `numbers`: what a
    spreadsheet calls each row, where the names of the columns are row 1; in JSON the first is 1. `truth`: the columns
    that say what is right, none where the table does not."""

    path: Path
    numbers: Sequence[int]
    rows: Sequence[Any]
    truth: tuple[str, ...]


def find_table(annotations: Path) -> Path:
    """The table itself, or the one in a folder; raises `ConfigurationError` where there is none, or are several."""
    if not annotations.is_dir():
        return annotations
    there = [annotations / name for name in NAMES if (annotations / name).is_file()]
    if len(there) != 1:
        raise ConfigurationError(
            f"folder: expected either {' or '.join(NAMES)} in {annotations}, got "
            f"{' and '.join(one.name for one in there) or 'none of them'}"
        )
    return there[0]


def read_table(path: Path) -> Table:
    """Read a table. Raises `ConfigurationError` for a file that is none, for a column that is missing or unknown, and
    for two columns of one name.
    """
    if path.suffix.lower() == ".json":
        rows = read_list(path, "{image, instruction}, and maybe masks, objects, kind")
        numbers: Sequence[int] = range(1, len(rows) + 1)
        columns = (
            list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row)) if rows else [*NEEDED]
        )
    else:
        columns, numbers, rows = _csv(path)
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise ConfigurationError(f"{path}: unknown column {short(unknown[0])}: known are {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in columns]:
        raise ConfigurationError(
            f"{path}: expected the columns {' and '.join(NEEDED)}, got no {' and no '.join(missing)}"
        )
    return Table(path, numbers, rows, tuple(name for name in TRUTH if name in columns))


def _csv(path: Path) -> tuple[list[str], list[int], list[Any]]:
    """Columns, row numbers and rows of a file whose first line names the columns, separated by commas, semicolons or
    tabs. Empty rows are left out, and so are columns at the end that have neither a name nor a value: spreadsheets save
    both.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected UTF-8, got other bytes ({error}): save it as CSV UTF-8") from error
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), None)
    if first is None:
        raise ConfigurationError(f"{path} is empty: expected a first line image,instruction")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        (_, names), *rows = [(number, row) for number, row in enumerate(reader, 1) if any(map(str.strip, row))]
    except (csv.Error, ValueError) as error:
        raise ConfigurationError(
            f'{path}: line {reader.line_num}: expected CSV, where quotes in a quoted value are doubled, "the ""red"" '
            f'mug": {error}'
        ) from error
    names = [name.strip().lower() for name in _cut(names, 0)]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path}: expected columns of different names, got {', '.join(names)}")
    return names, [number for number, _ in rows], [_row(names, values) for _, values in rows]


def _cut(values: Sequence[str], width: int) -> list[str]:
    """The values of a row, without the empty ones at its end that are more than the columns."""
    full = max((place for place, value in enumerate(values, 1) if value.strip()), default=0)
    return list(values[: max(full, width)])


def _row(names: Sequence[str], values: Sequence[str]) -> Any:
    """The row by column, with the names in a cell as a list; the values themselves where their number is another."""
    values = _cut(values, len(names))
    if len(values) != len(names):
        return values
    row: dict[str, Any] = {name: value.strip() for name, value in zip(names, values, strict=True)}
    for name in TRUTH:
        if name in row:
            row[name] = [part.strip() for part in row[name].split(_SEPARATOR) if part.strip()]
    if not row.get("kind"):
        row.pop("kind", None)
    return row
