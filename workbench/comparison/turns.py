"""Asks samples again, the systems in turns, to compare their times."""

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial

from workbench.comparison.asking import Job
from workbench.comparison.budget import Budget
from workbench.comparison.outages import Patience, Watch
from workbench.comparison.progress import Progress
from workbench.data.predictions import OK
from workbench.runs.checks import Repeat
from workbench.workers.answers import Answer, Options, answer
from workbench.workers.local import LocalTeam
from workbench.workers.making import check
from workbench.workers.worker import Worker


def repeat(turns: Sequence[Job], team: LocalTeam, options: Options, patience: Patience, money: Budget) -> None:
    """Ask the samples that all systems were timed on again, in turns, until each was asked `options.repeats` times. The
    answers are thrown away.
    """
    samples = turns[0].samples
    shared = [s for s in samples if all(job.store.done[s.sample_id].timed for job in turns)]
    if not shared:
        print("in turns: no sample has a time of every system, so none is asked again", file=sys.stderr)
        return
    asked = {job.name: Counter(one.sample_id for one in job.store.repeats) for job in turns}
    wanted = options.repeats * len(shared) * len(turns)
    done = sum(min(count[s.sample_id], options.repeats) for count in asked.values() for s in shared)
    if done == wanted:
        return
    systems = {job.name: team.system(job.name) for job in turns}
    watches = {name: Watch(name, partial(check, system), patience) for name, system in systems.items()}
    for job in turns:
        warm_up = Worker(job.name, systems[job.name], job.about, options).warm_up(shared)
        watches[job.name].after(warm_up.outage, left=len(shared))
    progress = Progress("in turns", wanted, done)
    try:
        for round_ in range(options.repeats):
            for sample in shared:
                for job in turns:
                    if asked[job.name][sample.sample_id] > round_:
                        continue
                    money.check(job.name, len(samples), len(samples))
                    (one,) = answer(systems[job.name], [sample], options)
                    job.store.add_repeat(_repeat_of(one))
                    money.add(job.name, one.seconds, [one.prediction])
                    progress.add(1, one.prediction.outcome != OK)
                    watches[job.name].after([one.prediction], left=progress.total - progress.done)
    finally:
        progress.close()


def _repeat_of(one: Answer) -> Repeat:
    """What is kept of the answer to a sample that was asked again."""
    answered = one.prediction
    times = (answered.latency, answered.processor, answered.waited)
    return Repeat(answered.sample_id, *times, one.seconds, answered.tokens)
