"""`workbench watch`: how far a comparison is, and what each of its workers does."""

import argparse
import json
import os
import platform
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.data.numbers import clock, many

if TYPE_CHECKING:
    from workbench.data.progress import RunProgress, SystemProgress, WorkerProgress

SILENT = 120.0
"""Seconds after which a comparison on another machine counts as gone that writes at least four times a minute."""
_EVERY = 1.0


def add_watch(commands: Any) -> None:
    """Add the command's options."""
    watch = commands.add_parser("watch", help="show how far a comparison is, and what each worker does")
    watch.add_argument("run", type=Path, help="run folder")
    watch.add_argument("--once", action="store_true", help="show it once, and do not wait for the end")
    watch.add_argument("--json", action="store_true", help="print one JSON object a line, each time that it changes")
    watch.set_defaults(command=watch_run)


def watch_run(options: argparse.Namespace) -> int:
    """Show `progress.json` of a run folder until the comparison ends."""
    shown: object = None
    rewritten = not options.json and sys.stdout.isatty()
    while True:
        progress = read(options.run)
        state = state_of(progress)
        if (news := progress.model_copy(update={"updated": 0.0})) != shown:
            shown = news
            if options.json:
                print(json.dumps({**progress.to_json(), "state": state}), flush=True)
            else:
                print(("\x1b[H\x1b[J" if rewritten else "") + text(progress, time.time()), flush=True)
        if options.once or state not in ("starts", "runs"):
            return 0
        time.sleep(_EVERY)


def read(folder: Path) -> "RunProgress":
    """What the run folder says; raises `ConfigurationError` where it says nothing."""
    from workbench.data.progress import PROGRESS, RunProgress
    from workbench.runs.files import read_json

    path = folder / PROGRESS
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}: expected the --out of a comparison")
    if not path.exists():
        raise ConfigurationError(
            f"{folder} has no {PROGRESS}: no comparison was started there, or one of an earlier version, or it was "
            "joined by `workbench merge`"
        )
    return RunProgress.from_json(read_json(path), str(path))


def state_of(progress: "RunProgress") -> str:
    """`starts`, `runs`, `answered`, `stopped`, or `gone` where the process that wrote last is not there any more."""
    if progress.state not in ("starts", "runs"):
        return progress.state
    if progress.node == platform.node():
        try:
            os.kill(progress.process, 0)
        except ProcessLookupError:
            return "gone"
        except PermissionError:
            pass
        return progress.state
    return "gone" if time.time() - progress.updated > SILENT else progress.state


def text(progress: "RunProgress", now: float) -> str:
    """For people: a line for each system, with a line for each of its workers below it."""
    lines = []
    for system in progress.systems:
        lines.append(_system(system))
        lines += [f"    {_worker(worker, now)}" for worker in system.workers]
    match state_of(progress):
        case "starts":
            since = clock(now - datetime.fromisoformat(progress.started).timestamp())
            lines.append(f"it starts, since {since}: the benchmark is read, and each system is made once")
        case "answered":
            lines.append("all samples are answered")
        case "stopped":
            what = "all samples were answered: the same command goes on" if progress.systems else "anything was asked"
            lines.append(f"stopped before {what}")
        case "gone":
            lines.append(
                f"process {progress.process} on {progress.node} is gone; it wrote this {clock(now - progress.updated)} "
                "ago: the same command goes on"
            )
    return "\n".join(lines)


def _system(system: "SystemProgress") -> str:
    parts = [f"{system.done:,}/{many(system.total, 'sample')}"]
    if system.rate:
        parts.append(f"{system.rate:.3g}/s")
    if system.left and system.done < system.total:
        parts.append(f"{clock(system.left)} left")
    parts.append(f"{system.failed:,} failed")
    if system.cost is not None:
        left = f", about {system.cost_left:.4g} to come" if system.cost_left else ""
        parts.append(f"{system.cost:.4g} {system.currency} spent{left}")
    return f"{system.name}: {', '.join(parts)}"


def _worker(worker: "WorkerProgress", now: float) -> str:
    place = f"{worker.name} ({worker.device})" if worker.device else worker.name
    what = f"{worker.state} since {clock(max(0.0, now - worker.since))}"
    if worker.samples:
        more = "" if len(worker.samples) == 1 else f" and {len(worker.samples) - 1} more"
        what += f": {worker.samples[0]}{more}"
    return f"{place}: {what}; {worker.answered:,} answered"
