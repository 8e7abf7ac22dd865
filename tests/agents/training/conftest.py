"""A tiny language model with random weights, and its chat."""

from pathlib import Path

import pytest

from agents.language_models.qwen_chat import QwenChat
from tests.agents import tiny_qwen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.build(tmp_path_factory.mktemp("tiny-qwen"), context=4096)


@pytest.fixture(scope="module")
def chat(folder: Path) -> QwenChat:
    return QwenChat(folder)
