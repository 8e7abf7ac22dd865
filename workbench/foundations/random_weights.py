"""Writes a checkpoint of any size with random weights, a shard at a time: the memory it takes is that of one shard."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SHARD = 2**30
"""Bytes of a file of weights, about."""
STD = 0.02
Edit = Callable[[str, Tensor], None]
"""Changes a tensor in place, by its name, before it is written."""


def write_weights(model: Any, folder: Path, dtype: torch.dtype, seed: int = 0, edit: Edit | None = None) -> int:
    """Write `model.safetensors`, or shards and their index, for a transformers model that was made on the device
    `meta`; returns the bytes of the tensors.

    Matrices and embeddings are normal with standard deviation 0.02, scales of norms are 1, biases 0. A tensor that is
    tied to another is left out, as `save_pretrained` does.
    """
    tied = _tied(model)
    shapes = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    sizes = {name: _bytes(tensor, dtype) for name, tensor in shapes.items()}
    shards = list(_shards(sizes))
    generator = torch.Generator().manual_seed(seed)
    where: dict[str, str] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, names in enumerate(shards, 1):
        file = "model.safetensors" if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write({name: _random(name, shapes[name], dtype, generator, edit) for name in names}, folder / file)
        where |= dict.fromkeys(names, file)
    total = sum(sizes.values())
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return total


def _tied(model: Any) -> set[str]:
    tied = getattr(model, "_tied_weights_keys", None) or {}
    return set(tied) if getattr(model.config, "tie_word_embeddings", False) else set()


def _bytes(tensor: Tensor, dtype: torch.dtype) -> int:
    return tensor.numel() * (dtype if tensor.is_floating_point() else tensor.dtype).itemsize


def _shards(sizes: dict[str, int]) -> Iterator[list[str]]:
    names: list[str] = []
    filled = 0
    for name, size in sizes.items():
        if names and filled + size > SHARD:
            yield names
            names, filled = [], 0
        names.append(name)
        filled += size
    yield names


def _random(name: str, like: Tensor, dtype: torch.dtype, generator: torch.Generator, edit: Edit | None) -> Tensor:
    if not like.is_floating_point():
        tensor = torch.arange(like.numel(), dtype=like.dtype).reshape(like.shape)  # positions
    elif name.endswith("bias"):
        tensor = torch.zeros(like.shape, dtype=dtype)
    elif like.dim() == 1 and math.prod(like.shape) > 1:
        tensor = torch.ones(like.shape, dtype=dtype)
    else:
        tensor = torch.empty(like.shape, dtype=dtype).normal_(std=STD, generator=generator)
    if edit:
        edit(name, tensor)
    return tensor


def _write(tensors: dict[str, Tensor], file: Path) -> None:
    from safetensors.torch import save_file

    save_file(tensors, file, metadata={"format": "pt"})
