"""The example files in the published layouts."""

import shutil
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A copy of the example files, to change."""
    return Path(shutil.copytree(OFFICIAL, tmp_path / "official"))
