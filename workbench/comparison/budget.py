"""Stops a comparison when its answers have cost what they may."""

import threading
from collections.abc import Mapping, Sequence

from workbench.data.errors import StoppedError
from workbench.data.numbers import many
from workbench.data.predictions import Prediction
from workbench.data.prices import Prices
from workbench.runs.store import Store


class Budget:
    """Adds up what the answers of all systems cost: those that are stored, and those that `add` is told of.

    prices: without them, nothing is counted. most: what all may cost, in their currency; None: any. owners: the system
    whose price holds for another, as for its oracles, by name.
    """

    def __init__(
        self, prices: Prices | None, most: float | None, stores: Mapping[str, Store], owners: Mapping[str, str]
    ) -> None:
        self._prices, self._most, self._owners = prices, most, owners
        self._adding = threading.Lock()  # systems may work side by side
        self._spent: dict[str, float] = {}
        for name, store in stores.items():
            worked = [(one.seconds, one.tokens) for one in store.done.values()]
            worked += [(one.seconds, one.tokens) for one in store.repeats]
            self._spent[name] = sum(self._price(name, seconds, *tokens) for seconds, tokens in worked)

    @property
    def spent(self) -> float:
        """What all answers have cost."""
        return sum(self._spent.values())

    def of(self, system: str) -> tuple[float, str] | None:
        """What the answers of a system have cost, and in which currency; None without prices."""
        return None if self._prices is None else (self._spent[system], self._prices.currency)

    def add(self, system: str, seconds: float, predictions: Sequence[Prediction]) -> None:
        """Count answers that a system took so many seconds for."""
        read, written = (sum(one.tokens[side] for one in predictions) for side in (0, 1))
        with self._adding:
            self._spent[system] += self._price(system, seconds, read, written)

    def check(self, system: str, done: int, samples: int) -> None:
        """Raise `StoppedError` where the budget is spent; `done` of the `samples` of a system are answered."""
        if self._prices is None or self._most is None or self.spent < self._most:
            return
        currency = self._prices.currency
        raise StoppedError(
            f"the budget of {self._most:g} {currency} is spent ({self.spent:.4g} {currency}; {system} has answered "
            f"{done} of {many(samples, 'sample')}). All answers are kept: the same command with a larger --budget goes "
            "on, and with --limit N and without --budget it compares the first N samples"
        )

    def _price(self, system: str, seconds: float, tokens_in: int, tokens_out: int) -> float:
        if self._prices is None:
            return 0.0
        return self._prices.of(self._owners.get(system, system)).of(seconds, tokens_in, tokens_out)
