"""What a system's stored answers say about other settings of it: the curves of `results.json`.

All of them are computed by `workbench.scoring.curves` from what was stored; no system is asked again. A threshold is
exclusive: an instance has to score above it.
"""

from workbench.data.intervals import Interval
from workbench.data.records import Record

DUPLICATES = "duplicates"
"""Name of the number of duplicates in 100 samples, beside the protocol's metrics."""


class ThresholdCurve(Record):
    """Metrics of the answers at other score thresholds."""

    operating: float
    """The threshold that the answers were made with: as the system states it, else as their scores show it."""
    stated: bool
    """Whether the system states it, and its scores agree."""
    known_from: float
    """The lowest threshold at which the answers are known: 0 where the system stores what scored too low."""
    thresholds: list[float]
    """From `known_from` to 1, with the operating one among them."""
    values: dict[str, list[float | None]]
    """Value of each leading metric, and of `exact sets`, at each threshold."""


class ReliabilityBin(Record):
    """The instances whose score lies in a tenth of the range from 0 to 1."""

    instances: int
    """How many there are."""
    score: float
    """Their mean score."""
    right: float
    """Share of them that match a target at IoU 0.5."""


class Reliability(Record):
    """Whether instances are right as often as their scores say."""

    bins: list[ReliabilityBin]
    """The tenths that have instances, by rising score."""
    error: float | None
    """Expected calibration error; None without instances."""
    interval: Interval
    """95 % interval of the error."""


class RiskCurve(Record):
    """What is wrong among the answers, if only those are given whose confidence is above a bound."""

    confidence: list[float]
    """Bounds, falling: the confidence of an answer is the lowest score of its instances."""
    coverage: list[float]
    """Share of all samples that are answered with an instance of at least this confidence."""
    risk: list[float]
    """Share of those answers that are not exactly the right set."""
    area: float | None
    """Mean risk over the coverages up to that of the whole run; None where no sample is answered with an instance."""


class SuppressionCurve(Record):
    """Metrics of the answers if overlapping instances are suppressed."""

    limits: list[float]
    """Mask IoU above which, of two instances of an answer, the one that scores lower is dropped; 1 drops none."""
    values: dict[str, list[float | None]]
    """Value of each leading metric, of `exact sets` and of `duplicates` at each limit."""
    suppressed: int
    """Masks that the system suppressed by itself; they are in no curve."""


class Curves(Record):
    """All curves of a system."""

    samples: int | None = None
    """How many of the samples, at equal distances, `threshold`, `unselected` and `suppression` are of, where there are
    too many to measure all of them again; None: of all."""
    threshold: ThresholdCurve
    """Of the answers."""
    unselected: ThresholdCurve | None
    """Of the answers together with the masks that could have been selected and were not: what a threshold alone would
    do in place of the selection. None for a system that selects nothing."""
    reliability: Reliability
    """Of the scores of the answers' instances."""
    risk: RiskCurve
    """Of the samples that were answered with an instance."""
    suppression: SuppressionCurve
    """Of the answers."""
