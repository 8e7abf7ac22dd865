"""LoRA on the language model's attention, through peft; a checkpoint holds the merged weights."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.sharding import whole

LAYERS = "model.language_model.layers."
TARGETS = r"model\.language_model\.layers\.\d+\.self_attn\.[qkvo]_proj"
"""The layers that are adapted, as in the published training."""


def add_lora(model: nn.Module, rank: int, alpha: int, dropout: float) -> None:
    """Put adapters of this rank beside the query, key, value and output projections of the language model, in place.

    They start as zero; their output is scaled by `alpha / rank`. Raises `ConfigurationError` for a rank below 1, or a
    dropout outside of [0, 1).
    """
    from peft import LoraConfig, inject_adapter_in_model

    if rank < 1 or not 0 <= dropout < 1:
        raise ConfigurationError(
            f"expected lora_rank of at least 1 and lora_dropout in [0, 1), got {rank} and {dropout}"
        )
    options = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=TARGETS)
    inject_adapter_in_model(options, model)


def adapt(model: nn.Module, config: Mapping[str, Any]) -> bool:
    """Add the adapters that a recipe asks for by `lora_rank`, `lora_alpha` and `lora_dropout`, in place; whether it
    asks for any."""
    rank = config.get("lora_rank", 0)
    if rank:
        add_lora(model, rank, config.get("lora_alpha", 16), config.get("lora_dropout", 0.05))
    return bool(rank)


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter."""
    return ".lora_" in name


@torch.no_grad()
def merged_state(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """The model's tensors on the CPU, in this precision but for whole numbers, under their names without adapters; each
    adapter is added to the tensor that it adapts. Collective where layers are sharded."""
    added = {f"{name}.weight": _delta(module) for name, module in model.named_modules() if hasattr(module, "lora_A")}
    merged: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        own = name.replace(".base_layer.", ".")
        if not is_adapter(name):
            value = whole(tensor)
            if own in added:
                value = value + added.pop(own).to(value)
            merged[own] = value.to("cpu", dtype if value.is_floating_point() else value.dtype)
    return merged


def _delta(adapted: Any) -> Tensor:
    delta: Tensor = whole(adapted.lora_B["default"].weight) @ whole(adapted.lora_A["default"].weight)
    return delta * float(adapted.scaling["default"])
