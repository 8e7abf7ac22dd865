"""What a run does when a server or other infrastructure fails: it pauses, longer each time, and then stops. It does not
continue with the remaining samples, which would all fail.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.data.errors import ConfigurationError, OutageError
from workbench.data.outages import is_outage
from workbench.data.predictions import Prediction
from workbench.plugins.interfaces import Checkable, System

STOP_AFTER = 5
"""Failures of the infrastructure in a row after which a run stops."""
LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Patience:
    """How long failures of the infrastructure are borne.

    `stop_after`: the run stops after this many such failures in a row. `keep_failed`: a continued run does not ask
    samples again that failed because of a server. `pause`: seconds after the first failure, doubled with each further
    one up to `LONGEST_PAUSE`. `sleep`: the function that waits.
    """

    stop_after: int = STOP_AFTER
    keep_failed: bool = False
    pause: float = 2.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.stop_after < 1:
            raise ConfigurationError(f"--stop-after must be at least 1, got {self.stop_after}")


def check(system: System) -> None:
    """Ask a system whether it can work at all; raises `ConfigurationError` with the reason where it cannot."""
    if isinstance(system, Checkable):
        system.check()


class Watch:
    """Counts, over the batches of one system, how many failures of its infrastructure came in a row."""

    def __init__(self, name: str, system: System, patience: Patience) -> None:
        self.name, self._system, self._patience = name, system, patience
        self._in_a_row = 0

    def after(self, predictions: Sequence[Prediction], left: int) -> None:
        """Record the outcome of a batch; `left` samples are still to come. Where every answer of the batch is a failure
        of the infrastructure, pause until the system says that it can work.

        Raises `OutageError` for the last of `stop_after` failures in a row.
        """
        failed = [prediction for prediction in predictions if is_outage(prediction)]
        if len(failed) < len(predictions) or not failed:
            self._in_a_row = 0
            return
        reason = failed[-1].message
        while reason:
            reason = self._failed(reason, left)

    def _failed(self, reason: str, left: int) -> str:
        """Pause after a failure. Returns why the system still cannot work; empty where it can, or where that is not
        known.
        """
        self._in_a_row += 1
        if self._in_a_row >= self._patience.stop_after:
            times = f"{self._in_a_row} times in a row" if self._in_a_row > 1 else "once"
            raise OutageError(f"{self.name}: stopped, because the infrastructure failed {times}: {reason}")
        if not left:
            return ""
        pause = min(self._patience.pause * 2 ** (self._in_a_row - 1), LONGEST_PAUSE)
        print(f"\n{self.name}: pauses for {pause:g} s: {reason}", file=sys.stderr)
        self._patience.sleep(pause)
        try:
            check(self._system)
        except ConfigurationError as error:
            return str(error)
        return ""
