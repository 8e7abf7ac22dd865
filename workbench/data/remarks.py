"""What a reader left out or mended when it read its files. `check`, `score` and `compare` print these remarks and keep
them with the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT = 100
"""Remarks that are kept with the results of a run; `workbench check` lists all."""


@dataclass(frozen=True)
class Remark:
    """Something about a file that is not the problem of one sample. `mended`: nothing is missing because of it; the
    file was read as it was meant.
    """

    file: Path
    text: str
    mended: bool = False


def remark_lines(remarks: Sequence[Remark]) -> list[str]:
    """The remarks as lines of text, the first `KEPT` of them and how many more there are."""
    lines = [f"{remark.file.name}: {remark.text}" for remark in remarks[:KEPT]]
    more = len(remarks) - len(lines)
    return [*lines, f"... and {more} more remarks, which `workbench check` lists"] if more else lines
