"""A tiny Qwen with random weights."""

from pathlib import Path

import pytest

from agents.language_models.embedded import EmbeddedQwen
from tests.agents import tiny_qwen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.build(tmp_path_factory.mktemp("tiny-qwen"), context=160)


@pytest.fixture(scope="module")
def model(folder: Path) -> EmbeddedQwen:
    return EmbeddedQwen(folder)
