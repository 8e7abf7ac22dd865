"""A run folder, read back: what went into the run and what came out.

manifest.json                  versions, git state, machine, benchmark, systems, options
<benchmark>/samples.jsonl      the samples that were asked, image paths relative to the benchmark's image root
<benchmark>/<system>/          the predictions of one system, see `workbench.runs.store`
results.json                   scores of every system and differences of every pair
samples.parquet                one row for each sample and system
report.html                    for reading
figures/                       those of the report as PNG files
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from workbench.data.errors import ConfigurationError
from workbench.data.manifest import Manifest
from workbench.data.predictions import Prediction
from workbench.data.results import LoggedRun, Results, with_checksum
from workbench.data.samples import Sample
from workbench.data.secrets import hidden
from workbench.runs.answers import Mapped, StoredAnswers
from workbench.runs.checks import read_samples
from workbench.runs.contents import Contents
from workbench.runs.files import finite, write_json
from workbench.runs.stored import Stored

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics.overlaps import SampleOverlap

T = TypeVar("T")


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

    def sample(self, place: int) -> Sample:
        """The sample at a place, without a copy of the list of all."""
        path = self.path / self.benchmark / "samples.jsonl"
        return self.contents.samples[path][place] if path in self.contents.samples else self.samples()[place]

    def predictions(self, system: str) -> Sequence[Prediction]:
        """The predictions of one system, one per sample, in the order of the samples: a list, or of a large run a
        sequence that reads each prediction when it is asked for.

        Raises `ConfigurationError` where the run has no such system, does not have all of them, or where a line is
        damaged.
        """
        return _listed(self.stored(system), lambda one: one.prediction)

    def records(self, system: str) -> Sequence[dict[str, Any]]:
        """Like `predictions`, in plain JSON types: with digests and seconds."""
        return _listed(self.stored(system), Stored.to_json)

    def stored(self, system: str) -> StoredAnswers:
        """Like `predictions`, each with what the store keeps beside it."""
        if system not in self.systems and system not in self.manifest.oracles:
            raise ConfigurationError(f"{self.path} has no system {system!r}; it has {', '.join(self.systems)}")
        store = self.store(system)
        if store in self.contents.stored:
            return self.contents.stored[store]
        samples = self.samples()
        stored = StoredAnswers(store / "predictions.jsonl", samples)
        if missing := len(samples) - len(stored):
            raise ConfigurationError(
                f"{self.path}: {system} has no prediction for {missing} of {len(samples)} samples; "
                f"continue it with `workbench compare ... --out {self.path}`"
            )
        if system in self.systems:  # the answers of an oracle are not kept: they are needed once
            self.contents.stored[store] = stored
        return stored

    def overlaps(self, system: str) -> "list[SampleOverlap]":
        """The overlaps of one system's answers with the truth, of the samples whose annotation is usable."""
        from workbench.metrics.overlaps import overlaps, overlaps_in_order

        store = self.store(system)
        if store in self.contents.overlaps:
            return list(self.contents.overlaps[store])
        stored = self.stored(system)
        if stored.large:
            short = stored.without_traces()
            return overlaps_in_order(self.samples(), Mapped(short, lambda one: one.prediction))
        self.contents.overlaps[store] = overlaps(self.samples(), self.predictions(system))
        return list(self.contents.overlaps[store])

    def overlap(self, system: str, place: int) -> "SampleOverlap | None":
        """The overlap of one system's answer to the sample at a place; None where it has no usable truth."""
        from workbench.metrics.overlaps import overlap_of

        stored = self.stored(system)
        if stored.large:
            return overlap_of(self.sample(place), stored.without_traces()[place].prediction)
        store = self.store(system)
        if store not in self.contents.by_id:
            self.contents.by_id[store] = {one.sample_id: one for one in self.overlaps(system)}
        return self.contents.by_id[store].get(stored[place].prediction.sample_id)

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

    def stress(self, table: Literal["levels", "areas", "pairs", "crossings"] = "levels") -> "pd.DataFrame":
        """What a run of `workbench stress` says of its axis, one row for each

        * `levels`: system, metric and level: `value`, `low`, `high` (95 %), `unit`, whether it is the `plain` level;
        * `areas`: system and metric: the `area` under the curve with `low` and `high`, and the level at which the
          metric falls to `half` with `half_low` and `half_high` (none: beyond the levels);
        * `pairs`: two systems and metric: the `difference` of their areas (a - b), `low`, `high`, `p_holm`;
        * `crossings`: the same with the `level` where the curves cross, `low`, `high`, and the share of draws in which
          they cross (`drawn`).

        Raises `ConfigurationError` for any other run."""
        from workbench.runs.frames import stress

        return stress(self.results, table)

    def calls(self) -> "pd.DataFrame":
        """One row for each model call: `system`, `sample_id`, `call` (its place in the sample), `kind`, `name`,
        `start`, `seconds` of the clock, `processor` (seconds of all processors), `tokens_in`, `tokens_out`, `phrase`,
        `failed` (the error it ended with) and `mistake` (see `workbench.failures.calls`)."""
        from workbench.runs.frames import calls

        short = {system: self.stored(system).without_traces() for system in self.systems}
        return calls({system: (one.prediction for one in answers) for system, answers in short.items()})


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


def _listed(stored: StoredAnswers, function: Callable[[Stored], T]) -> Sequence[T]:
    return Mapped(stored, function) if stored.large else [function(one) for one in stored]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(f"file not found: {path}; is the run finished?")
    return path
