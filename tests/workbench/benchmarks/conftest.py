"""The example files in the published layouts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workbench.benchmarks.layouts import OFFICIAL, piecewise


@pytest.fixture
def in_pieces() -> Iterator[pytest.MonkeyPatch]:
    """All JSON files are read piece by piece, until it is undone."""
    with pytest.MonkeyPatch.context() as patch:
        piecewise(patch)
        yield patch


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A copy of the example files, to change."""
    return Path(shutil.copytree(OFFICIAL, tmp_path / "official"))


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(shutil.copytree(OFFICIAL / {"coco": "grefcoco"}.get(request.param, request.param), tmp_path / "files"))
