"""What a reader of files leaves out or mends: said by `check`, `score` and `compare`, and kept with the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT = 100
"""Remarks that are kept with the results of a run; `workbench check` lists all."""


@dataclass(frozen=True)
class Remark:
    """Something about a file that is not the problem of one sample. `mended` says that nothing is missing for it: it
    was read as it is meant."""

    file: Path
    text: str
    mended: bool = False


def remark_lines(remarks: Sequence[Remark]) -> list[str]:
    """The remarks as lines of text, the first `KEPT` of them and how many more there are."""
    lines = [f"{remark.file.name}: {remark.text}" for remark in remarks[:KEPT]]
    more = len(remarks) - len(lines)
    return [*lines, f"... and {more} more remarks, which `workbench check` lists"] if more else lines
