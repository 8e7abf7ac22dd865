"""Layers whose weights lie in parts on several devices (FSDP, torch's `fully_shard`): each device holds its part of
them, their gradients and the optimiser's moments, and has a layer whole only while that layer computes.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def shard(layers: Iterable[nn.Module], device: torch.device, count: int) -> None:
    """Leave each of `count` processes its part of these layers' weights, in place. Collective. Every layer has to run
    in every process in each pass, or the others wait for it for ever."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (count,))
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)


def is_sharded(tensor: Tensor) -> bool:
    """Whether only a part of a tensor is in this process."""
    return hasattr(tensor, "full_tensor")


def own_part(tensor: Tensor) -> Tensor:
    """The part of a tensor that is in this process; all of one that is not sharded."""
    some: Any = tensor
    part: Tensor = some.to_local() if is_sharded(tensor) else some
    return part


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor; collective for a sharded one."""
    some: Any = tensor
    full: Tensor = some.full_tensor() if is_sharded(tensor) else some
    return full


def like(full: Tensor, other: Tensor) -> Tensor:
    """A copy of a whole tensor, on the device of another one and in parts where that one is; collective then."""
    if not is_sharded(other):
        return full.to(other.device, copy=True)
    from torch.distributed.tensor import distribute_tensor

    sharded: Any = other
    parts: Tensor = distribute_tensor(full.to(other.device), sharded.device_mesh, sharded.placements)
    return parts


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """A block in which each process has all weights, so that one of them can run the model alone. Collective at both
    ends."""
    sharded: Sequence[Any] = [module for module in model.modules() if hasattr(module, "set_reshard_after_forward")]
    for module in sharded:
        module.unshard()
        module.set_reshard_after_forward(False)
    try:
        yield
    finally:
        for module in sharded:
            module.set_reshard_after_forward(True)
            module.reshard()
