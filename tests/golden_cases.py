"""Where tests find reference data: `$WORKBENCH_GOLDENS/<group>` if that exists, else `tests/goldens/<group>`."""

import os
from pathlib import Path

HERE = Path(__file__).parent / "goldens"


def golden_cases(group: str, pattern: str = "*") -> list[Path]:
    """The files and folders of a group that match a pattern, by name; none where the group is not there."""
    outside = os.environ.get("WORKBENCH_GOLDENS")
    folder = Path(outside) / group if outside else HERE / group
    return sorted((folder if folder.is_dir() else HERE / group).glob(pattern))
