"""Layers that read the same input run as one product, and as before once their weights are elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from e2e.instructsam.model import InstructSAM
from e2e.instructsam.predictor import Predictor
from e2e.options import TINY
from e2e.single_pass import products
from e2e.single_pass.products import lay_together, project, readers, together
from e2e.single_pass.text_model import _gated
from workbench.foundations.compression import quantize


def three(bias: bool) -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(64, out, bias=bias).requires_grad_(False) for out in (96, 32, 32)]


@pytest.mark.parametrize("bias", [True, False])
def test_they_are_one_product_without_a_copy(bias: bool) -> None:
    layers, states = three(bias), torch.randn(2, 5, 64)
    apart = [layer(states) for layer in layers]
    before = [{name: value.clone() for name, value in layer.state_dict().items()} for layer in layers]
    assert together(layers) is None
    assert all(map(torch.equal, project(layers, None, states), apart))
    lay_together(layers)
    whole = together(layers)
    assert whole is not None and whole[0].shape == (160, 64)
    assert whole[0].data_ptr() == layers[0].weight.data_ptr() and (whole[1] is not None) == bias
    both, last = project(layers, whole, states)
    torch.testing.assert_close(both, torch.cat(apart[:2], -1))
    torch.testing.assert_close(last, apart[2])
    for layer, kept in zip(layers, before, strict=True):
        assert all(torch.equal(layer.state_dict()[name], value) for name, value in kept.items())


class Adapted(nn.Linear):
    """A layer with a way of its own."""


def replace_last(layers: list[nn.Linear]) -> None:
    layers[2] = Adapted(64, 32)


def swap(layers: list[nn.Linear]) -> None:
    layers[1], layers[2] = layers[2], layers[1]


CHANGES: dict[str, Callable[[list[nn.Linear]], object]] = {
    "another precision": lambda layers: [layer.double() for layer in layers],
    "rounded": lambda layers: quantize([nn.ModuleList(layers)], "int8"),
    "one weight of its own": lambda layers: setattr(layers[1], "weight", nn.Parameter(layers[1].weight.clone())),
    "one bias of its own": lambda layers: setattr(layers[1], "bias", nn.Parameter(layers[1].bias.clone())),
    "one bias less": lambda layers: setattr(layers[0], "bias", None),
    "another kind of layer": replace_last,
    "another order": swap,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_has_changed_since_runs_one_by_one(change: Callable[[list[nn.Linear]], object]) -> None:
    layers = three(bias=True)
    lay_together(layers)
    change(layers)
    assert together(layers) is None


def test_large_weights_stay_where_they_are_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = three(bias=False)
    places = [layer.weight.data_ptr() for layer in layers]
    monkeypatch.setattr(products, "LARGEST", 160 * 64 - 1)
    lay_together(layers)
    assert [layer.weight.data_ptr() for layer in layers] == places


def test_all_layers_of_a_loaded_model_are_joined_and_saved_as_they_were(tmp_path: Path) -> None:
    model = Predictor.from_pretrained(TINY).model
    words, patches = model.model.language_model.layers, model.detector.vision_encoder.backbone.layers
    layers = [group for layer in words for group in (readers(layer.self_attn), _gated(layer.mlp))]
    layers += [readers(layer.attention) for layer in patches]
    assert layers and all(together(group) is not None for group in layers)
    model.save_pretrained(tmp_path)
    InstructSAM.from_pretrained(tmp_path)
    saved, shipped = (load_file(Path(folder) / "model.safetensors") for folder in (tmp_path, TINY))
    assert saved.keys() == shipped.keys()
    assert all(torch.equal(saved[name], value) for name, value in shipped.items())
