"""When a schedule is due: at each wall-clock time of its cron expression, once, also on days when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

_JUMP = timedelta(hours=3)
"""Longer than any single change of the clocks."""


class WallClock(BaseTrigger):  # type: ignore[misc]
    """Due whenever a wall clock in `timezone` shows a time of the cron expression.

    When clocks go forward, a time that does not exist is due as much later as the clocks were moved. When clocks go
    back, a time that exists twice is due the first time only. (The trigger of APScheduler skips the former and repeats
    the latter.) Raises `ValueError` for a wrong expression.
    """

    def __init__(self, cron: str, timezone: ZoneInfo) -> None:
        self._cron = CronTrigger.from_crontab(cron, UTC)  # of the wall's time, which it takes for UTC
        self.timezone = timezone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first due time that is not before `now` and is after the previous one; None where there is none."""
        start = now
        if previous_fire_time is not None:
            start = min(now, previous_fire_time + timedelta(microseconds=1))
        wall = start.astimezone(self.timezone).replace(tzinfo=UTC, fold=0) - _JUMP
        while (shown := self._cron.get_next_fire_time(None, wall)) is not None:
            due: datetime = shown.replace(tzinfo=self.timezone).astimezone(UTC)
            if due >= start and (previous_fire_time is None or due > previous_fire_time):
                return due.astimezone(self.timezone)
            wall = shown + timedelta(seconds=1)
        return None

    def __str__(self) -> str:
        return f"{self._cron} in {self.timezone}"
