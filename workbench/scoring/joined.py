"""Several runs of the same samples read as one: every system of every run, side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample
from workbench.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class JoinedRun(Run):
    """Runs of the same samples; `parts` maps the label of each system to its run and its name there. Nothing is
    written: `path` is the first run's, and `results` exist in memory only."""

    parts: Mapping[str, tuple[Run, str]]

    @property
    def members(self) -> Sequence[Run]:
        """The runs, in the order they were given."""
        return list({id(run): run for run, _ in self.parts.values()}.values())

    def store(self, system: str) -> Path:
        run, name = self.parts[system]
        return run.store(name)

    def table(self) -> "pd.DataFrame":
        import pandas as pd

        tables = {id(run): run.table() for run in self.members}
        frames = []
        for label, (run, name) in self.parts.items():
            table = tables[id(run)]
            frames.append(table[table["system"] == name].assign(system=label))
        return pd.concat(frames, ignore_index=True)


def join(runs: Sequence[Run]) -> JoinedRun:
    """Two or more finished runs as one; a system that several have is labelled by its run as well.

    The scores are those of the runs; the differences of every pair of systems are computed here, with their p-values
    corrected for all of them. Raises `ConfigurationError` where a run is not finished, lacks predictions, or is not
    about the same samples by the same protocol.
    """
    from workbench.metrics.overlaps import overlaps
    from workbench.scoring.differences import compare

    first = runs[0]
    for run in runs:
        if not run.results:
            raise ConfigurationError(f"{run.path} is not finished: continue it with `workbench compare`")
        check_same_samples(first, run)
    parts = _labelled(runs)
    samples = first.samples()
    protocol = first.manifest["benchmark"]["protocol"]
    answers = {label: run.predictions(name) for label, (run, name) in parts.items()}
    found = {label: overlaps(samples, predictions) for label, predictions in answers.items()}
    results = {
        "run": str(first.path),
        "benchmark": first.results["benchmark"],
        "protocol": protocol,
        "systems": {label: run.results["systems"][name] for label, (run, name) in parts.items()},
        "differences": compare(found, protocol, answers),
        "oracles": [
            {**row, "system": label}
            for label, (run, name) in parts.items()
            for row in run.results.get("oracles", ())
            if row["system"] == name
        ],
        "report": None,
        "mlflow": None,
    }
    return JoinedRun(first.path, _manifest(runs, parts), results, parts)


def check_same_samples(first: Run, second: Run) -> None:
    """Raise `ConfigurationError` where two runs are not about the same samples, in order, by the same protocol."""
    same_protocol = first.manifest["benchmark"]["protocol"] == second.manifest["benchmark"]["protocol"]
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


def _manifest(runs: Sequence[Run], parts: Mapping[str, tuple[Run, str]]) -> dict[str, Any]:
    """The first run's, with the systems of all, and the images of a run that has them on this machine."""
    here = next((run for run in runs if Path(run.manifest["benchmark"]["image_root"]).exists()), runs[0])
    return {
        **runs[0].manifest,
        "name": ", ".join(dict.fromkeys(run.name for run in runs)),
        "git": {**runs[0].manifest["git"], "dirty": any(run.manifest["git"]["dirty"] for run in runs)},
        "created": max(run.manifest["created"] for run in runs),
        "benchmark": here.manifest["benchmark"],
        "systems": {label: run.manifest["systems"][name] for label, (run, name) in parts.items()},
    }
