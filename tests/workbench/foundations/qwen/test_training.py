"""The training recipe of the tiny language model learns."""

import numpy as np
import pytest
import torch

from tests.workbench.foundations.descent import descend
from workbench.foundations.qwen import cell_head, conversations
from workbench.foundations.qwen import model as qwen_model
from workbench.foundations.qwen import training as qwen
from workbench.foundations.training.tokenizer import chat_tokenizer
from workbench.tabletop.training_scenes import draw


@pytest.mark.slow
def test_the_language_model_learns() -> None:
    torch.manual_seed(0)
    tokenizer = chat_tokenizer(conversations.corpus(20))
    both = torch.nn.ModuleDict({"model": qwen_model.build(tokenizer, 128), "head": cell_head.CellHead(192)})
    encoder = qwen.Encoder(tokenizer, 128)
    scenes = [draw(0, number, size=128, asked=1) for number in range(2)]
    batch = qwen.prepare(encoder, scenes, 1, np.random.default_rng(0))

    def loss(precision: torch.dtype = torch.float32) -> torch.Tensor:
        text, dense, _ = qwen.losses(both, encoder, batch, precision)
        return text + dense

    shipped = loss(torch.bfloat16).item()
    assert shipped == pytest.approx(loss().item(), rel=0.01)
    assert shipped != loss().item()
    assert descend(both, loss) < 0.8
