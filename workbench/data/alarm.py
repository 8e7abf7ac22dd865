"""Interrupts Python code that takes too long. Only the main thread of a process can be interrupted in this way."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def interrupted_after(seconds: float, error: type[BaseException]) -> Iterator[None]:
    """After this many seconds, interrupt the block by raising `error` in it. An alarm that was set before is set again
    at the end of the block.
    """

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise error

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
