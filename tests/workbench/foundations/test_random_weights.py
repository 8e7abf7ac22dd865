"""Checkpoints with random weights, a shard at a time."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from workbench.foundations import random_weights
from workbench.foundations.checkpoints import weight_files
from workbench.foundations.loading import load_model


def config() -> CLIPTextConfig:
    shape = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    return CLIPTextConfig(**shape, num_attention_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2)


def written(folder: Path, seed: int = 0) -> int:
    with torch.device("meta"):
        model = CLIPTextModel(config())
    config().save_pretrained(folder)
    return random_weights.write_weights(model, folder, torch.bfloat16, seed)


def test_shards_are_read_as_one_model_with_norms_of_one_and_no_bias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_weights, "SHARD", 4000)
    size = written(tmp_path)
    assert len(weight_files(tmp_path)) > 2
    model = load_model(CLIPTextModel, tmp_path, torch.bfloat16)
    tensors = {name: one.detach() for name, one in model.named_parameters()}
    assert size == sum(2 * one.numel() for one in tensors.values())
    norms = [one for name, one in tensors.items() if "norm" in name and name.endswith("weight")]
    assert norms and all(bool((one == 1).all()) for one in norms)
    assert all(bool((one == 0).all()) for name, one in tensors.items() if name.endswith("bias"))
    spread = torch.cat([one.flatten() for one in tensors.values() if one.dim() == 2]).float().std()
    assert spread == pytest.approx(0.02, rel=0.1)


def test_the_seed_decides_the_weights(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        written(tmp_path / name, seed)
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]
