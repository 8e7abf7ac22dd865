"""Rounded weights, compiled parts, and what a model weighs."""

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.compression import DYNAMIC, INT8, NONE, WAYS, Quantization, quantize, weight_bytes
from workbench.plugins.options import declared


def network(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(96, 192), nn.ReLU(), nn.Linear(192, 64), nn.LayerNorm(64)).to(dtype).eval()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("way", [INT8, DYNAMIC])
def test_rounded_weights_take_a_byte_each_and_answer_nearly_the_same(way: str, dtype: torch.dtype) -> None:
    model, inputs = network(dtype), torch.randn(5, 96, dtype=dtype)
    with torch.inference_mode():
        before = model(inputs).float()
        size = weight_bytes(model)
        quantize([model], way)
        after = model(inputs).float()
    error = (after - before).abs().max()
    assert 0 < error < 0.1
    outputs = 192 + 64
    beside = (outputs + 2 * 64) * dtype.itemsize  # biases and the norm
    assert weight_bytes(model) == 96 * 192 + 192 * 64 + outputs * (4 + 1) + beside  # a scale and a zero for each output
    assert weight_bytes(model) < size


def test_none_changes_nothing() -> None:
    model = network()
    before = [value.clone() for value in model.state_dict().values()]
    quantize([model], NONE)
    assert all(map(torch.equal, before, model.state_dict().values()))


def test_the_weight_is_what_safetensors_writes(tmp_path: Path) -> None:
    model = network(torch.bfloat16)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    header = int.from_bytes((tmp_path / "model.safetensors").read_bytes()[:8], "little") + 8
    assert weight_bytes(model) == (tmp_path / "model.safetensors").stat().st_size - header


def test_a_weight_that_two_layers_share_counts_once() -> None:
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    model[1].weight = model[0].weight
    assert weight_bytes(model) == 8 * 8 * 4


def test_without_torchao_it_is_refused_before_anything_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    option = declared("quantize", str, NONE)
    option = type(option)(option.name, option.type, option.default, bounds=(Quantization(),))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert option.value(NONE) == NONE
    with pytest.raises(ConfigurationError, match=r"needs torchao: pip install 'segmentation-workbench\[compression\]'"):
        option.value(INT8)
    with pytest.raises(ConfigurationError, match=f"that is one of {', '.join(WAYS)}, got 'int4'"):
        option.value("int4")
