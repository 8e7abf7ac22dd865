"""Runs one part of an answer beside the others: on a second stream of a GPU, or in a second thread of a CPU."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")


@contextmanager
def beside(part: Callable[[], T], device: torch.device) -> Iterator[Callable[[], T]]:
    """While the block runs, `part` runs too; what is yielded waits for it, once, and returns what it returned.

    On a GPU its kernels are queued on a stream of their own before the block begins. On a CPU each of the two has half
    of torch's threads until it has been waited for; where torch has one thread only, `part` runs first.
    """
    if device.type == "cuda":
        own, other = torch.cuda.current_stream(device), torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        other.wait_stream(own)
        with torch.cuda.stream(other):
            result = part()

        def joined() -> T:
            own.wait_stream(other)
            return result

        yield joined
        return
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads < 2:
        done = part()
        yield lambda: done
        return

    def run() -> T:
        torch.set_num_threads(threads // 2)
        with torch.inference_mode():
            return part()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        torch.set_num_threads(threads - threads // 2)

        def waited() -> T:
            found = running.result()
            torch.set_num_threads(threads)
            return found

        try:
            yield waited
        finally:
            running.exception()  # the pool waits for it in any case
            torch.set_num_threads(threads)
