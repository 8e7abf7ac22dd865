"""A tiny model with random weights, with a [SEG] token for each instance or one for all."""

from pathlib import Path

import pytest

from e2e.segtoken.predictor import Predictor
from tests.e2e.segtoken.scripted import make


@pytest.fixture
def many(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    return make(qwen_folder, sam3_folder, "many")


@pytest.fixture
def one(qwen_folder: Path, sam3_folder: Path) -> Predictor:
    return make(qwen_folder, sam3_folder, "one")
