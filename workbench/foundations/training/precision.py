"""The precision of a training: of its forward pass, and of the weights that it holds. A processor without instructions
for bfloat16 takes several times as long for it as for float32."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from workbench.data.errors import ConfigurationError
from workbench.foundations.checkpoints import weight_types

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


def held_precision(folder: Path, precision: torch.dtype) -> torch.dtype:
    """The precision in which a checkpoint's weights are held: bfloat16 where they are stored and computed in it, so
    that nothing is lost, else float32."""
    return torch.bfloat16 if precision == torch.bfloat16 and weight_types(folder) == {"BF16"} else torch.float32


def hold(parameters: Iterable[nn.Parameter]) -> None:
    """Turn the parameters that train to float32, in place: small steps would be lost in bfloat16. So are the frozen
    ones of one dimension, which a layer norm on a CPU takes in float32 only, beside an input of float32."""
    for parameter in parameters:
        if parameter.is_floating_point() and (parameter.requires_grad or parameter.dim() < 2):
            parameter.data = parameter.data.float()


@contextmanager
def validating(model: nn.Module, precision: torch.dtype) -> Iterator[None]:
    """A block in which a model that trains may answer: with weights of two precisions it computes as in training, else
    in that of its weights."""
    parameters = list(model.parameters())
    mixed = len({parameter.dtype for parameter in parameters}) > 1
    with autocast(parameters[0].device.type, precision if mixed else torch.float32):
        yield
