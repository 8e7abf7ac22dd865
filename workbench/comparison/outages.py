"""What a run does when the infrastructure fails: it pauses, longer each time, and then stops instead of going through
all samples without an answer."""

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
    """`stop_after`: failures of the infrastructure in a row after which the run stops. `keep_failed`: samples that
    failed for a server's sake are not asked again when the run is continued. `pause`: seconds after the first failure,
    doubled with each further one up to `LONGEST_PAUSE`; `sleep` waits so long."""

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
    """Counts the failures of one system's infrastructure that came in a row, over the batches it was asked."""

    def __init__(self, name: str, system: System, patience: Patience) -> None:
        self.name, self._system, self._patience = name, system, patience
        self._in_a_row = 0

    def after(self, predictions: Sequence[Prediction], left: int) -> None:
        """Note how a batch went, of which `left` samples are to come; pauses where nothing but the infrastructure's
        failures came back, until the system says that it can work.

        Raises `OutageError` where that is the last of `stop_after` in a row.
        """
        failed = [prediction for prediction in predictions if is_outage(prediction)]
        if len(failed) < len(predictions) or not failed:
            self._in_a_row = 0
            return
        reason = failed[-1].message
        while reason:
            reason = self._failed(reason, left)

    def _failed(self, reason: str, left: int) -> str:
        """Pause for a failure; returns why the system still cannot work, empty where it can, or may."""
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
