"""Progress of a long run on stderr: one line rewritten on a terminal, a plain line every few seconds elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from workbench.data.numbers import clock, many
from workbench.data.plain import plain

RECENT, FEW = 60.0, 20
"""Seconds, and samples, that a rate is of at least."""


class Progress:
    """Counts samples of one system: done, rate, time left, failures.

    `done` samples, `failed` of them, were there before; the rate counts the new ones only, of the last minute or, where
    those are fewer, the last twenty. `now` in seconds.
    `alone`: whether no other line is rewritten at the same time.
    """

    def __init__(
        self,
        label: str,
        total: int,
        done: int = 0,
        failed: int = 0,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
        alone: bool = True,
    ) -> None:
        self.label, self.total, self.done, self.failed = label, total, done, failed
        self._stream = stream or sys.stderr
        self._write = getattr(self._stream, "control", self._stream.write)  # its own sequences pass a plain output
        self._terminal = alone and self._stream.isatty()
        self._interval = 0.2 if self._terminal else 5.0
        self._clock = now
        self._shown = now()
        self._new = 0
        self._counts = deque([(self._shown, 0)])
        """Times at which samples were counted, and how many were new then; the rate begins with the first."""
        self._last: int | None = None

    def add(self, samples: int, failed: int) -> None:
        """Count finished samples, and show the line when it is time to."""
        self.done += samples
        self._new += samples
        self.failed += failed
        self._count()
        if self._clock() - self._shown >= self._interval:
            self._show()

    def begin(self) -> None:
        """A worker is ready: the rate begins here, where nothing was counted yet."""
        if not self._new:
            self._counts = deque([(self._clock(), 0)])

    def close(self) -> None:
        """Show the final state, unless it was the last thing shown."""
        if self._last != self.done:
            self._show()
        if self._terminal:
            self._write("\n")

    @property
    def rate(self) -> float | None:
        """New samples a second; None before the first."""
        begun, before = self._counts[0]
        elapsed, new = self._clock() - begun, self._new - before
        return new / elapsed if new and elapsed > 0 else None

    def line(self) -> str:
        """`label: 12/240 samples, 3.1/s, 1:14 left, 2 failed`"""
        parts = [f"{self.done}/{many(self.total, 'sample')}"]
        if rate := self.rate:
            parts += [f"{rate:.1f}/s", f"{clock((self.total - self.done) / rate)} left"]
        return f"{self.label}: {', '.join([*parts, f'{self.failed} failed'])}"

    def _count(self) -> None:
        now = self._clock()
        self._counts.append((now, self._new))
        while len(self._counts) > 2 and now - self._counts[1][0] >= RECENT and self._new - self._counts[1][1] >= FEW:
            self._counts.popleft()

    def _show(self) -> None:
        self._shown, self._last = self._clock(), self.done
        end = "\x1b[K" if self._terminal else "\n"
        self._write(("\r" if self._terminal else "") + plain(self.line()) + end)
        self._stream.flush()
