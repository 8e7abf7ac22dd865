"""A run folder: what went in, what came out, and reading it back.

manifest.json                  versions, git state, machine, benchmark, systems, options
<benchmark>/samples.jsonl      the samples that were asked, image paths relative to the benchmark's image root
<benchmark>/<system>/          the predictions of one system, see `workbench.store`
results.json                   scores of every system and differences of every pair
samples.parquet                one row for each sample and system
report.html                    for reading
figures/                       those of the report as PNG files
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import ConfigurationError
from workbench.predictions import Prediction
from workbench.provenance import git_state, machine, versions
from workbench.samples import Box, Reading, Sample, SceneObject
from workbench.store import read_json, read_records, write_json, write_lines
from workbench.systems import Benchmark

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A run folder that was read back; `results` as in `results.json`, empty where the run is not finished."""

    path: Path
    manifest: dict[str, Any]
    results: dict[str, Any]

    @property
    def name(self) -> str:
        """Name that the run was given: that of its folder when it was made."""
        return str(self.manifest["name"])

    @property
    def benchmark(self) -> str:
        """Name of the benchmark."""
        return str(self.manifest["benchmark"]["name"])

    @property
    def systems(self) -> list[str]:
        """Names of the systems, in the order they were given."""
        return list(self.manifest["systems"])

    @property
    def members(self) -> Sequence["Run"]:
        """The runs that this one is made of: itself, or those of a `workbench.joined.JoinedRun`."""
        return [self]

    def samples(self) -> list[Sample]:
        """The samples that were asked, in order; raises `ConfigurationError` where the run was kept without them.

        Their images need not be there: only `Sample.load_image` reads them.
        """
        root = Path(self.manifest["benchmark"]["image_root"])
        path = self.path / self.benchmark / "samples.jsonl"
        if not path.exists():
            raise ConfigurationError(
                f"run {self.name} has no {path.relative_to(self.path)} in {self.path}: an earlier version logged it to "
                "MLflow without; log its run folder again with `workbench track FOLDER`"
            )
        records = read_records(path)
        return [sample_from_json(record, root) for record in records]

    def predictions(self, system: str) -> list[Prediction]:
        """The predictions of one system, one per sample, in the order of the samples.

        Raises `ConfigurationError` where the run has no such system or does not have all of them.
        """
        return [Prediction.from_json(record) for record in self.records(system)]

    def records(self, system: str) -> list[dict[str, Any]]:
        """Like `predictions`, as they are stored: with digests and seconds."""
        if system not in self.systems and system not in self.manifest.get("oracles", {}):
            raise ConfigurationError(f"{self.path} has no system {system!r}; it has {', '.join(self.systems)}")
        found = {record["sample_id"]: record for record in read_records(self.store(system) / "predictions.jsonl")}
        wanted = [sample.sample_id for sample in self.samples()]
        missing = sum(sample_id not in found for sample_id in wanted)
        if missing:
            raise ConfigurationError(
                f"{self.path}: {system} has no prediction for {missing} of {len(wanted)} samples; "
                f"continue it with `workbench compare ... --out {self.path}`"
            )
        return [found[sample_id] for sample_id in wanted]

    def store(self, system: str) -> Path:
        """Folder of the predictions of one system."""
        return self.path / self.benchmark / system

    def table(self) -> "pd.DataFrame":
        """One row for each sample and system; raises `ConfigurationError` where the run is not finished."""
        import pandas as pd

        return pd.read_parquet(_existing(self.path / "samples.parquet"))

    def metrics(self, by: Literal["kind", "targets"] | None = None) -> "pd.DataFrame":
        """One row for each system and number: `system`, `metric`, `value`, `low`, `high` (95 %), `unit`, `samples`.

        The metrics of the protocol are fractions; latency, calls, tokens, cold start and failures follow. `by` gives
        the protocol's metrics for each `group` of samples instead: their kind, or how many targets they have.
        """
        from workbench.frames import metrics

        return metrics(self.results, by)

    def differences(self) -> "pd.DataFrame":
        """One row for each pair of systems `a`, `b` and `name` of a metric, failure rate or latency (`family`):
        `difference` (a - b, a fraction or seconds), `low`, `high` (95 %), `p`, `p_holm`; of rates also `only_a` and
        `only_b`, in samples; of latencies also `ratio` (a / b), `ratio_low` and `ratio_high`."""
        from workbench.frames import differences

        return differences(self.results)

    def calls(self) -> "pd.DataFrame":
        """One row for each model call: `system`, `sample_id`, `call` (its place in the sample), `kind`, `name`, `start`
        and `seconds`, `tokens_in`, `tokens_out`, `phrase`, `failed` (the error it ended with) and `mistake` (see
        `workbench.failures.calls`)."""
        from workbench.frames import calls

        return calls({system: self.predictions(system) for system in self.systems})


def load_run(source: Path | str, tracking_uri: str | None = None) -> Run:
    """Read a run folder, or a run that was logged to MLflow by its id or that of one of its children.

    A run of MLflow is downloaded once, see `workbench.fetch`, from `tracking_uri`, by default `MLFLOW_TRACKING_URI` or
    `runs/mlflow.db`. Raises `ConfigurationError` where there is no such run.
    """
    from workbench.fetch import RUN_ID, fetch

    path = Path(source).resolve()
    if not path.exists():
        if not RUN_ID.fullmatch(str(source)):
            raise ConfigurationError(
                f"no run folder {path}, and {str(source)!r} is no MLflow run id (32 hexadecimal digits)"
            )
        path = fetch(str(source), tracking_uri)
    manifest = read_json(path / "manifest.json")
    results = path / "results.json"
    return Run(path, manifest, read_json(results) if results.exists() else {})


def write_inputs(
    path: Path,
    benchmark: Benchmark,
    samples: Sequence[Sample],
    systems: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Any],
    oracles: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write the manifest and the samples; a continued run keeps its `created`.

    `systems` maps names to identities; `oracles` maps names to `{"system", "oracle", "identity", "note"}`: the identity
    of what runs for it, None where it is computed from the system's answers, and why it is not available, else None.
    """
    manifest_path = path / "manifest.json"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    root = benchmark.image_root().resolve()
    manifest = {
        "name": path.resolve().name,
        "created": read_json(manifest_path)["created"] if manifest_path.exists() else now,
        "versions": versions(),
        "git": git_state(),
        "machine": machine(),
        "benchmark": {
            "name": benchmark.name,
            "protocol": benchmark.protocol,
            "identity": benchmark.identity(),
            "image_root": str(root),
        },
        "systems": dict(systems),
        "options": dict(options),
        **({"oracles": dict(oracles)} if oracles else {}),
    }
    (path / "results.json").unlink(missing_ok=True)  # of an earlier, perhaps smaller, run of this folder
    write_json(manifest_path, manifest)
    write_lines(path / benchmark.name / "samples.jsonl", (sample_to_json(sample, root) for sample in samples))


def finish(path: Path) -> Run:
    """Score a run whose predictions are complete: write `results.json` and `samples.parquet`, and read it back."""
    import pandas as pd

    from workbench.failures.funnel import funnel
    from workbench.failures.oracles import gains
    from workbench.metrics import protocols
    from workbench.metrics.comparison import compare
    from workbench.metrics.matching import overlaps

    run = load_run(path)
    samples = run.samples()
    protocol = run.manifest["benchmark"]["protocol"]
    predictions = {system: run.predictions(system) for system in run.systems}
    # all that is slow, once: every metric, every bootstrap draw and the diagnosis read these
    found = {system: overlaps(samples, answers) for system, answers in predictions.items()}
    rows = [
        {"benchmark": run.benchmark, "system": system, **row}
        for system, answers in predictions.items()
        for row in protocols.table(samples, answers, found[system])
    ]
    pd.DataFrame(rows).to_parquet(run.path / "samples.parquet", index=False)
    results = {
        "run": str(run.path),
        "benchmark": {**run.manifest["benchmark"], "samples": len(samples)},
        "protocol": protocol,
        "systems": {
            system: {
                **protocols.score(samples, answers, protocol, found[system]),
                "funnel": funnel(found[system]),
                **_costs(run, system),
                "report": None,
            }
            for system, answers in predictions.items()
        },
        "differences": compare(found, protocol, predictions),
        "oracles": gains(run.manifest.get("oracles", {}), samples, found, run.predictions, protocol),
        "report": None,
        "mlflow": None,
    }
    write_json(run.path / "results.json", results)
    return load_run(path)


def add_report(run: Run, report: Path) -> Run:
    """Note the path of the report in the results."""
    systems = {name: {**result, "report": str(report)} for name, result in run.results["systems"].items()}
    return _with_results(run, {"systems": systems, "report": str(report)})


def add_tracking(run: Run, tracking: Mapping[str, Any]) -> Run:
    """Note in the results where the run was logged."""
    return _with_results(run, {"mlflow": dict(tracking)})


def sample_to_json(sample: Sample, image_root: Path) -> dict[str, Any]:
    """Plain JSON types; the image path is relative to `image_root` where it lies below it."""
    path = sample.image_path.resolve()
    relative = path.relative_to(image_root) if path.is_relative_to(image_root) else path
    return {**asdict(sample), "image_path": str(relative)}


def sample_from_json(record: Mapping[str, Any], image_root: Path) -> Sample:
    """The inverse of `sample_to_json`."""
    changed = {
        "image_path": image_root / record["image_path"],
        "targets": tuple(record["targets"]),
        "others": tuple(SceneObject(**other) for other in record["others"]),
        "boxes": _boxes(record.get("boxes", [])),
        "readings": tuple(
            Reading(tuple(reading["targets"]), _boxes(reading["boxes"]), reading["exhaustive"])
            for reading in record.get("readings", [])
        ),
    }
    return Sample(**{**record, **changed})


def _boxes(found: Sequence[Sequence[float]]) -> tuple[Box, ...]:
    return tuple((x, y, w, h) for x, y, w, h in found)


def _costs(run: Run, system: str) -> dict[str, Any]:
    """Cold start in seconds, throughput, and the store.

    Cold start is making the system (`load`) and its first answer (`warm_up`), as done in the first session. The first
    system of a run also pays for the libraries that others share with it; what it takes alone, a run of its own shows.
    Answers that were made elsewhere have neither cold start nor throughput.
    """
    sessions = read_records(run.store(system) / "sessions.jsonl")
    first = sessions[0]
    records = run.records(system)
    seconds = sum(record["seconds"] for record in records)
    timed = first.get("timed", True)
    resumed = any(record.get("resumed") for record in records)  # part of their time is not known
    throughput = run.manifest["options"]["mode"] == "throughput" and seconds > 0 and timed and not resumed
    return {
        "cold_start": first["load"] + (first["warm_up"] or 0.0) if timed else None,
        "load": first["load"],
        "warm_up": first["warm_up"],
        "samples_per_second": len(run.samples()) / seconds if throughput else None,
        "store": str(run.store(system)),
    }


def _with_results(run: Run, changed: Mapping[str, Any]) -> Run:
    results = {**run.results, **changed}
    write_json(run.path / "results.json", results)
    return Run(run.path, run.manifest, results)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(f"file not found: {path}; is the run finished?")
    return path
