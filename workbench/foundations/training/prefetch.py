"""Makes training batches in advance, in processes of their own."""

import copy
import itertools
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")
M = TypeVar("M", bound=nn.Module)


class _Made(Dataset[bytes], Generic[T]):
    def __init__(self, make: Callable[[int], T]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> bytes:
        # as bytes: a tensor would be a shared file of its own, and a batch can have hundreds
        return pickle.dumps(self.make(number), protocol=pickle.HIGHEST_PROTOCOL)


def ahead(make: Callable[[int], T], first: int, workers: int) -> Iterator[T]:
    """Yields `make(first)`, `make(first + 1)`, ...: made in this process on request, or in advance by `workers`
    processes.

    The result of `make` must depend on the number alone, and `make` must not use a GPU. An error in a worker is raised
    here and ends the iteration.
    """
    if not workers:
        yield from map(make, itertools.count(first))
        return
    loader: DataLoader[bytes] = DataLoader(
        _Made(make),
        batch_size=None,
        sampler=range(first, sys.maxsize),
        num_workers=workers,
        prefetch_factor=4,
        generator=torch.Generator(),  # or the seeds of the workers would be drawn from the training's own
    )
    for made in loader:
        yield pickle.loads(made)


def weightless(model: M, *kept: Tensor) -> M:
    """A copy of a model that can make batches for it, on the CPU, but has no weights beside those of its parameters
    that are to be `kept`."""
    memo: dict[int, Any] = {id(one): nn.Parameter(one.detach().to("meta"), False) for one in model.parameters()}
    memo |= {id(one): nn.Parameter(one.detach().cpu().clone(), False) for one in kept}
    return copy.deepcopy(model, memo)
