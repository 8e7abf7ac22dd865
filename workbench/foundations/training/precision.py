"""The precision of the forward pass in training. A processor without instructions for bfloat16 takes several times as
long for it as for float32."""

from collections.abc import Mapping

import torch

from workbench.data.errors import ConfigurationError

PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def precision_of(config: Mapping[str, object]) -> torch.dtype:
    """That of key `precision`, bfloat16 where there is none. Raises `ConfigurationError` for any other."""
    name = config.get("precision", "bfloat16")
    if name not in PRECISIONS:
        raise ConfigurationError(f"precision: expected one of {', '.join(PRECISIONS)}, got {name!r}")
    return PRECISIONS[str(name)]


def autocast(device: str, precision: torch.dtype) -> torch.autocast:
    """A block in which a model of float32 weights computes in this precision."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)
