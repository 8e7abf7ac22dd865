"""Linear layers that read the same input, as one product: fewer kernels, and larger ones.

Each layer keeps its own parameters under their names. Only their place in memory changes: one follows the other, so
that a view of all of them is the weight of the whole. Whatever moves, rounds or replaces a parameter undoes that, and
the layers are then run one by one.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST = 2**20
"""Numbers in the weight of a whole that are still moved on a CPU. A larger product is as quick in parts, and weights in
the precision of their file are the file's own memory there, which a copy is not."""

Whole = tuple[Tensor, Tensor | None]
"""Weight `[all outputs, inputs]` and bias `[all outputs]` of several linear layers."""


def readers(attention: Any) -> list[nn.Linear]:
    """The layers that make queries, keys and values of an attention, all of the same states."""
    return [attention.q_proj, attention.k_proj, attention.v_proj]


def lay_together(layers: Sequence[nn.Linear]) -> None:
    """Put the parameters of linear layers that read the same input one after the other in memory, for `together`."""
    weights = [layer.weight for layer in layers]
    if weights[0].device.type == "cpu" and sum(weight.numel() for weight in weights) > LARGEST:
        return
    for name in ("weight", "bias"):
        parts = [getattr(layer, name) for layer in layers]
        if any(part is None for part in parts):
            continue
        whole = torch.cat([part.detach() for part in parts])
        start = 0
        for layer, part in zip(layers, parts, strict=True):
            own = whole.narrow(0, start, len(part))
            setattr(layer, name, nn.Parameter(own, requires_grad=part.requires_grad))
            start += len(part)


def together(layers: Sequence[nn.Module]) -> Whole | None:
    """The layers as one, without a copy; None where `lay_together` did not put them, or they have changed since."""
    if torch.compiler.is_compiling() or any(type(layer) is not nn.Linear for layer in layers):
        return None
    weight, bias = _whole([layer.weight for layer in layers]), _whole([layer.bias for layer in layers])
    plain = all(layer.bias is None for layer in layers)
    return None if weight is None or (bias is None and not plain) else (weight, bias)


def project(layers: Sequence[Any], whole: Whole | None, x: Tensor) -> list[Tensor]:
    """What the layers make of `x: [..., inputs]`, `[..., outputs]` each. `whole`: see `together`; where there is one,
    all but the last come as one, side by side."""
    if whole is None:
        return [layer(x) for layer in layers]
    made, last = F.linear(x, *whole), layers[-1].out_features
    return [made[..., :-last], made[..., -last:]]


def _whole(parts: Sequence[Any]) -> Tensor | None:
    """Parameters as one tensor, a view; None where they do not follow each other in one piece of memory."""
    first = parts[0]
    if any(type(part) is not nn.Parameter for part in parts):
        return None
    memory, place = first.untyped_storage().data_ptr(), first.storage_offset()
    for part in parts:
        if part.untyped_storage().data_ptr() != memory or part.storage_offset() != place or not part.is_contiguous():
            return None
        place += part.numel()
    whole: Tensor = first.as_strided((sum(map(len, parts)), *first.shape[1:]), first.stride())
    return whole
