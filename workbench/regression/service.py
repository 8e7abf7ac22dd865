"""The long-running service of a schedule: waits until a comparison is due and runs it in a process of its own.

A comparison that crashes or runs out of memory therefore stops nothing else, and each comparison uses the code as it is
when it starts. `attempt` says what one comparison does.
"""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.regression.attempt import say
from workbench.regression.history import history, started, unfinished
from workbench.regression.schedule import Schedule
from workbench.runs.files import check_writable, lock

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger


def serve(config: Path, schedule: Schedule, trigger: "BaseTrigger | None" = None) -> None:
    """Run comparisons when they are due, until interrupted. An interruption stops the running comparison, which can be
    continued.

    An unfinished comparison is continued at once. If due times were missed, one comparison makes up for all of them.
    `trigger` replaces the schedule's own. Raises `ConfigurationError` where another process serves this schedule.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    residence = schedule.folder / "scheduler"  # with a lock of its own: comparisons lock the folder above
    check_writable(residence)
    trigger = trigger or schedule.trigger()
    scheduler = BackgroundScheduler(timezone=schedule.timezone, executors={"default": ThreadPoolExecutor(1)})
    child = _Child([sys.executable, "-m", "workbench", "schedule", str(config), "--once"])

    def comparison() -> None:
        code = child.run()
        if code is not None:
            # not asked of the scheduler: while it shuts down it waits for this function, with its lock held
            due = trigger.get_next_fire_time(None, datetime.now(schedule.timezone))
            say(schedule, f"{OUTCOMES.get(code, f'ended with exit code {code}')}; next {_shown(due)}")

    with lock(residence):
        left = unfinished(schedule)
        if left:
            scheduler.add_job(comparison, misfire_grace_time=None)
        due = _first_due(schedule, trigger, _since(residence))
        scheduler.add_job(
            comparison,
            trigger,
            next_run_time=due,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        begin = "continues what was interrupted; then " if left else ""
        say(schedule, f"{begin}next {_shown(due)}")
        try:
            scheduler.start()
            threading.Event().wait()  # its own thread would take an interrupt for a failure to start a comparison
        finally:
            child.stop()
            if scheduler.running:
                scheduler.shutdown()


OUTCOMES = {
    0: "done",
    1: "done, and something got worse",
    2: "not started: wrong configuration, or another process is at it",
    3: "done, but the report, the index or the tracking failed",
    4: "failed",
    5: "stopped by the disk or a server; the next one continues it",
    130: "stopped",
}


class _Child:
    """The process of the running comparison. After `stop`, no further process is started."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> int | None:
        """Its exit code, or None where it was not started."""
        with self._lock:
            if self._stopped:
                return None
            # in a session of its own, so that Ctrl-C reaches it once: through `stop`
            self._process = subprocess.Popen(self._command, start_new_session=True)
        return self._process.wait()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()


def _since(residence: Path) -> datetime:
    """When the schedule was first served; the present time where that is not known."""
    path = residence / "since"
    now = datetime.now(UTC)
    try:
        since = datetime.fromisoformat(path.read_text(encoding="utf-8"))
        return min(since if since.tzinfo else since.replace(tzinfo=UTC), now)
    except (OSError, ValueError):
        path.write_text(now.isoformat(), encoding="utf-8")
        return now


def _first_due(schedule: Schedule, trigger: "BaseTrigger", since: datetime) -> datetime | None:
    """The first due time after the last comparison. If it is past, one comparison makes up for all that were missed.

    A comparison whose recorded start lies in the future, as after a wrong clock, is ignored.
    """
    now = datetime.now(UTC)
    names = [*(record["name"] for record in history(schedule)), *(folder.name for folder in unfinished(schedule))]
    known = [when for name in names if (when := started(name)) <= now]
    last = max(known, default=since).astimezone(schedule.timezone)
    due: datetime | None = trigger.get_next_fire_time(last, last)
    return due


def _shown(due: datetime | None) -> str:
    return f"{due:%Y-%m-%d %H:%M:%S %Z}" if due else "never"
