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
    """`rows`: the values of each row by column, unchecked; a row that is no object is kept as it is. `truth`: the
    columns that say what is right, none where the table does not."""

    path: Path
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
        columns = (
            list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row)) if rows else [*NEEDED]
        )
    else:
        columns, rows = _csv(path)
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise ConfigurationError(f"{path}: unknown column {short(unknown[0])}: known are {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in columns]:
        raise ConfigurationError(
            f"{path}: expected the columns {' and '.join(NEEDED)}, got no {' and no '.join(missing)}"
        )
    return Table(path, rows, tuple(name for name in TRUTH if name in columns))


def _csv(path: Path) -> tuple[list[str], list[Any]]:
    """Columns and rows of a file whose first line names the columns, separated by commas, semicolons or tabs."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected UTF-8, got other bytes ({error}): save it as CSV UTF-8") from error
    lines = text.splitlines()
    if not lines:
        raise ConfigurationError(f"{path} is empty: expected a first line image,instruction")
    separator = max(",;\t", key=lines[0].count)
    try:
        names, *rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator, strict=True) if any(row)]
    except (csv.Error, ValueError) as error:
        raise ConfigurationError(f"{path}: expected lines of CSV: {error}") from error
    names = [name.strip().lower() for name in names]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path}: expected columns of different names, got {', '.join(names)}")
    return names, [_row(names, values) for values in rows]


def _row(names: Sequence[str], values: Sequence[str]) -> Any:
    """The row by column, with the names in a cell as a list; the values themselves where their number is another."""
    if len(values) != len(names):
        return list(values)
    row: dict[str, Any] = {name: value.strip() for name, value in zip(names, values, strict=True)}
    for name in TRUTH:
        if name in row:
            row[name] = [part.strip() for part in row[name].split(_SEPARATOR) if part.strip()]
    if not row.get("kind"):
        row.pop("kind", None)
    return row
