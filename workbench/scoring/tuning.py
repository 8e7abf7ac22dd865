"""Chooses score thresholds on one run and judges them on another: on val, never on test.

Both are done with stored answers, and no system is asked again. Which split a run was made on is the `split` of its
benchmark's identity; a benchmark that names none leaves the care to whoever chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.data.curves import ThresholdCurve
from workbench.data.errors import ConfigurationError
from workbench.data.results import PairDifference
from workbench.data.vocabulary import EXACT_SETS
from workbench.metrics.overlaps import SampleOverlap, overlaps
from workbench.metrics.statistics import values
from workbench.plugins.names import unknown
from workbench.plugins.registry import load
from workbench.runs.run import Run
from workbench.scoring.curves import Build, at_threshold, exact_share, known, threshold_curve
from workbench.scoring.differences import pairwise_differences
from workbench.scoring.system import metrics_of

STEPS = 100
"""Steps of the thresholds from 0 to 1."""
TEST = "test"
"""What the name of a test split begins with."""


@dataclass(frozen=True)
class Choice:
    """The threshold of a system that is best on the run it was chosen on."""

    system: str
    option: str | None
    """Name of the system's option for it; None where the system states none."""
    threshold: float
    curve: ThresholdCurve
    """Of the metrics in question, with the threshold that the answers were made with."""
    remark: str = ""

    @property
    def changes(self) -> bool:
        """Whether it is another threshold than that of the run."""
        return self.threshold != self.curve.operating

    @property
    def setting(self) -> str | None:
        """The assignment for `--set`; None where nothing changes, or no option is stated."""
        return f"{self.system}.{self.option}={self.threshold:g}" if self.changes and self.option else None

    @property
    def remarks(self) -> list[str]:
        """What has to be said about the choice."""
        lines = [self.remark] if self.remark else []
        if self.curve.known_from:
            lines.append(f"known from {self.curve.known_from:.2f} up, as nothing that scored less was stored")
        if self.changes and not self.option:
            lines.append("it states no option that sets its threshold; --apply cuts its stored answers")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "system": self.system,
            "operating": self.curve.operating,
            "threshold": self.threshold,
            "set": self.setting,
            "before": self.at(self.curve.operating),
            "after": self.at(self.threshold),
            "remarks": self.remarks,
            "curve": self.curve.to_json(),
        }

    def at(self, threshold: float) -> dict[str, float | None]:
        """Each metric at one of the curve's thresholds."""
        place = self.curve.thresholds.index(threshold)
        return {name: column[place] for name, column in self.curve.values.items()}


@dataclass(frozen=True)
class Applied:
    """What a chosen threshold does to a system in another run."""

    system: str
    threshold: float
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    difference: PairDifference | None = None
    """After minus before, with intervals; None where nothing was applied, which `remark` explains."""
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        difference = self.difference.to_json() if self.difference else None
        return {**vars(self), "difference": difference}


def split_of(run: Run) -> str | None:
    """The split that the benchmark of a run names in its identity."""
    split = run.manifest.benchmark.identity.get("split")
    return split if isinstance(split, str) else None


def check_apart(run: Run, other: Run | None) -> None:
    """Raise `ConfigurationError` where thresholds must not be chosen on `run` to be applied to `other`: one has no
    truth, the two share images, or the first is of a test split and it is not known what the thresholds are for."""
    for one in filter(None, (run, other)):
        if not any(sample.has_truth for sample in one.samples()):
            raise ConfigurationError(f"{one.path} has no truth, so no threshold is better than another there")
    split = split_of(run)
    if other is None:
        if split is not None and split.lower().startswith(TEST):
            raise ConfigurationError(
                f"{run.path} was made on the split {split!r} of {run.benchmark} (`split` of its identity in "
                "manifest.json), and thresholds are chosen on val, never on test. Choose on a run of val "
                f"(--set {run.benchmark}.split=val), or name the run that they are for with --apply: it must not share "
                "an image with this one"
            )
        return
    shared = images(run) & images(other)
    if shared:
        raise ConfigurationError(
            f"{run.path} and {other.path} share {len(shared)} images: thresholds would be judged on what they were "
            "chosen on"
        )


def images(run: Run) -> set[str]:
    """What tells the images of a run from others: the digest of each file, or the names of benchmark and image."""
    stored = run.stored(run.systems[0])
    return {
        str(one.about.get("image") or f"{run.benchmark}: {sample.image_id}")
        for sample, one in zip(run.samples(), stored, strict=True)
    }


def choose(run: Run, metric: str = EXACT_SETS, at_least: Mapping[str, float] | None = None) -> list[Choice]:
    """The threshold of each system that is best by a metric, of those at which other metrics reach a bound.

    `metric` and the keys of `at_least` are metrics of the run's protocol, or `exact sets`. Of equally good thresholds
    it is the one nearest to that of the run. Raises `ConfigurationError` for a metric that there is not.
    """
    bounds = dict(at_least or {})
    protocol = run.manifest.benchmark.protocol
    build = load("metrics", protocol)
    choices = []
    for system in run.systems:
        seen, stated = run.overlaps(system), run.manifest.conditions.get(system)
        described = metrics_of(protocol, values(build(seen), len(seen)))
        for name in (metric, *bounds):
            if name != EXACT_SETS and name not in described:
                raise ConfigurationError(unknown("metric", name, [*described, EXACT_SETS]))
        wanted = dict.fromkeys([metric, *bounds, *(name for name, about in described.items() if about.leads)])
        curve = threshold_curve(seen, build, [name for name in wanted if name != EXACT_SETS], stated, STEPS)
        sign = 1 if metric == EXACT_SETS or described[metric].higher_is_better else -1
        threshold, remark = _best(curve, metric, sign, bounds)
        choices.append(Choice(system, stated.threshold_option if stated else None, threshold, curve, remark))
    return choices


def _best(curve: ThresholdCurve, metric: str, sign: int, bounds: Mapping[str, float]) -> tuple[float, str]:
    """The best threshold, and a remark where there is none."""
    rows = [
        (sign * value, -abs(threshold - curve.operating), threshold)
        for place, (threshold, value) in enumerate(zip(curve.thresholds, curve.values[metric], strict=True))
        if value is not None and all((curve.values[name][place] or 0.0) >= bound for name, bound in bounds.items())
    ]
    if rows:
        return max(rows)[-1], ""
    wanted = " and ".join(f"{name} of at least {bound:g}" for name, bound in bounds.items()) or f"a value of {metric}"
    return curve.operating, f"no threshold from {curve.known_from:.2f} up has {wanted}"


def apply(choices: Sequence[Choice], run: Run) -> list[Applied]:
    """What the chosen thresholds do to the answers of another run, with paired intervals and p-values corrected for all
    of its systems together."""
    protocol = run.manifest.benchmark.protocol
    build = load("metrics", protocol)
    done: dict[str, Applied] = {}
    variants: dict[str, list[SampleOverlap]] = {}
    pairs = []
    for choice in choices:
        system = choice.system
        if system not in run.systems:
            done[system] = Applied(system, choice.threshold, {}, {}, remark=f"{run.path} has no such system")
            continue
        seen, answers = run.overlaps(system), run.predictions(system)
        before = _measured(build, seen)
        about = known(answers, run.manifest.conditions.get(system))
        remark = "as it ran" if choice.threshold == about.operating else ""
        if choice.threshold < about.lowest:
            remark = f"its answers below {about.lowest:.2f} are not known there"
        if remark:
            done[system] = Applied(system, choice.threshold, before, before, remark=remark)
            continue
        after = overlaps(run.samples(), [at_threshold(answer, choice.threshold) for answer in answers])
        done[system] = Applied(system, choice.threshold, before, _measured(build, after))
        variants |= {system: seen, f"{system} tuned": after}
        pairs.append((f"{system} tuned", system))
    for pair in pairwise_differences(variants, protocol, pairs=pairs) if pairs else ():
        one = done[pair.b]
        done[pair.b] = Applied(one.system, one.threshold, one.before, one.after, pair, one.remark)
    return list(done.values())


def _measured(build: Build, seen: Sequence[SampleOverlap]) -> dict[str, float | None]:
    return {**values(build(seen), len(seen)), EXACT_SETS: exact_share(seen)}
