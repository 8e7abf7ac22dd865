"""Weights that are loaded a few at a time are those of the checkpoint."""

from pathlib import Path

import pytest
import torch

from workbench.foundations import by_parts
from workbench.foundations.by_parts import load_by_parts


@pytest.fixture
def checkpoint(tmp_path: Path) -> tuple[Path, "torch.nn.Module"]:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(tmp_path, max_shard_size=4096)
    return tmp_path, model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_tensor_arrives(
    checkpoint: tuple[Path, "torch.nn.Module"], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, saved = checkpoint
    monkeypatch.setattr(by_parts, "PART", 1000)  # files are let go between their tensors
    loaded = load_by_parts(lambda: type(saved)(saved.config), folder, dtype)
    assert not loaded.training and loaded.dtype == loaded.config.dtype == dtype
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.to(dtype)), name
    for (name, made), (_, expected) in zip(loaded.named_buffers(), saved.named_buffers(), strict=True):
        assert torch.equal(made, expected), name
