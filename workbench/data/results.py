"""The results of a finished run, as kept in `results.json`.

Metrics are in their own units (see `Results.metrics`), rates and shares are fractions, times are seconds, intervals are
`[low, high]` at 95 % from the bootstrap over images. None stands for a value that is undefined, such as a share of no
samples, or for which there is too little data.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from workbench.data.curves import Curves
from workbench.data.errors import ConfigurationError
from workbench.data.intervals import Interval as Interval
from workbench.data.intervals import OpenInterval as OpenInterval
from workbench.data.metric_info import MetricInfo
from workbench.data.records import Record, check_version
from workbench.data.stress import StressResults
from workbench.data.upgrades import results_of_0_1

VERSION: Final = 2
"""Of the layout. Files of workbench 0.1.0 have none: they are upgraded when they are loaded."""
CHECKSUM: Final = "crc"
"""Key of the checksum in the file; `Results` has it no more."""


Counts = dict[str, int]


class Group(Record):
    """The protocol's metrics of a group of samples."""

    samples: int
    """Scored samples of the group."""
    metrics: dict[str, float | None]
    """Value of each metric of the protocol."""
    intervals: dict[str, Interval]
    """95 % interval of each metric."""


class Percentiles(Record):
    """Percentiles of durations in seconds."""

    p50: float | None = None
    """Median."""
    p90: float | None = None
    """The value that 9 of 10 durations do not exceed."""
    p95: float | None = None
    """The value that 19 of 20 durations do not exceed."""
    p99: float | None = None
    """The value that 99 of 100 durations do not exceed."""


class Timing(Percentiles):
    """Latency of the samples that were timed alone."""

    samples: int
    """How many samples were timed."""
    mean: float | None
    """Mean latency."""
    intervals: dict[str, Interval]
    """95 % interval of each percentile and of the mean."""
    note: str | None
    """What there was too little data for, else None."""


class CallTiming(Percentiles):
    """Model calls of one kind in the timed samples; the percentiles are of the duration of one call."""

    calls: int
    """How many calls there were."""
    calls_per_sample: float | None
    """Mean number of calls of a sample."""
    seconds_per_sample: float | None
    """Mean seconds that these calls of a sample took together; calls side by side count in full."""
    wall_per_sample: float | None = None
    """Mean seconds of the clock in which such calls ran; kinds that ran side by side share the time."""
    processor_per_sample: float | None = None
    """Mean seconds of all processors that the process used meanwhile."""
    share: float | None
    """Their share of the clock. In results of versions without `wall_per_sample`, calls side by side count in full."""
    seconds_per_call: float | None
    """Mean duration of one call."""
    intervals: dict[str, Interval]
    """95 % interval of each number."""


class Rounds(Record):
    """Requests of the conversation with a language model."""

    per_sample: float | None
    """Mean rounds of a timed sample."""
    seconds_per_round: float | None
    """All seconds over all rounds."""
    intervals: dict[str, Interval]
    """95 % interval of both."""


class Latency(Timing):
    """Latency of all timed samples, and of each group separately; `docs/latency.md` says what is timed."""

    by_call: dict[str, CallTiming]
    """By kind of model call."""
    by_targets: dict[str, Timing]
    """By number of targets: `0`, `1`, `2`, `3-5`, `6+`."""
    by_kind: dict[str, Timing]
    """By kind of instruction."""
    by_image: dict[str, Timing]
    """`first` and `later`: whether the sample was the first about its image that the system saw."""
    by_rounds: dict[str, Timing]
    """By number of rounds."""
    rounds: Rounds | None
    """Rounds of the timed samples; None in runs of versions that did not count them."""
    processor: float | None = None
    """Mean seconds of all processors that the process used for a timed sample."""
    waiting: float | None = None
    """Share of the time in which it waited for a processor: the machine was busy with something else. None where the
    operating system does not count that."""


class Tokens(Record):
    """Mean tokens of language models for a sample."""

    read: float | None = Field(alias="in")
    """Tokens read (`in` in the file)."""
    written: float | None = Field(alias="out")
    """Tokens written (`out` in the file)."""


class PerCorrectInstance(Record):
    """The cost of all samples divided by the number of instances that match a target at IoU 0.5; None where none
    matches.
    """

    correct: int | None
    """Correct instances."""
    seconds: float | None
    """Seconds, of the samples that were timed alone."""
    calls: float | None
    """Model calls."""
    tokens_in: float | None
    """Tokens read."""
    tokens_out: float | None
    """Tokens written."""
    intervals: dict[str, OpenInterval | None]
    """95 % interval of each number."""


class Cost(Record):
    """What the answers cost, by the prices that were given (see `workbench.data.prices`)."""

    currency: str
    """Currency of the prices."""
    total: float
    """Price of all answers."""
    per_thousand_samples: float | None
    """Price of a thousand samples."""
    per_correct_instance: float | None
    """Price of all answers over the instances that match a target at IoU 0.5; None where none matches."""
    intervals: dict[str, OpenInterval | None]
    """95 % interval of both."""
    note: str | None
    """What the price leaves out, else None."""


class MachineState(Record):
    """The state of the machine when a system began to answer; None for what the operating system does not tell."""

    load: float | None
    """Processes that wanted a processor, mean of the last minute."""
    threads: int | None
    """Threads that torch computes with; None where no system of the run uses torch."""
    mhz: float | None
    """Mean frequency of the cores in MHz."""


class SystemResult(Record):
    """Everything that is reported of one system."""

    protocol: str
    """Protocol that scored it."""
    samples: int
    """Samples that were asked."""
    unscored: int
    """Samples with an unusable annotation, which have no truth to be scored against."""
    without_truth: int = 0
    """Samples that were asked although nobody said what answers them; they are not scored."""
    n_failed: int
    """Samples without an answer; they score as empty answers."""
    failures: Counts
    """How many samples ended in each outcome but `ok`."""
    asked_again: int = 0
    """Samples that were asked again because a server had failed; their last answer counts."""
    metrics: dict[str, float | None]
    """Value of each metric of the protocol over all scored samples."""
    intervals: dict[str, Interval]
    """95 % interval of each metric."""
    by_targets: dict[str, Group]
    """Metrics by number of targets: `0`, `1`, `>=2`."""
    by_kind: dict[str, Group]
    """Metrics by kind of instruction."""
    latency: Latency
    """Seconds of the samples that were timed alone."""
    calls_per_sample: float | None
    """Mean number of model calls of a sample."""
    tokens_per_sample: Tokens
    """Mean tokens of language models for a sample."""
    per_correct_instance: PerCorrectInstance
    """What all samples cost for each correct instance."""
    diagnosis: Counts
    """Instances, targets and samples in each failure category, see `workbench.failures.taxonomy`."""
    missed_targets: Counts
    """What became of the missed targets."""
    call_failures: Counts
    """Model calls that went wrong, by category, see `workbench.failures.calls`."""
    recovered_calls: Counts
    """Of those, the calls of samples that ended with an answer."""
    funnel: Counts
    """`targets`, and how many of them passed each stage, see `workbench.failures.funnel`."""
    cold_start: float | None
    """Seconds of `load` and `warm_up`; None for answers that were made elsewhere."""
    load: float | None
    """Seconds to make the system."""
    warm_up: float | None
    """Seconds of its first answer, which is thrown away; None where there was none."""
    samples_per_second: float | None
    """Throughput; None where samples were timed alone."""
    curves: Curves | None = None
    """What its stored answers say about other settings; None in runs of versions that did not compute them."""
    store: str
    """Folder of its predictions."""
    report: str | None
    """Path of the run's report; None before it is written."""
    weights: int | None = None
    """Bytes of its weights as they are stored; None where it does not say."""
    peak_memory: int | None = None
    """Bytes of main memory that its process held at its peak; None where it had no process of its own."""
    peak_gpu_memory: int | None = None
    """Bytes that torch held on GPUs at its peak; None where it used none, or had no process of its own."""
    machine: MachineState | None = None
    """The state of the machine when the system began; None in runs of versions that did not record it."""
    cost: Cost | None = None
    """What it cost; None where no prices were given."""


SIGNIFICANT = 0.05
"""A difference is beyond chance where its corrected p-value is below this."""


class Difference(Record):
    """A number of one system minus that of another, on the same samples."""

    difference: float | None
    """First minus second."""
    interval: Interval
    """95 % interval of the difference."""
    p: float | None = None
    """Two-sided p-value."""
    p_holm: float | None = None
    """p-value corrected by Holm's method for everything that is compared together."""

    @property
    def beyond_chance(self) -> bool:
        """Whether the corrected p-value is below 0.05. In results of earlier versions that have none, whether the
        interval leaves out 0."""
        if self.p_holm is not None:
            return self.p_holm < SIGNIFICANT
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


class RateDifference(Difference):
    """Difference of a failure rate: the share of samples that show a failure."""

    only_a: int
    """Samples in which only the first system shows it."""
    only_b: int
    """Samples in which only the second system shows it."""


class PaceDifference(Difference):
    """Difference of a latency in seconds."""

    ratio: float | None
    """First over second."""
    ratio_interval: Interval
    """95 % interval of the ratio."""


class PairDifference(Record):
    """How two systems differ on the same samples."""

    a: str
    """Name of the first system."""
    b: str
    """Name of the second system."""
    metrics: dict[str, Difference]
    """Difference of each metric."""
    rates: dict[str, RateDifference]
    """Difference of each failure rate."""
    latency: dict[str, PaceDifference]
    """Differences of `p50`, `p90` and `mean` over the samples that both answered alone."""
    timed: int
    """Number of those samples."""
    changed: int | None = None
    """Samples that got other masks, or ended differently; counted where a variant is compared with another."""
    repeats: int = 0
    """How often each of them was asked again in turns: `latency` compares the medians of these times. 0: `latency`
    compares the times of the first answers."""
    note: str | None
    """What there was too little data for, else None."""


class OracleResult(Record):
    """What a system would gain if one part were perfect; without numbers where the benchmark does not allow this
    oracle.
    """

    system: str
    """Name of the system."""
    oracle: str
    """The part that is replaced by the truth, a key of `workbench.scoring.oracles.ORACLES`."""
    note: str | None
    """Why there are no numbers, or what there was too little data for; else None."""
    changed: int | None
    """Samples whose masks or outcome differ from the real run."""
    n_failed: int | None
    """Samples without an answer."""
    metrics: dict[str, float | None] | None
    """Value of each metric with the perfect part."""
    gains: dict[str, Difference] | None
    """Difference of each metric to the real run."""
    rates: dict[str, RateDifference] | None
    """Difference of each failure rate to the real run."""


class ScoredBenchmark(Record):
    """The benchmark of a run, with the number of samples that were asked."""

    name: str
    """Name of the benchmark."""
    protocol: str
    """Name of the metric protocol that scores it."""
    identity: dict[str, Any]
    """What its samples depend on."""
    image_root: str
    """Folder that the image paths of the samples are relative to."""
    remarks: list[str] = Field(default_factory=list)
    """What its reader left out or mended in its files."""
    samples: int
    """Samples that were asked."""
    only_boxes: bool = False
    """Whether it annotates boxes and no masks: then answers are compared with it by their boxes."""


class LoggedRun(Record):
    """Where a run was logged to MLflow."""

    tracking_uri: str
    """URI of the store."""
    experiment: str
    """Name of the experiment."""
    run_id: str
    """Id of the parent run."""


class Results(Record):
    """The results of a run."""

    version: Literal[2] = VERSION
    """Version of the layout of this file."""
    run: str
    """The run folder when it was scored."""
    benchmark: ScoredBenchmark
    """The benchmark, its protocol and how many samples were asked."""
    protocol: str
    """Name of the metric protocol."""
    metrics: dict[str, MetricInfo]
    """The description of each metric of the protocol, the leading ones first."""
    systems: dict[str, SystemResult]
    """Scores of each system, in the order they were given."""
    differences: list[PairDifference]
    """How each pair of systems differs."""
    oracles: list[OracleResult]
    """What perfect parts would gain; empty where that was not asked for."""
    frontier: str | None = None
    """The system that all systems of the run are variants of, each compared with the first; None for any other run."""
    draws: int | None = None
    """How many bootstrap draws are behind the intervals and differences of metrics of more than 10,000 images, where
    there are as many; None: 2,000 draws are behind all."""
    latency_draws: int | None = None
    """The same for latencies, costs and calls, whose intervals are the central 95 % of draws. Differences of latency
    take more where more than six pairs are compared, so that their corrected p-values can become small."""
    stress: StressResults | None = None
    """Curves over the levels of a stress axis; None for a run that is not about one."""
    report: str | None
    """Path of the report; None before it is written."""
    mlflow: LoggedRun | None
    """Where the run was logged; None where it was not."""

    @property
    def has_truth(self) -> bool:
        """Whether any sample came with its truth; else nothing is scored."""
        systems = self.systems.values()
        return not systems or any(system.without_truth < system.samples for system in systems)


def read_results(value: object, where: str) -> Results:
    """The results from the JSON value of a file; results of an older version are upgraded, and need no checksum.

    Raises `ConfigurationError` that names the file `where` and the field for anything that is not a results file, and
    for one whose checksum does not fit.
    """
    check_version(value, VERSION, where)
    if isinstance(value, Mapping) and CHECKSUM in value:
        given, value = value[CHECKSUM], {key: item for key, item in value.items() if key != CHECKSUM}
        if given != _checksum(value):
            raise ConfigurationError(
                f"{where} is damaged: its checksum does not fit, so something in it was changed. Delete it, and "
                "`workbench report RUN` makes it again from the predictions of the run folder"
            )
    return Results.from_json(results_of_0_1(value), where)


def with_checksum(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON value of results as it is written: with a checksum of all the rest, which `read_results` checks."""
    return {**value, CHECKSUM: _checksum(value)}


def _checksum(value: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(value, sort_keys=True).encode()):08x}"


def leading_metrics(results: Results) -> list[str]:
    """The metrics that tables, figures and verdicts show first: those that lead, else the protocol's first."""
    leading = [name for name, info in results.metrics.items() if info.leads]
    return leading or list(results.metrics)[:1]


def main_metric(results: Results) -> str:
    """The first leading metric that any system has a value of; otherwise any metric that has a value; otherwise the
    first of all."""
    defined = defined_metrics(results)
    order = [*leading_metrics(results), *results.metrics]
    return next((name for name in order if name in defined), order[0] if order else "")


def defined_metrics(results: Results) -> set[str]:
    """The metrics that any system has a value of."""
    systems = results.systems.values()
    return {name for system in systems for name, value in system.metrics.items() if value is not None}


def ranked(results: Results, metric: str) -> list[str]:
    """Names of the systems, the best by a metric first; those without a value come last, in the run's order."""
    sign = -1 if info(results, metric).higher_is_better else 1
    values = {name: system.metrics.get(metric) for name, system in results.systems.items()}
    return sorted(values, key=lambda name: (1, 0.0) if (value := values[name]) is None else (0, sign * value))


def info(results: Results, metric: str) -> MetricInfo:
    """The description of a metric; a metric that the results do not describe is a fraction, and higher is better."""
    return results.metrics.get(metric, MetricInfo())
