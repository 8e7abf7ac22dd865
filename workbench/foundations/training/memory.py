"""What a training needs of a device's memory, told before the first step: it stops there, with advice, and not after an
hour by a kill.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from workbench.data.errors import ConfigurationError
from workbench.foundations.training.recomputing import MARK
from workbench.foundations.training.sharding import is_sharded, own_part
from workbench.foundations.training.state import trained_parameters

GIB = 2**30
MOMENTS = 2
"""Numbers that AdamW keeps of each one that trains."""


@dataclass(frozen=True)
class Needed:
    """Bytes of a training in one process: of what is loaded, of the `gradients`, of the `optimizer`'s moments, and what
    one pass keeps for its way back (`activations`); `other` is what the process has beside them. `room` is what the
    device has for it. It is the least: what a backward pass needs for a moment comes on top.
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    other: int
    room: int

    @property
    def total(self) -> int:
        """All of it together."""
        return self.parameters + self.gradients + self.optimizer + self.activations + self.other

    def __str__(self) -> str:
        names = ("parameters", "gradients", "optimizer", "activations", "other")
        parts = ", ".join(f"{name} {getattr(self, name) / GIB:.2f}" for name in names)
        return f"{parts}: together {self.total / GIB:.2f} of {self.room / GIB:.2f} GiB"


class _FullError(Exception):
    pass


def _no_way_back(_: object) -> Tensor:
    raise AssertionError("only the way there is estimated")


def check_memory(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    once: Callable[[], object],
    device: torch.device,
    options: Mapping[str, Any],
) -> Needed:
    """Estimate and print what a training needs, from one forward pass `once()`, whose random numbers are drawn again
    afterwards. `options`: those of the recipe, for the advice.

    Raises `ConfigurationError` where it does not fit, as soon as that is known, and before any step.
    """
    parameters = sum(_bytes(parameter) for parameter in model.parameters())
    trained = [own_part(parameter) for parameter in trained_parameters(model, optimizer).values()]
    gradients = sum(_bytes(parameter) for parameter in trained)
    has, room = _in_use(device), _room(device)
    other = max(0, has - parameters)
    fixed = parameters + gradients + MOMENTS * gradients + other

    def needed(activations: int) -> Needed:
        return Needed(parameters, gradients, MOMENTS * gradients, activations, other, room)

    weights = {own_part(parameter).untyped_storage().data_ptr() for parameter in model.parameters()}
    kept = _Kept(weights, room - fixed, any(map(is_sharded, model.parameters())))
    try:
        if kept.limit >= 0:
            with torch.random.fork_rng([device] if device.type == "cuda" else []), kept.counted(model):
                once()
        if kept.bytes > kept.limit:
            raise _FullError
    except (_FullError, torch.OutOfMemoryError):
        found = needed(kept.bytes)
        raise ConfigurationError(
            f"the training does not fit into the memory of {device}: at least {found}. {_advice(options, found)}"
        ) from None
    found = needed(kept.bytes)
    print(f"memory on {device}: {found}", file=sys.stderr, flush=True)
    return found


class _Kept:
    """The bytes that autograd would keep, each storage once. Nothing is kept: there is no way back."""

    def __init__(self, known: set[int], limit: int, sharded: bool) -> None:
        self.known, self.limit, self.sharded, self.bytes = known, limit, sharded, 0
        self._seen: dict[int, Any] = {}
        self._whole: list[torch.UntypedStorage] = []

    def add(self, tensor: Tensor) -> None:
        """Count what a tensor stands on, unless it is known."""
        storage = own_part(tensor).untyped_storage()
        address = storage.data_ptr()
        if address in self.known or (address in self._seen and not self._seen[address].expired()):
            return
        self._seen[address] = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        if self.sharded:  # a layer that is whole for a moment has no bytes afterwards
            self._whole.append(storage)
            return
        self.bytes += storage.nbytes()
        if self.bytes > self.limit:
            raise _FullError

    @contextmanager
    def counted(self, model: nn.Module) -> Iterator[None]:
        """A block in which what is kept is counted; of layers that are computed again, what goes into them."""
        layers = [module for module in model.modules() if hasattr(module, MARK)]
        handles = [layer.register_forward_pre_hook(self._enters, with_kwargs=True) for layer in layers]
        try:
            with torch.autograd.graph.saved_tensors_hooks(self.add, _no_way_back):
                yield
            self.bytes += sum(storage.nbytes() for storage in self._whole)
        finally:
            self._whole.clear()
            for handle in handles:
                handle.remove()

    def _enters(self, _: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        for argument in (*arguments, *options.values()):
            if isinstance(argument, Tensor):
                self.add(argument)


def _advice(options: Mapping[str, Any], needed: Needed) -> str:
    images, said = options.get("images", options.get("scenes", 1)), []
    if needed.activations * 4 > needed.total:
        if not options.get("checkpointing"):
            said.append("checkpointing: true keeps only what goes into each layer")
        if isinstance(images, int) and images > 1:
            said.append(f"images: 1 with accumulate: {images * options.get('accumulate', 1)} is the same batch")
        if options.get("conversations", 1) > 1:
            said.append("fewer conversations of a picture")
    if needed.gradients * 4 > needed.parameters:
        said.append("lora_rank: 64 or a longer list `frozen` leaves less to train")
        said.append("fsdp: true with several processes leaves each a part")
    return f"What helps: {'; '.join(said)}." if said else "A device with more memory, or a smaller model, is needed."


def _bytes(tensor: Tensor) -> int:
    part = own_part(tensor)
    return part.numel() * part.element_size()


def _in_use(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    pages = _read("/proc/self/statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _room(device: torch.device) -> int:
    """Bytes that this process can have in all, what it has included."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device)
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return _available() // beside + _in_use(device)


def _available() -> int:
    """Bytes of memory that are free on this machine, or left of what its container may use."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    lines = dict(line.split(":", 1) for line in _read("/proc/meminfo").splitlines() if ":" in line)
    if "MemAvailable" in lines:
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    limit, used = (_read(f"/sys/fs/cgroup/memory.{name}").strip() for name in ("max", "current"))
    if limit.isdigit() and used.isdigit():
        found.append(max(0, int(limit) - int(used)))
    return min(found)


def _read(file: str) -> str:
    """A file of the system, empty where it has none."""
    path = Path(file)
    return path.read_text(encoding="utf-8") if path.exists() else ""
