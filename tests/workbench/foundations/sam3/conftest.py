"""A tiny SAM3 with random weights."""

from typing import Any

import pytest
import torch

from workbench.foundations.sam3 import architecture as sam3_model
from workbench.foundations.training.tokenizer import clip_tokenizer


@pytest.fixture(scope="module")
def detector() -> tuple[Any, Any]:
    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    ids = (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id)
    return sam3_model.build(64, len(tokenizer), *ids), tokenizer
