"""The example files in the published layouts."""

import shutil
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A copy of the example files, to change."""
    return Path(shutil.copytree(OFFICIAL, tmp_path / "official"))


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(shutil.copytree(OFFICIAL / {"coco": "grefcoco"}.get(request.param, request.param), tmp_path / "files"))
