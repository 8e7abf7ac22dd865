"""LoRA on the language model's attention, through peft; a checkpoint holds the merged weights."""

import torch
from torch import Tensor, nn

from workbench.data.errors import ConfigurationError

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


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter."""
    return ".lora_" in name


@torch.no_grad()
def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's tensors under their names without adapters; each adapter is added to the tensor that it adapts."""
    state = {name.replace(".base_layer.", "."): value for name, value in model.state_dict().items()}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A"):
            weight = f"{name}.weight"
            state[weight] = state[weight] + module.get_delta_weight("default").to(state[weight].dtype)
    return {name: value for name, value in state.items() if not is_adapter(name)}
