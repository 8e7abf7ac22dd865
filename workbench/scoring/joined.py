"""Several runs of the same samples read as one: every system of every run, side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.errors import ConfigurationError
from workbench.data.manifest import Manifest
from workbench.data.results import Results
from workbench.data.samples import Sample
from workbench.runs.answers import StoredAnswers
from workbench.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class JoinedRun(Run):
    """Several runs of the same samples, read as one run.

    `parts` maps the label of each system to its run and to the system's name in that run. Nothing is written: `path` is
    that of the first run, and `results` exist in memory only.
    """

    parts: Mapping[str, tuple[Run, str]] = field(kw_only=True)

    @property
    def members(self) -> Sequence[Run]:
        """The runs, in the order they were given."""
        return list({id(run): run for run, _ in self.parts.values()}.values())

    def store(self, system: str) -> Path:
        run, name = self.parts[system]
        return run.store(name)

    def stored(self, system: str) -> StoredAnswers:
        if system not in self.parts:
            raise ConfigurationError(f"the runs have no system {system!r}; they have {', '.join(self.parts)}")
        run, name = self.parts[system]
        return run.stored(name)

    def table(self) -> "pd.DataFrame":
        import pandas as pd

        tables = {id(run): run.table() for run in self.members}
        frames = []
        for label, (run, name) in self.parts.items():
            table = tables[id(run)]
            frames.append(table[table["system"] == name].assign(system=label))
        return pd.concat(frames, ignore_index=True)


def join(runs: Sequence[Run]) -> JoinedRun:
    """Two or more finished runs as one. A system that several runs have is labelled by its run as well.

    The scores are those of the runs. The differences of every pair of systems are computed here, with p-values
    corrected for all of them. Raises `ConfigurationError` where a run is not finished, lacks predictions, or does not
    have the same samples and protocol as the others.
    """
    from workbench.plugins.registry import load
    from workbench.scoring.differences import differences_of, side_of

    first = runs[0]
    for run in runs:
        _ = run.results  # raises where there are none
        check_same_samples(first, run)
    parts = _labelled(runs)
    joined = JoinedRun(first.path, _manifest(runs, parts), parts=parts)
    build = load("metrics", first.results.protocol)
    sides = {label: side_of(joined.overlaps(label), build, _latencies(joined, label)) for label in parts}
    results = Results(
        run=str(first.path),
        benchmark=first.results.benchmark,
        protocol=first.results.protocol,
        metrics={name: info for run in reversed(runs) for name, info in run.results.metrics.items()},
        systems={label: run.results.systems[name] for label, (run, name) in parts.items()},
        differences=differences_of(sides, build, list(combinations(sides, 2))),
        oracles=[
            row.model_copy(update={"system": label})
            for label, (run, name) in parts.items()
            for row in run.results.oracles
            if row.system == name
        ],
        report=None,
        mlflow=None,
    )
    return replace(joined, scored=results)


def _latencies(run: Run, system: str) -> dict[str, float]:
    """The seconds of each sample that was timed alone."""
    answers = (one.prediction for one in run.stored(system).without_traces())
    return {answer.sample_id: answer.latency for answer in answers if answer.latency is not None}


def check_same_samples(first: Run, second: Run) -> None:
    """Raise `ConfigurationError` where two runs are not about the same samples, in order, by the same protocol."""
    same_protocol = first.manifest.benchmark.protocol == second.manifest.benchmark.protocol
    if not same_protocol or list(map(asked, first.samples())) != list(map(asked, second.samples())):
        raise ConfigurationError(
            f"{second.path} is not about the same samples by the same protocol as {first.path}: "
            "run it on the other's benchmark, with its options and limit"
        )


def asked(sample: Sample) -> tuple[object, ...]:
    """What samples of two runs must have in common for the runs to be compared."""
    return sample.sample_id, sample.image_id, sample.instruction, sample.targets


def _labelled(runs: Sequence[Run]) -> dict[str, tuple[Run, str]]:
    """Every system of every run under a name of its own."""
    systems = Counter(name for run in runs for name in run.systems)
    names = Counter(run.name for run in runs)
    parts: dict[str, tuple[Run, str]] = {}
    for place, run in enumerate(runs, 1):
        named = run.name if names[run.name] == 1 else f"{run.name}, run {place}"
        for name in run.systems:
            parts[name if systems[name] == 1 else f"{name} ({named})"] = (run, name)
    return parts


def _manifest(runs: Sequence[Run], parts: Mapping[str, tuple[Run, str]]) -> Manifest:
    """The first run's, with the systems of all, and the images of a run that has them on this machine."""
    first = runs[0].manifest
    here = next((run for run in runs if (run.path / run.manifest.benchmark.image_root).exists()), runs[0])
    dirty = any(run.manifest.git.dirty for run in runs)
    return first.model_copy(
        update={
            "name": ", ".join(dict.fromkeys(run.name for run in runs)),
            "git": first.git.model_copy(update={"dirty": dirty}),
            "created": max(run.manifest.created for run in runs),
            "benchmark": here.manifest.benchmark,
            "systems": {label: run.manifest.systems[name] for label, (run, name) in parts.items()},
            "conditions": {
                label: run.manifest.conditions[name]
                for label, (run, name) in parts.items()
                if name in run.manifest.conditions
            },
        }
    )
