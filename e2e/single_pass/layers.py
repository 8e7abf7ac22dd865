"""What the layers of the stock models come down to in inference: the same numbers with fewer kernels.

transformers' own layers look up the kind of attention, build masks and record outputs at every layer, and make position
tables anew at each; in a small model, or on a GPU that waits for the next kernel, that takes longer than the numbers.
"""

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lean(module: Any) -> bool:
    """Whether a model of transformers may run this way: nothing wants its gradients or its attention weights."""
    return not torch.is_grad_enabled() and module.config._attn_implementation == "sdpa"


def adopt(module: nn.Module, kind: type[nn.Module]) -> None:
    """Give a module that transformers made the forward of `kind`, which is a subclass of its own class."""
    if not issubclass(kind, type(module)):
        raise TypeError(f"expected a subclass of {type(module).__name__}, got {kind.__name__}")
    module.__class__ = kind


def rms_norm(norm: Any, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Qwen's norm over the last dimension, rounded to the precision of `x` before it is scaled, as there.

    `weight`: in place of the norm's own, `[..., D]`; several norms of one width can so be one.
    """
    weight, eps = norm.weight if weight is None else weight, norm.variance_epsilon
    if x.device.type != "cpu":
        normed: Tensor = F.rms_norm(x, x.shape[-1:], None, eps)
        return normed.mul_(weight)
    # torch has no kernel for it on a CPU, and its own way there takes twice as long
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    scale = torch.addcmul(_constant(eps), length, length, value=1 / x.shape[-1]).rsqrt_()
    return (x * scale).to(x.dtype).mul_(weight)


@lru_cache
def _constant(value: float) -> Tensor:
    """A number as a tensor on the CPU: to make one at each layer takes as long as to use it."""
    return torch.tensor(value)


def rotary(frequencies: Tensor, dtype: torch.dtype, scaling: float = 1.0) -> tuple[Tensor, Tensor]:
    """Tables for `rotate_half` of angles `[..., d / 2]`: cosines and signed sines, `[..., d]`."""
    cosines, sines = frequencies.cos() * scaling, frequencies.sin() * scaling
    return torch.cat([cosines, cosines], -1).to(dtype), torch.cat([-sines, sines], -1).to(dtype)


def rotate_half(x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """`x: [..., d]` with its first half turned against its second by the angles of the tables."""
    cosines, sines = tables
    return x * cosines + x.roll(x.shape[-1] // 2, -1) * sines


def rotate_pairs(x: Tensor, turns: Tensor) -> Tensor:
    """`x: [..., d]` with each pair of neighbours turned as a complex number by `turns: [..., d / 2]`."""
    pairs = torch.view_as_complex(split(x.float(), -1, -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def split(x: Tensor, dim: int, *sizes: int) -> Tensor:
    """`x` with one dimension as several."""
    several: Tensor = x.unflatten(dim, sizes)  # type: ignore[no-untyped-call]
    return several


def heads(x: Tensor, count: int) -> Tensor:
    """`[B, L, heads * d]` as `[B, heads, L, d]`."""
    return split(x, -1, count, -1).transpose(1, 2)


def attend(layer: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """SAM3's attention layer, `[B, L, C]` each; `mask: [B, heads or 1, L, L']`, boolean or added to the weights."""
    count = layer.num_attention_heads
    parts = (heads(layer.q_proj(query), count), heads(layer.k_proj(key), count), heads(layer.v_proj(value), count))
    attended = F.scaled_dot_product_attention(*parts, attn_mask=mask, scale=layer.scaling)
    result: Tensor = layer.o_proj(attended.transpose(1, 2).flatten(2))
    return result


def mlp(layer: Any, x: Tensor) -> Tensor:
    """SAM3's two layers with an activation between them."""
    result: Tensor = layer.fc2(layer.activation_fn(layer.fc1(x)))
    return result
