"""One event loop for all samples of this process, on its own thread, so that callers can be ordinary synchronous
code.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Background:
    process: int
    loop: asyncio.AbstractEventLoop
    worker: ThreadPoolExecutor


_lock = threading.Lock()
_closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
_PATIENCE = 2.0  # seconds for one to close at the end of the process
_running: _Background | None = None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and wait for its result. If the waiting is interrupted, the coroutine is
    cancelled.
    """
    future = begin(work)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def begin(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Run a coroutine on the loop, and return at once; cancelling the future cancels the coroutine."""
    return asyncio.run_coroutine_threadsafe(work, _background().loop)


async def one_at_a_time(function: Callable[[], T]) -> T:
    """Run a function on the single thread for heavy work. A segmenter need not be thread-safe, and two calls at once
    would not be faster.
    """
    return await asyncio.get_running_loop().run_in_executor(_background().worker, function)


def close_at_exit(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Close a connection of the loop when the process ends."""
    if not _closers:
        atexit.register(_close_all)
    _closers.append(close)


def _close_all() -> None:
    if _running is None or _running.process != os.getpid():
        return
    for close in _closers:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(close(), _running.loop).result(_PATIENCE)


def _background() -> _Background:
    global _running
    with _lock:
        if _running is None or _running.process != os.getpid():  # threads do not survive a fork
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="agents", daemon=True).start()
            _running = _Background(os.getpid(), loop, ThreadPoolExecutor(1, "agents-segmenter"))
        return _running
