"""Runs systems over a benchmark and stores their predictions in a run folder.

Latency mode gives a system one sample at a time and times each answer, from the image in memory to the masks.
Throughput mode gives it `batch_size` samples at once, or as many as it answers side by side; single answers then have
no latency. In both modes a first answer is made and thrown away (warm-up).
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.comparison.asking import Job, Means
from workbench.comparison.board import Board
from workbench.comparison.budget import Budget
from workbench.comparison.choice import chosen
from workbench.comparison.outages import Patience
from workbench.comparison.turns import repeat
from workbench.comparison.working import work
from workbench.data.choices import Choice
from workbench.data.conditions import Conditions
from workbench.data.digests import digest
from workbench.data.errors import ConfigurationError
from workbench.data.prices import Prices
from workbench.data.remarks import remark_lines
from workbench.data.samples import Sample
from workbench.data.shards import Shard
from workbench.plugins import registry
from workbench.plugins.interfaces import Benchmark, HasRemarks, System
from workbench.plugins.names import unknown
from workbench.runs.checks import read_sessions
from workbench.runs.digests import ImageDigests
from workbench.runs.files import check_writable, held
from workbench.runs.inputs import manifest_in, write_inputs
from workbench.runs.store import Store
from workbench.scoring.oracles import DERIVED, unavailable
from workbench.workers.answers import Mode, Options
from workbench.workers.crew import Team
from workbench.workers.local import LocalTeam
from workbench.workers.making import About, Plan
from workbench.workers.wanted import Workers, check_repeats
from workbench.workers.worker import at_once, streams


def run(
    systems: Mapping[str, Callable[[], System]],
    make_benchmark: Callable[[], Benchmark],
    out: Path,
    *,
    limit: int | None = None,
    mode: Mode = "latency",
    seed: int = 0,
    time_limit: float | None = None,
    oracles: bool | Sequence[str] = False,
    settings: Mapping[str, Any] | None = None,
    patience: Patience | None = None,
    repeats: int = 0,
    prices: Prices | None = None,
    budget: float | None = None,
    shard: Shard | None = None,
    sample: Choice = "first",
    workers: Workers | None = None,
) -> None:
    """Predict the samples of a benchmark with every system, and store the predictions in the run folder `out`.

    `systems` maps a name to a function that makes the system. The benchmark is made first, so that a missing file is
    reported before models load for minutes. Then each system is made once, the last one first, to see that it can be
    made, what it is, whether the contents of `out` are its own, and, if it is `Checkable`, whether it
    can work; its models are let go of before the next is made. After that the systems work one after the other, and a
    system is made again when it is its turn, which has to give the same identity. The models of only one system are in
    memory at any time. A sample that has its prediction is not asked again, unless it failed because of a server and
    `patience` says to ask such samples again.

    `workers`: processes that make and ask the systems in place of this one, see `workbench.workers`; then systems work
    side by side where the resources allow it.

    `repeats`: then all systems stay in memory, and are asked each sample again so many times, in turns (the first
    system about a sample, the second about the same sample, ...): a busy moment of the machine meets all of them.

    `prices` are recorded for the scores. `budget`: what the answers of all systems may cost by these prices; what is
    asked again in turns, and what failed before, costs as well.

    `shard`: only this part of the samples is asked.

    `oracles`: for each part, or for the parts given here, a system also runs with that part replaced by the truth. For
    the other options see `Options`. `settings` are only recorded in the manifest.

    Raises `ConfigurationError` before any work, `OutageError` where a server keeps failing, `StoppedError` where the
    budget is spent or the workers cannot go on, and the error of a disk that is full, whether the store or a system met
    it. Anything else that goes wrong later becomes the outcome of a
    sample.
    """
    options, patience = Options(limit, mode, seed, time_limit, repeats, sample), patience or Patience()
    check_repeats(repeats, workers)
    check_writable(out)
    benchmark = make_benchmark()
    registry.load("metrics", benchmark.protocol)  # an error shows now, not after the last prediction
    _check_shard(out, shard)
    followed = (lambda: benchmark) if workers is None else make_benchmark
    plans = [Plan(name, maker, name, followed) for name, maker in systems.items()]
    with held(out), ExitStack() as stack:
        board = stack.enter_context(Board(out))
        team = stack.enter_context(_team(options, workers))
        last = team.look(plans[-1])  # what is wrong with it shows before samples are read: they may be generated now
        samples = chosen(benchmark, limit, sample, seed, shard)
        if oracles:
            _check_truth(samples, benchmark.name)
        about: dict[str, Any] = {"mode": mode, "seed": seed, "time_limit": time_limit}
        conditions = {"benchmark": benchmark.identity(), **about}
        if sample != "first":  # a run of an earlier version, which does not say it, asked the first
            conditions["sample"] = sample
        whole = _Whole(benchmark, samples if shard is None else None) if limit is None else None
        looked = _Looked(out / benchmark.name, samples, whole, conditions, patience)
        looked.at(team, plans, last, oracles, stack)
        remarks = _remarks(benchmark)
        stated = {job.name: one for job in looked.jobs if job.plan.oracle is None and (one := _stated(job, options))}
        money_options = {"shard": shard and str(shard), "prices": prices and prices.to_json(), "budget": budget}
        recorded = {**asdict(options), **{k: v for k, v in money_options.items() if v}, **(settings or {})}
        identities = {job.name: job.about.identity for job in looked.jobs if job.plan.oracle is None}
        write_inputs(out, benchmark, samples, identities, recorded, looked.planned, remarks, stated)
        money = Budget(
            prices,
            budget,
            {job.name: job.store for job in looked.jobs},
            {job.name: job.plan.owner for job in looked.jobs},
        )
        board.asks({job.name: job.answered(job.todo(patience)) for job in looked.jobs}, money)
        means = Means(looked.digests, options, patience, money, board, threading.Event(), threading.Event())
        turns = [job for job in looked.jobs if repeats and job.plan.oracle is None and job.about.timed]
        if repeats and len(turns) < 2:
            print("in turns: nothing is asked again, as no two systems here are timed", file=sys.stderr)
            turns.clear()
        work(looked.jobs, team, means)
        if turns:
            assert isinstance(team, LocalTeam)
            repeat(turns, team, options, patience, money)


@contextmanager
def _team(options: Options, workers: Workers | None) -> Iterator[Team]:
    team: Team
    if workers is None:
        team = LocalTeam(options, keep=options.repeats > 0)
    else:
        from workbench.workers.ray_team import RayTeam

        team = RayTeam(options, workers)
    try:
        yield team
    finally:
        team.close()


@dataclass
class _Whole:
    """All samples of a benchmark, which are read where they are needed and not known."""

    benchmark: Benchmark
    known: Sequence[Sample] | None

    def samples(self) -> Sequence[Sample]:
        if self.known is None:
            self.known = list(self.benchmark.samples())
        return self.known


@dataclass
class _Looked:
    """What is found when each system is looked at before any work: its jobs, in the order of the work, and the entries
    of the manifest for its oracles. `whole`: all samples of the benchmark, where all are asked.
    """

    folder: Path
    samples: Sequence[Sample]
    whole: "_Whole | None"
    conditions: Mapping[str, Any]
    patience: Patience
    digests: ImageDigests = field(default_factory=ImageDigests)
    jobs: list[Job] = field(default_factory=list)
    planned: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at(
        self,
        team: Team,
        plans: Sequence[Plan],
        last: About,
        oracles: bool | Sequence[str],
        stack: ExitStack,
    ) -> None:
        """Look at all systems, the first one last, as it will work first. `last`: what was found of the last one."""
        known: list[str] = []
        found: dict[str, tuple[list[Job], dict[str, dict[str, Any]]]] = {}
        for plan in reversed(plans):
            about = last if plan is plans[-1] else team.look(plan)
            known += about.oracles
            jobs, planned = found[plan.name] = ([self._job(plan, about, stack)], {})
            self._check(team, jobs[0])
            for oracle in about.oracles:
                if not (oracles if isinstance(oracles, bool) else oracle in oracles):
                    continue
                name, note = f"{plan.name}+{oracle}", unavailable(oracle, self.samples)
                identity = None
                if note is None and oracle not in DERIVED:
                    variant = replace(plan, name=name, oracle=oracle)
                    jobs.append(self._job(variant, team.look(variant), stack))
                    identity = jobs[-1].about.identity
                    self._check(team, jobs[-1])
                planned[name] = {"system": plan.name, "oracle": oracle, "identity": identity, "note": note}
            if plan is not plans[0]:
                team.leave(plan.name)
        for part in oracles if not isinstance(oracles, bool) else ():
            if part not in known:
                raise ConfigurationError(unknown("oracle", part, list(dict.fromkeys(known))))
        for plan in plans:
            self.jobs += found[plan.name][0]
            self.planned |= found[plan.name][1]

    def _job(self, plan: Plan, about: About, stack: ExitStack) -> Job:
        store = stack.enter_context(Store(self.folder / plan.name, {"system": about.identity, **self.conditions}))
        for sample in self.samples:
            if sample.sample_id in store.done:
                store.check(sample.sample_id, self.digests[sample.image_path], digest(sample.instruction))
        job = Job(plan, about, store, self.samples)
        if self.conditions["mode"] == "latency" and about.timed and job.todo(self.patience):
            _check_device(job)
        return job

    def _check(self, team: Team, job: Job) -> None:
        if self.whole is not None and job.about.answered:
            team.check_samples(job.plan, self.whole.samples())
        if job.about.checkable and job.todo(self.patience):
            team.check(job.plan)


def _stated(job: Job, options: Options) -> Conditions | None:
    """What a system says about itself, and whether its answers depend on its batch."""
    if not job.about.depends_on_batch or options.mode != "throughput" or streams(job.about, options):
        return job.about.conditions
    batch = f"in batches of {at_once(job.about, options)}, on which its answers depend"
    return (job.about.conditions or Conditions()).model_copy(update={"batch": batch})


def _check_device(job: Job) -> None:
    """Raise `ConfigurationError` where latencies of another device are stored: they are never put together."""
    timed = any(one.timed for one in job.store.done.values())
    devices = {one["device"] for one in read_sessions(job.store.folder / "sessions.jsonl") if "device" in one}
    if timed and devices and job.about.device not in devices:
        raise ConfigurationError(
            f"{job.store.folder} holds latencies of {', '.join(sorted(devices))}, and {job.name} is now on "
            f"{job.about.device}: continue there, or choose another --out"
        )


def _check_truth(samples: Sequence[Sample], benchmark: str) -> None:
    """Oracles replace a part by the truth; raises `ConfigurationError` where there is none."""
    if not any(sample.has_truth for sample in samples):
        raise ConfigurationError(
            f"oracles: {benchmark} says nothing about what is right, so no part can be replaced by the truth: "
            "leave --oracles out"
        )


def _check_shard(out: Path, shard: Shard | None) -> None:
    """Raise `ConfigurationError` where the folder holds another part of the samples."""
    began = (out / "manifest.json").exists()
    before = manifest_in(out).options.shard if began else None
    now = None if shard is None else str(shard)
    if began and before != now:
        raise ConfigurationError(
            f"{out} holds {f'shard {before}' if before else 'a run that is no shard'}: expected "
            f"{f'--shard {before}' if before else 'no --shard'}, got {now or 'none'}; or choose another --out"
        )


def _remarks(benchmark: Benchmark) -> list[str]:
    """What the benchmark left out or mended in its files. It is printed now and kept with the run."""
    remarks = remark_lines(list(benchmark.remarks())) if isinstance(benchmark, HasRemarks) else []
    for line in remarks:
        print(f"{benchmark.name}: {line}", file=sys.stderr)
    return remarks
