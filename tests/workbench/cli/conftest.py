"""A working directory for the commands."""

from pathlib import Path

import pytest

from tests.conftest import Install
from tests.workbench.cli.installed import RECIPES, TOYS


@pytest.fixture
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with the toy systems, benchmark and recipe installed."""
    install("toys", {**TOYS, "recipes": {"tiny": "toy_recipes:tiny"}}, {"toy_recipes": RECIPES})
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
