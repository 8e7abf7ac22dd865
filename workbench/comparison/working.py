"""Lets all systems of a comparison work: one after the other, or side by side where their workers have room."""

import queue
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from workbench.comparison.asking import InterruptedByOthers, Job, Means, ask
from workbench.workers.crew import Team

_LOOK = 0.5
"""Seconds between two looks at whether another system has room."""
_PATIENCE = 10.0
"""Seconds in which what is being stored is stored, after Ctrl-C."""


def work(jobs: Sequence[Job], team: Team, means: Means) -> None:
    """Ask all systems for the samples that they have not answered; raises as `workbench.comparison.asking.ask`."""
    unfinished = []
    for job in jobs:
        if job.todo(means.patience):
            unfinished.append(job)
        else:
            print(f"{job.name}: all {len(job.samples)} predictions are there", file=sys.stderr)
    if team.side_by_side:
        _side_by_side(unfinished, team, replace(means, alone=len(unfinished) < 2))
    else:
        for job in unfinished:
            _work(job, team, means)


def _work(job: Job, team: Team, means: Means) -> None:
    todo = job.todo(means.patience)
    means.money.check(job.name, len(job.samples) - len(todo), len(job.samples))
    crew = team.crew(job.plan, job.about, job.samples, len(todo), job.store.folder)
    try:
        ask(job, crew, todo, means)
    finally:
        crew.close()


def _side_by_side(jobs: Sequence[Job], team: Team, means: Means) -> None:
    """Each system in a thread of its own. The first error ends the others too, after what is handed out."""
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run(job: Job) -> None:
        try:
            _work(job, team, means)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    waiting, running = deque(jobs), 0
    threads = []
    errors: list[BaseException] = []
    try:
        while waiting or running:
            while waiting and not errors and (not running or team.fits(waiting[0].plan)):
                threads.append(threading.Thread(target=run, args=(waiting.popleft(),), daemon=True))
                threads[-1].start()
                running += 1
            try:
                error = ended.get(timeout=_LOOK)
            except queue.Empty:
                continue
            running -= 1
            if error is not None and not isinstance(error, InterruptedByOthers):
                errors.append(error)
                means.stop.set()
            if errors:
                waiting.clear()
    except BaseException:  # Ctrl-C: nothing is waited for but what is being stored
        means.at_once.set()
        for thread in threads:
            thread.join(_PATIENCE)
        raise
    if errors:
        raise errors[0]
