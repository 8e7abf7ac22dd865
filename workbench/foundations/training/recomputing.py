"""Layers that are computed once more on the way back (gradient checkpointing), in place of keeping what they computed:
a third more time, and of each layer only what goes into it stays in memory.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

MARK = "recomputed"


def recompute(layers: Iterable[nn.Module]) -> None:
    """Have these layers computed again where gradients are asked for, in place. What they compute stays the same,
    dropout included."""
    for layer in layers:
        layer.forward = _again(layer.forward)
        setattr(layer, MARK, True)


def _again(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*arguments, **options)
        return checkpoint(forward, *arguments, use_reentrant=False, **options)

    return run
