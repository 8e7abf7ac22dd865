"""What a run does when a server or other infrastructure fails: it pauses, longer each time, and then stops. It does not
continue with the remaining samples, which would all fail.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.data.errors import ConfigurationError, OutageError
from workbench.data.outages import is_outage
from workbench.data.predictions import Prediction

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


class Watch:
    """Counts, over the answers of one system, how many failures of its infrastructure came in a row. `check` asks the
    system whether it can work, and raises `ConfigurationError` where it cannot.
    """

    def __init__(self, name: str, check: Callable[[], None], patience: Patience) -> None:
        self.name, self._check, self._patience = name, check, patience
        self._in_a_row = 0
        self._paused = -math.inf

    def after(self, predictions: Sequence[Prediction], left: int, begun: float = math.inf) -> None:
        """Record the outcome of answers that came together; `left` samples are still to come. Where all of them are
        failures of the infrastructure, pause until the system says that it can work.

        `begun`: seconds of `time.monotonic` at which their samples were handed out. Of the samples that were open when
        a failure was counted, no other is: all of them met the same.

        Raises `OutageError` for the last of `stop_after` failures in a row.
        """
        failed = [prediction for prediction in predictions if is_outage(prediction)]
        if len(failed) < len(predictions) or not failed:
            self._in_a_row = 0
            return
        if begun < self._paused:
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
        self._paused = time.monotonic()
        try:
            self._check()
        except ConfigurationError as error:
            return str(error)
        return ""
