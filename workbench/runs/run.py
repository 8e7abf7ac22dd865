"""A run folder, read back: what went into the run and what came out.

manifest.json                  versions, git state, machine, benchmark, systems, options
<benchmark>/samples.jsonl      the samples that were asked, image paths relative to the benchmark's image root
<benchmark>/<system>/          the predictions of one system, see `workbench.runs.store`
results.json                   scores of every system and differences of every pair
samples.parquet                one row for each sample and system
report.html                    for reading
figures/                       those of the report as PNG files
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.data.errors import ConfigurationError
from workbench.data.manifest import Manifest
from workbench.data.predictions import Prediction
from workbench.data.results import LoggedRun, Results, with_checksum
from workbench.data.samples import Sample
from workbench.data.secrets import hidden
from workbench.runs.checks import read_predictions, read_samples
from workbench.runs.contents import Contents, Stored
from workbench.runs.files import finite, write_json

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics.overlaps import SampleOverlap


@dataclass(frozen=True)
class Run:
    """A run folder that was read back.

    Samples, predictions and overlaps are read when they are first asked for, and then kept: a run is parsed once.
    Read the folder again (`workbench.load_run`) to see what changed in it since.
    """

    path: Path
    manifest: Manifest
    scored: Results | None = None
    """The results, None where the run is not finished; `results` has them where there must be some."""
    contents: Contents = field(default_factory=Contents, repr=False, compare=False)
    """What was parsed of the folder so far."""

    @property
    def finished(self) -> bool:
        """Whether the run has results."""
        return self.scored is not None

    @property
    def results(self) -> Results:
        """The results; raises `ConfigurationError` where the run is not finished."""
        if self.scored is None:
            raise ConfigurationError(
                f"the run {self.path} is not finished: continue it with `workbench compare ... --out {self.path}`"
            )
        return self.scored

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.benchmark}: {', '.join(self.systems)})"

    @property
    def name(self) -> str:
        """The name that the run was given: that of its folder when it was made."""
        return self.manifest.name

    @property
    def benchmark(self) -> str:
        """Name of the benchmark."""
        return self.manifest.benchmark.name

    @property
    def systems(self) -> list[str]:
        """Names of the systems, in the order they were given."""
        return list(self.manifest.systems)

    @property
    def members(self) -> Sequence["Run"]:
        """The runs that this one is made of: itself, or those of a `workbench.scoring.joined.JoinedRun`."""
        return [self]

    def samples(self) -> list[Sample]:
        """The samples that were asked, in order; raises `ConfigurationError` where the run was kept without them.

        Their images need not be there: only `Sample.load_image` reads them.
        """
        path = self.path / self.benchmark / "samples.jsonl"
        if path in self.contents.samples:
            return list(self.contents.samples[path])
        if not path.exists():
            raise ConfigurationError(
                f"run {self.name} has no {path.relative_to(self.path)} in {self.path}: an earlier version logged it to "
                "MLflow without; log its run folder again with `workbench track FOLDER`"
            )
        root = self.path / self.manifest.benchmark.image_root  # an absolute path stays as it is
        samples = read_samples(path, root)
        self.contents.samples[path] = samples
        return list(samples)

    def predictions(self, system: str) -> list[Prediction]:
        """The predictions of one system, one per sample, in the order of the samples.

        Raises `ConfigurationError` where the run has no such system, does not have all of them, or where a line is
        damaged.
        """
        return [stored.prediction for stored in self.stored(system)]

    def records(self, system: str) -> list[dict[str, Any]]:
        """Like `predictions`, in plain JSON types as they are stored: with digests and seconds."""
        return [stored.to_json() for stored in self.stored(system)]

    def stored(self, system: str) -> list[Stored]:
        """Like `predictions`, each with what the store keeps beside it."""
        if system not in self.systems and system not in self.manifest.oracles:
            raise ConfigurationError(f"{self.path} has no system {system!r}; it has {', '.join(self.systems)}")
        store = self.store(system)
        if store in self.contents.stored:
            return list(self.contents.stored[store])
        samples = self.samples()
        by_id = read_predictions(store / "predictions.jsonl", samples)
        wanted = [sample.sample_id for sample in samples]
        missing = sum(sample_id not in by_id for sample_id in wanted)
        if missing:
            raise ConfigurationError(
                f"{self.path}: {system} has no prediction for {missing} of {len(wanted)} samples; "
                f"continue it with `workbench compare ... --out {self.path}`"
            )
        stored = [by_id[sample_id] for sample_id in wanted]
        if system in self.systems:  # the answers of an oracle are not kept: they are needed once
            self.contents.stored[store] = stored
        return list(stored)

    def overlaps(self, system: str) -> "list[SampleOverlap]":
        """The overlaps of one system's answers with the truth, of the samples whose annotation is usable."""
        from workbench.metrics.overlaps import overlaps

        store = self.store(system)
        if store not in self.contents.overlaps:
            self.contents.overlaps[store] = overlaps(self.samples(), self.predictions(system))
        return list(self.contents.overlaps[store])

    def store(self, system: str) -> Path:
        """Folder of the predictions of one system."""
        return self.path / self.benchmark / system

    def table(self) -> "pd.DataFrame":
        """One row for each sample and system; raises `ConfigurationError` where the run is not finished."""
        from workbench.runs.checks import read_table

        return read_table(_existing(self.path / "samples.parquet"))

    def metrics(self, by: Literal["kind", "targets"] | None = None) -> "pd.DataFrame":
        """One row for each system and number: `system`, `metric`, `value`, `low`, `high` (95 %), `unit`, `samples`.

        The metrics of the protocol come first, then latency, calls, tokens, cold start and failures. `by` gives the
        protocol's metrics for each `group` of samples instead: their kind, or how many targets they have.
        """
        from workbench.runs.frames import metrics

        return metrics(self.results, by)

    def differences(self) -> "pd.DataFrame":
        """One row for each pair of systems `a`, `b` and `name` of a metric, failure rate or latency (`family`):
        `difference` (a - b) in its `unit`, `low`, `high` (95 %), `p`, `p_holm`; of rates also `only_a` and `only_b`, in
        samples; of latencies also `ratio` (a / b), `ratio_low` and `ratio_high`."""
        from workbench.runs.frames import differences

        return differences(self.results)

    def curve(self, name: Literal["threshold", "reliability", "risk", "suppression"]) -> "pd.DataFrame":
        """What the stored answers say about other settings, one row for each point of a system's curve; see
        `workbench.data.curves` for what each is.

        `threshold`: `system`, `masks` (`answer` or `answer and unselected`), `threshold`, `metric`, `value`,
        `operating`. `reliability`: `system`, `instances`, `score`, `right`. `risk`: `system`, `confidence`, `coverage`,
        `risk`. `suppression`: `system`, `limit`, `metric`, `value`. Empty for a run whose results have no curves.
        """
        from workbench.runs.frames import curve

        return curve(self.results, name)

    def calls(self) -> "pd.DataFrame":
        """One row for each model call: `system`, `sample_id`, `call` (its place in the sample), `kind`, `name`,
        `start`, `seconds` of the clock, `processor` (seconds of all processors), `tokens_in`, `tokens_out`, `phrase`,
        `failed` (the error it ended with) and `mistake` (see `workbench.failures.calls`)."""
        from workbench.runs.frames import calls

        return calls({system: self.predictions(system) for system in self.systems})


def add_report(run: Run, report: Path) -> Run:
    """Note the path of the report in the results."""
    systems = {name: one.model_copy(update={"report": str(report)}) for name, one in run.results.systems.items()}
    return _with_results(run, systems=systems, report=str(report))


def add_tracking(run: Run, tracking: Mapping[str, str]) -> Run:
    """Note in the results where the run was logged."""
    return _with_results(run, mlflow=LoggedRun.model_validate(tracking))


def add_results(run: Run, results: Results) -> Run:
    """Write the results of a run, with their checksum."""
    value = hidden(finite(results.to_json()))  # as it will be in the file
    write_json(run.path / "results.json", with_checksum(value))
    return replace(run, scored=results)


def _with_results(run: Run, **changed: object) -> Run:
    return add_results(run, run.results.model_copy(update=changed))


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(f"file not found: {path}; is the run finished?")
    return path
