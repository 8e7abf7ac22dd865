"""Runs systems over a benchmark, one system after the other, and stores their predictions in a run folder.

Latency mode gives a system one sample at a time and times each answer, from the image in memory to the masks.
Throughput mode gives it `batch_size` samples at once; single answers then have no latency. In both modes a first answer
is made and thrown away (warm-up).
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workbench.comparison.answers import Answer, Mode, Options, OutOfTimeError, answer, deadline, is_timed, load
from workbench.comparison.budget import Budget
from workbench.comparison.choice import Choice, chosen
from workbench.comparison.machine import machine_state
from workbench.comparison.outages import Patience, Watch, check
from workbench.comparison.progress import Progress
from workbench.data.conditions import Conditions
from workbench.data.digests import digest, file_digest
from workbench.data.errors import ConfigurationError, SampleError, UnusableSystemError, no_room, said, short
from workbench.data.numbers import many
from workbench.data.outages import is_outage
from workbench.data.predictions import OK, Prediction
from workbench.data.prices import Prices
from workbench.data.remarks import remark_lines
from workbench.data.samples import Sample
from workbench.data.secrets import hide
from workbench.data.shards import Shard
from workbench.plugins import registry
from workbench.plugins.checks import checked_identity
from workbench.plugins.interfaces import (
    Answered,
    Benchmark,
    FollowsBenchmark,
    HasConditions,
    HasOracles,
    HasRemarks,
    Rerunnable,
    Resumable,
    System,
)
from workbench.plugins.names import unknown
from workbench.runs.checks import Repeat
from workbench.runs.files import check_writable, held
from workbench.runs.inputs import manifest_in, write_inputs
from workbench.runs.store import Store
from workbench.scoring.oracles import DERIVED, unavailable

WARM_UP_LIMITS = 20
"""Time limits of a sample that the first answer may take: a model may compile and fill its caches in it."""


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
) -> None:
    """Predict the samples of a benchmark with every system, and store the predictions in the run folder `out`.

    `systems` maps a name to a function that makes the system. The benchmark is made first, so that a missing file is
    reported before models load for minutes. Then all systems are made, the samples are read (a benchmark may generate
    them only now), the contents of `out` are checked, and each system that is `Checkable` is asked whether it can work.
    After that the systems work one after the other; the memory of one is freed before the next one starts. A sample
    that has its prediction is not asked again, unless it failed because of a server and `patience` says to ask such
    samples again.

    `repeats`: then all systems stay in memory, and are asked each sample again so many times, in turns (the first
    system about a sample, the second about the same sample, ...): a busy moment of the machine meets all of them.

    `prices` are recorded for the scores. `budget`: what the answers of all systems may cost by these prices; what is
    asked again in turns, and what failed before, costs as well.

    `shard`: only this part of the samples is asked.

    `oracles`: for each part, or for the parts given here, a system also runs with that part replaced by the truth. For
    the other options see `Options`. `settings` are only recorded in the manifest.

    Raises `ConfigurationError` before any work, `OutageError` where a server keeps failing, `StoppedError` where the
    budget is spent, and the error of a disk
    that is full, whether the store or a system met it. Anything else that goes wrong later becomes the outcome of a
    sample.
    """
    options, patience = Options(limit, mode, seed, time_limit, repeats, sample), patience or Patience()
    check_writable(out)
    benchmark = make_benchmark()
    registry.load("metrics", benchmark.protocol)  # an error shows now, not after the last prediction
    made = [_make(name, factory, benchmark) for name, factory in systems.items()]
    _check_shard(out, shard)
    samples = chosen(benchmark, limit, sample, seed, shard)
    if limit is None:
        _refuse_strange_answers(made, benchmark, samples if shard is None else None)
    planned: dict[str, dict[str, Any]] = {}
    if oracles:
        _check_truth(samples, benchmark.name)
        parts = _parts(made, oracles)
        made = [one for item in made for one in (item, *_variants(item, parts, samples, planned))]
    digests = _ImageDigests()
    with held(out), ExitStack() as stack:
        conditions: dict[str, Any] = {
            "benchmark": benchmark.identity(),
            "mode": mode,
            "seed": seed,
            "time_limit": time_limit,
        }
        if sample != "first":  # a run of an earlier version, which does not say it, asked the first
            conditions["sample"] = sample
        queue: list[tuple[_Made, Store]] = []
        for item in made:
            folder = out / benchmark.name / item.name
            store = stack.enter_context(Store(folder, {"system": item.identity, **conditions}))
            _check_done(store, samples, digests)
            queue.append((item, store))
        for item, store in queue:
            if _todo(store, samples, patience):
                check(item.system)
        identities = {item.name: item.identity for item in made if item.name not in planned}
        remarks = _remarks(benchmark)
        stated = {item.name: one for item in made if item.name in identities and (one := _conditions(item))}
        money_options = {"shard": shard and str(shard), "prices": prices and prices.to_json(), "budget": budget}
        recorded = {**asdict(options), **{k: v for k, v in money_options.items() if v}, **(settings or {})}
        write_inputs(out, benchmark, samples, identities, recorded, planned, remarks, stated)
        owners = {name: one["system"] for name, one in planned.items()}
        money = Budget(prices, budget, {item.name: store for item, store in queue}, owners)
        made.clear()
        turns = [one for one in queue if repeats and one[0].name in identities and is_timed(one[0].system)]
        if repeats and len(turns) < 2:
            print("in turns: nothing is asked again, as no two systems here are timed", file=sys.stderr)
            turns.clear()
        while queue:
            _run_system(*queue.pop(0), samples, digests, options, patience, money)
        if turns:
            _repeat(turns, samples, options, patience, money)


@dataclass(frozen=True)
class _Made:
    """A system and the seconds it took to make."""

    name: str
    system: System
    identity: dict[str, Any]
    seconds: float


def _make(name: str, factory: Callable[[], System], benchmark: Benchmark) -> _Made:
    begun = time.perf_counter()
    try:
        system = factory()
    except OSError as error:  # transformers raises this for a missing file of a checkpoint
        raise UnusableSystemError(f"system {name} cannot be made: {error}") from error
    except ConfigurationError as error:
        raise UnusableSystemError(str(error), error.cause) from error
    if isinstance(system, FollowsBenchmark):
        system.follow(benchmark)
    identity = checked_identity(f"system {name}", system.identity())
    return _Made(name, system, identity, time.perf_counter() - begun)


def _conditions(made: _Made) -> Conditions | None:
    """What a system says about itself; None where it says nothing."""
    if not isinstance(made.system, HasConditions):
        return None
    stated = made.system.conditions()
    if not isinstance(stated, Conditions):
        raise ConfigurationError(
            f"system {made.name}: expected `conditions()` to give a `workbench.Conditions`, got {short(stated)}"
        )
    return stated


def _parts(made: Sequence[_Made], oracles: Literal[True] | Sequence[str]) -> set[str]:
    """The parts to be replaced by the truth; raises `ConfigurationError` for a part that no system has."""
    known = [part for item in made if isinstance(item.system, HasOracles) for part in item.system.oracles]
    if oracles is True:
        return set(known)
    for part in oracles:
        if part not in known:
            raise ConfigurationError(unknown("oracle", part, list(dict.fromkeys(known))))
    return set(oracles)


def _check_truth(samples: Sequence[Sample], benchmark: str) -> None:
    """Oracles replace a part by the truth; raises `ConfigurationError` where there is none."""
    if not any(sample.has_truth for sample in samples):
        raise ConfigurationError(
            f"oracles: {benchmark} says nothing about what is right, so no part can be replaced by the truth: "
            "leave --oracles out"
        )


def _refuse_strange_answers(made: Sequence[_Made], benchmark: Benchmark, samples: Sequence[Sample] | None) -> None:
    """Ask the systems that have their answers already whether they are about the samples of the benchmark, which are
    read where they are not given."""
    for item in made:
        if isinstance(item.system, Answered):
            item.system.check_samples(samples := samples or list(benchmark.samples()))


def _variants(
    item: _Made, parts: Collection[str], samples: Sequence[Sample], planned: dict[str, dict[str, Any]]
) -> list[_Made]:
    """The further systems that must run for the oracles of a system. Their entries for the manifest are added to
    `planned`.
    """
    made = []
    for oracle in item.system.oracles if isinstance(item.system, HasOracles) else ():
        if oracle not in parts:
            continue
        name, note = f"{item.name}+{oracle}", unavailable(oracle, samples)
        identity = None
        if note is None and oracle not in DERIVED:
            assert isinstance(item.system, Rerunnable)
            system = item.system.with_oracle(oracle)
            identity = system.identity()
            made.append(_Made(name, system, identity, 0.0))
        planned[name] = {"system": item.name, "oracle": oracle, "identity": identity, "note": note}
    return made


class _ImageDigests(dict[Path, str | None]):
    """Digest of an image file, None where it cannot be read; every file is read once."""

    def __missing__(self, path: Path) -> str | None:
        try:
            self[path] = file_digest(path)
        except OSError:
            self[path] = None
        return self[path]


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


def _check_done(store: Store, samples: Sequence[Sample], digests: _ImageDigests) -> None:
    for sample in samples:
        if sample.sample_id in store.done:
            store.check(sample.sample_id, digests[sample.image_path], digest(sample.instruction))


def _todo(store: Store, samples: Sequence[Sample], patience: Patience) -> list[Sample]:
    """The samples without an answer."""
    done = {name for name, outcome in store.done.items() if patience.keep_failed or not outcome.outage}
    return [sample for sample in samples if sample.sample_id not in done]


def _run_system(
    made: _Made,
    store: Store,
    samples: Sequence[Sample],
    digests: _ImageDigests,
    options: Options,
    patience: Patience,
    money: Budget,
) -> None:
    todo = _todo(store, samples, patience)
    if not todo:
        print(f"{made.name}: all {len(samples)} predictions are there", file=sys.stderr)
        return
    money.check(made.name, len(samples) - len(todo), len(samples))
    started = datetime.now(UTC).isoformat(timespec="seconds")
    watch = Watch(made.name, made.system, patience)
    warm_up = _warm_up(made, samples, watch, options.time_limit)
    if isinstance(made.system, Resumable):
        made.system.resume_in(store.folder)
    session = {"started": started, "load": made.seconds, "warm_up": warm_up, "todo": len(todo)}
    session["machine"] = machine_state()
    store.add_session(session if is_timed(made.system) else {**session, "timed": False})
    waiting = {sample.sample_id for sample in todo}
    failed = sum(store.done[s.sample_id].failed for s in samples if s.sample_id not in waiting)
    progress = Progress(made.name, len(samples), len(samples) - len(todo), failed)
    size = max(1, made.system.batch_size) if options.mode == "throughput" else 1
    try:
        for start in range(0, len(todo), size):
            batch = todo[start : start + size]
            answers = answer(made.system, batch, options)
            for sample, one in zip(batch, answers, strict=True):
                image = digests[sample.image_path]
                store.append(one.prediction, image, digest(sample.instruction), one.seconds)
            progress.add(len(batch), sum(one.prediction.outcome != OK for one in answers))
            money.add(made.name, sum(one.seconds for one in answers), [one.prediction for one in answers])
            if progress.done < progress.total:
                money.check(made.name, progress.done, progress.total)
            watch.after([one.prediction for one in answers], left=len(todo) - start - len(batch))
    finally:
        progress.close()
    if lost := sum(store.done[sample.sample_id].outage for sample in samples):
        what = many(lost, "sample")
        print(f"{made.name}: {what} failed for a server's sake; the same command asks again", file=sys.stderr)


def _repeat(
    turns: Sequence[tuple[_Made, Store]],
    samples: Sequence[Sample],
    options: Options,
    patience: Patience,
    money: Budget,
) -> None:
    """Ask the samples that all systems were timed on again, in turns, until each was asked `options.repeats` times. The
    answers are thrown away.
    """
    shared = [s for s in samples if all(store.done[s.sample_id].timed for _, store in turns)]
    if not shared:
        print("in turns: no sample has a time of every system, so none is asked again", file=sys.stderr)
        return
    asked = {made.name: Counter(one.sample_id for one in store.repeats) for made, store in turns}
    wanted = options.repeats * len(shared) * len(turns)
    done = sum(min(count[s.sample_id], options.repeats) for count in asked.values() for s in shared)
    if done == wanted:
        return
    watches = {made.name: Watch(made.name, made.system, patience) for made, _ in turns}
    for made, _ in turns:
        _warm_up(made, shared, watches[made.name], options.time_limit)
    progress = Progress("in turns", wanted, done)
    try:
        for round_ in range(options.repeats):
            for sample in shared:
                for made, store in turns:
                    if asked[made.name][sample.sample_id] > round_:
                        continue
                    money.check(made.name, len(samples), len(samples))
                    (one,) = answer(made.system, [sample], options)
                    store.add_repeat(_repeat_of(one))
                    money.add(made.name, one.seconds, [one.prediction])
                    progress.add(1, one.prediction.outcome != OK)
                    watches[made.name].after([one.prediction], left=progress.total - progress.done)
    finally:
        progress.close()


def _repeat_of(one: Answer) -> Repeat:
    """What is kept of the answer to a sample that was asked again."""
    answered = one.prediction
    times = (answered.latency, answered.processor, answered.waited)
    return Repeat(answered.sample_id, *times, one.seconds, answered.tokens)


def _warm_up(made: _Made, samples: Sequence[Sample], watch: Watch, time_limit: float | None) -> float | None:
    """Seconds of a first answer, which is thrown away. None where no image can be loaded, or where a server failed:
    that counts as the first failure in a row. It may take `WARM_UP_LIMITS` times the time limit of a sample.
    """
    longest = time_limit and WARM_UP_LIMITS * time_limit
    for sample in samples:
        try:
            image = load(sample)
        except SampleError:
            continue
        # mirrored, so that nothing that is cached for this image serves the timed answers
        image = np.ascontiguousarray(image[:, ::-1])
        begun = time.perf_counter()
        predictions: object = None
        try:
            with deadline(longest):
                predictions = made.system.predict([sample], [image])
        except OutOfTimeError:
            print(f"{made.name}: warm-up failed: no answer within {longest:g} s", file=sys.stderr)
        except (Exception, SystemExit) as error:  # the samples will show it, each with its own outcome
            if no_room(error):
                raise
            print(hide(f"{made.name}: warm-up failed: {said(error)}"), file=sys.stderr)
        seconds = time.perf_counter() - begun
        if (
            isinstance(predictions, list)
            and predictions
            and all(isinstance(one, Prediction) and is_outage(one) for one in predictions)
        ):
            watch.after(predictions, left=len(samples))
            return None
        return seconds
    return None
