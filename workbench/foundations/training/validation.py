"""Validation on any benchmark while a model trains: the benchmark's own protocol with intervals, and which checkpoint
was the best so far.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from workbench.comparison.choice import chosen
from workbench.data.errors import ConfigurationError, short
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.foundations.training.data.questions import PLACE
from workbench.foundations.training.data.sources import FileSource, Source
from workbench.plugins import registry
from workbench.plugins.interfaces import Benchmark, System
from workbench.plugins.names import unknown
from workbench.plugins.options import AtLeast, Holds, PluginName, arguments
from workbench.runs.files import write_json
from workbench.scoring.system import metrics_of, score
from workbench.workers.answers import Options, answer

BEST = "best.json"


@dataclass(frozen=True)
class ValidationOptions:
    """One benchmark of a recipe's `validate_on`."""

    benchmark: Annotated[str, PluginName("benchmarks")]
    options: dict[str, Any] = field(default_factory=dict)
    """Those of the benchmark."""
    limit: Annotated[int | None, AtLeast(1)] = 500
    """Samples that are asked, drawn by their ids and always the same; None: all."""
    prompt: Annotated[str, Holds(PLACE)] = PLACE
    """What the model is asked, with the instruction in it; as its template in training."""
    name: str = ""
    """What the log calls it."""


@dataclass(frozen=True)
class Asked:
    """A benchmark that is validated on: its samples, and the metrics of its protocol, the main one first."""

    name: str
    prompt: str
    benchmark: Benchmark
    samples: Sequence[Sample]
    metrics: Sequence[str]


@dataclass(frozen=True)
class Result:
    """The numbers of one validation for the log, and whether the checkpoint is the best so far."""

    numbers: dict[str, float]
    best: bool


class Validation:
    """Scores a system on some benchmarks and remembers in `best.json` which step was best by one metric of the
    first."""

    @classmethod
    def of(cls, config: Mapping[str, Any], out: Path, trained: Sequence[Source]) -> "Validation | None":
        """What a recipe is validated on, None where it does not say. Raises `ConfigurationError` for what cannot be
        read, for a metric that the protocol does not have, and for a benchmark that is learned from too."""
        entries = config.get("validate_on")
        if not entries:
            if "best" in config:
                raise ConfigurationError("best: it needs `validate_on`, which is not given")
            return None
        asked = [_asked(place, entry) for place, entry in enumerate(entries)]
        if len({one.name for one in asked}) < len(asked):
            raise ConfigurationError(f"validate_on: give each a `name` of its own, got {[one.name for one in asked]}")
        _check_apart(asked, trained)
        metric = config.get("best", asked[0].metrics[0])
        if metric not in asked[0].metrics:
            raise ConfigurationError(f"best: {unknown('metric', metric, sorted(asked[0].metrics))}")
        return cls(asked, out, metric)

    def __init__(self, asked: Sequence[Asked], out: Path, metric: str) -> None:
        self.asked, self.out, self.metric = asked, out, metric
        info = metrics_of(asked[0].benchmark.protocol, asked[0].metrics)[metric]
        self._sign = 1 if info.higher_is_better else -1

    def run(self, system: Callable[[str], System], step: int) -> Result:
        """Ask the system that is made for each prompt all samples. The scores and intervals are in
        `validation/STEP-NAME.json`; random generators are as before."""
        numbers: dict[str, float] = {}
        scores: list[dict[str, Any]] = []
        for one in self.asked:
            with kept_random():
                predictions = _predictions(system(one.prompt), one.samples)
            found = score(one.samples, predictions, one.benchmark.protocol)
            scores.append(found)
            folder = self.out / "validation"
            folder.mkdir(parents=True, exist_ok=True)
            kept = {key: found[key] for key in ("protocol", "samples", "n_failed", "failures", "metrics", "intervals")}
            write_json(folder / f"{step:07}-{one.name}.json", {"step": step, "benchmark": one.name, **kept})
            numbers |= {f"val {one.name} {name}": v for name, v in found["metrics"].items() if v is not None}
            if found["n_failed"]:
                numbers[f"val {one.name} failed"] = found["n_failed"] / len(one.samples)
        first, metric = self.asked[0].name, self.metric
        value, interval = scores[0]["metrics"][metric], scores[0]["intervals"].get(metric)
        if interval:
            numbers |= {f"val {first} {metric} {end}": v for end, v in zip(("low", "high"), interval, strict=True)}
        return Result(numbers, self._better(step, value, interval))

    def _better(self, step: int, value: float | None, interval: Sequence[float] | None) -> bool:
        path = self.out / BEST
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        about = {"benchmark": self.asked[0].name, "metric": self.metric}
        comparable = about.items() <= before.items() and before["step"] != step
        if value is None or (comparable and self._sign * (value - before["value"]) <= 0):
            return False
        write_json(path, {"step": step, **about, "value": value, "interval": interval})
        return True


@contextmanager
def kept_random() -> Iterator[None]:
    """The random generators of Python, numpy and torch are after the block as they were before."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def copied(source: Path, target: Path) -> None:
    """Copy a folder over another one, which is there in one piece at every moment but the last."""
    partial = target.with_name(f".{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def _validation(options: ValidationOptions) -> ValidationOptions:
    return options


def _asked(place: int, entry: Mapping[str, Any]) -> Asked:
    where = f"validate_on[{place}]"
    if not isinstance(entry, Mapping) or "benchmark" not in entry:
        raise ConfigurationError(f"{where}: expected {{benchmark: NAME, ...}}, got {short(entry)}")
    options: ValidationOptions = arguments(where, _validation, entry)["options"]
    name = options.name or options.benchmark
    benchmark: Benchmark = registry.prepare("benchmarks", options.benchmark, options.options, name)()
    samples = chosen(benchmark, options.limit, "random" if options.limit else "first")
    usable = [sample for sample in samples if sample.has_truth and not sample.problem]
    if not usable:
        raise ConfigurationError(f"{where}: none of {len(samples)} samples of {name} can be scored")
    nothing = score(usable[:2], [Prediction(sample.sample_id) for sample in usable[:2]], benchmark.protocol)
    return Asked(name, options.prompt, benchmark, usable, list(metrics_of(benchmark.protocol, nothing["metrics"])))


def _check_apart(asked: Sequence[Asked], trained: Sequence[Source]) -> None:
    """Refuse a benchmark that is learned from, and say which sources share pictures with one."""
    for one in asked:
        identity = json.loads(json.dumps(one.benchmark.identity()))
        pictures = {str(sample.image_path.resolve()) for sample in one.samples}
        for source in trained:
            if not isinstance(source, FileSource):
                continue
            name = source.options.name
            if source.index.summary["identity"]["identity"] == identity:
                raise ConfigurationError(
                    f"validate_on: {one.name} is the source {name} of `data`: what is learned cannot choose the "
                    "checkpoint; name another file or split"
                )
            if shared := len(pictures & source.index.paths()):
                said = (
                    f"{shared:,} of {len(pictures):,} pictures of {one.name} are in {name} too, which is learned from"
                )
                print(f"validation: {said}", file=sys.stderr)


def _predictions(system: System, samples: Sequence[Sample]) -> list[Prediction]:
    options, size = Options(mode="throughput"), max(1, system.batch_size)
    batches = [samples[start : start + size] for start in range(0, len(samples), size)]
    return [one.prediction for batch in batches for one in answer(system, batch, options)]
