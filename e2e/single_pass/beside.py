"""Runs one part of an answer beside the others, on a second stream of a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")


@contextmanager
def beside(part: Callable[[], T], device: torch.device) -> Iterator[Callable[[], T]]:
    """While the block runs, `part` runs too; what is yielded has the block wait for it and returns what it returned.

    Its kernels are queued on a stream of their own before the block begins. On a CPU `part` runs when it is waited for,
    with all threads: a second thread for it was slower, since both take turns with Python's lock at each small kernel.
    """
    if device.type != "cuda":
        yield part
        return
    own, other = torch.cuda.current_stream(device), torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    other.wait_stream(own)
    with torch.cuda.stream(other):
        result = part()

    def joined() -> T:
        own.wait_stream(other)
        return result

    yield joined
