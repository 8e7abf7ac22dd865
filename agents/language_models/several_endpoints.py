"""One model behind several servers: the least busy one gets the next request, and one that fails is left out for a
while.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.language_models.interface import LanguageModel, Message, PassingError, Reachable, Reply
from workbench.data.conditions import Conditions
from workbench.data.errors import ConfigurationError
from workbench.data.secrets import hide
from workbench.plugins.interfaces import HasConditions

FIRST_PAUSE = 2.0
"""Seconds for which a server is left out when it fails, doubled with each failure in a row."""
LONGEST_PAUSE = 60.0


@dataclass(eq=False)
class _Server:
    """`open`: its requests; `failed`: in a row; `back`: when it is asked again, by the clock."""

    address: str
    model: LanguageModel
    open: int = 0
    failed: int = 0
    back: float = 0.0


class SeveralEndpoints:
    """Servers of the same model, by address. Each takes its `concurrency` of requests at once.

    A request that fails for a passing reason (refused, broken off, busy) goes to the next server at once; where it has
    failed at all of them, the last failure is raised, and whoever asks decides whether to wait. A server that fails, or
    whose request is given up because it takes too long, is left out for `FIRST_PAUSE` seconds, twice as long with each
    further failure in a row; then it is tried again. Where all are left out, the one that is due first is asked.

    clock: seconds.
    """

    def __init__(
        self, servers: Sequence[tuple[str, LanguageModel]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._servers = [_Server(address, model) for address, model in servers]
        self._clock = clock
        self.concurrency = sum(model.concurrency for _, model in servers)

    def identity(self) -> dict[str, Any]:
        """That of one server: which of them answered does not matter."""
        return self._servers[0].model.identity()

    def conditions(self) -> Conditions:
        """Those of one server."""
        model = self._servers[0].model
        return model.conditions() if isinstance(model, HasConditions) else Conditions()

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """The reply of the least busy server that answers."""
        tried: list[_Server] = []
        while True:
            server = self._next(tried)
            tried.append(server)
            server.open += 1
            try:
                reply = await server.model.complete(messages, max_tokens)
            except PassingError as error:
                self._leave_out(server, str(error), error.wait)
                if len(tried) == len(self._servers):
                    raise
            except asyncio.CancelledError:
                self._leave_out(server, "a request took too long")
                raise
            else:
                server.failed = 0
                return reply
            finally:
                server.open -= 1

    async def check(self) -> None:
        """Ask each server once. Raises `ConfigurationError` where none of them can answer; others are left out."""
        asked = [one.model.check() for one in self._servers if isinstance(one.model, Reachable)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        problems = [error for error in found if isinstance(error, BaseException)]
        for error in problems:
            if not isinstance(error, ConfigurationError):
                raise error
        if len(problems) == len(self._servers):
            raise ConfigurationError("; and ".join(map(str, problems)))
        for server, answer in zip(self._servers, found, strict=True):
            if isinstance(answer, ConfigurationError):
                self._leave_out(server, str(answer))
            else:
                server.failed, server.back = 0, 0.0

    def _next(self, tried: Sequence[_Server]) -> _Server:
        """The server for a request that failed at these."""
        left = [server for server in self._servers if server not in tried]
        there = [server for server in left if server.back <= self._clock()]
        return min(there, key=lambda one: one.open) if there else min(left, key=lambda one: one.back)

    def _leave_out(self, server: _Server, why: str, wait: float | None = None) -> None:
        if server.back > self._clock():
            return  # by another request that was open at the same time
        pause = min(FIRST_PAUSE * 2**server.failed, LONGEST_PAUSE)
        if not server.failed:
            print(hide(f"agent: endpoint {server.address} is left out: {why}"), file=sys.stderr)
        server.failed += 1
        server.back = self._clock() + max(pause, wait or 0.0)
