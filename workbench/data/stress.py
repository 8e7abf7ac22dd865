"""How systems answer at the levels of a stress axis: the part of `results.json` that a run of `workbench stress` has.

All of it is computed by `workbench.scoring.stress` from what was stored. Intervals are at 95 %, from a bootstrap over
images that draws the same images at every level and for every system.
"""

from typing import Any

from workbench.data.intervals import Interval, OpenInterval
from workbench.data.metric_info import MetricInfo
from workbench.data.records import Record

STRESS = "stress"
"""Key of a benchmark's identity that holds its axis, see `AxisEntry`."""
LEVEL = "level"
"""Key of a sample's facts that holds its level."""
QUESTION = "question"
"""Key of a sample's facts that names the question that it asks at that level."""

Level = float | str


class AxisEntry(Record):
    """The axis of a run."""

    name: str
    """Name of the plugin."""
    title: str
    """What a page calls it."""
    unit: str
    """Of the levels, in words; may be empty."""
    levels: list[Level]
    """In order: numbers, or names that have no order."""
    plain: Level
    """The level that the others are compared with, where nothing is changed."""
    same_answer: bool
    """Whether the right answer is the same at all levels."""
    generated: bool
    """Whether the axis draws its own scenes."""

    @property
    def ordered(self) -> bool:
        """Whether the levels are numbers."""
        return not any(isinstance(level, str) for level in self.levels)

    @property
    def plain_place(self) -> int:
        """Which of the levels is the plain one."""
        return self.levels.index(self.plain)


class StressCurve(Record):
    """One metric of one system at all levels."""

    values: list[float | None]
    """At each level; None where undefined."""
    intervals: list[Interval]
    """95 % interval of each."""
    half: float | str | None
    """Where it falls to half of its value at the plain level: between two levels in proportion, or the name of the
    first such level. None where it never does."""
    half_interval: OpenInterval | None
    """95 % interval of `half`; an open side is beyond the levels. None where levels have no order, and where there is
    too little data."""
    area: float | None
    """Mean height of the curve over the range of the levels (area under the curve, by its width); of levels without
    order the mean of all."""
    area_interval: Interval
    """95 % interval of the area."""


class Crossing(Record):
    """Where the curves of two systems cross."""

    at: float
    """The level, between two in proportion."""
    interval: OpenInterval | None
    """95 % interval; an open side is beyond the levels: there, draws of the images do not cross. None where there is
    too little data."""
    drawn: float | None
    """The share of draws in which the curves cross at all."""


class StressPair(Record):
    """Two systems on one metric."""

    a: str
    """Name of the first system."""
    b: str
    """Name of the second system."""
    metric: str
    """Name of the metric."""
    differences: list[float | None]
    """First minus second at each level."""
    intervals: list[Interval]
    """95 % interval of each."""
    area: float | None
    """Difference of the areas under the curves."""
    area_interval: Interval
    """95 % interval of it."""
    p: float | None
    """Two-sided p-value of the areas being the same."""
    p_holm: float | None
    """The same, corrected by Holm's method for all pairs and metrics of the run."""
    crossings: list[Crossing]
    """Where the curves cross, by rising level; empty where they do not, or where levels have no order."""


class StressResults(Record):
    """Everything that is reported of a stress axis."""

    axis: AxisEntry
    """The axis."""
    questions: int
    """Questions at each level."""
    images: int
    """Images, or scenes, that they are about."""
    metrics: dict[str, MetricInfo]
    """What each metric is, the leading ones first: those of the protocol, and what `workbench.scoring.stress` adds."""
    curves: dict[str, dict[str, StressCurve]]
    """By system and metric."""
    pairs: list[StressPair]
    """Each pair of systems on each leading metric."""


def label(level: Level) -> str:
    """A level as it is shown, and as it ends the id of a sample: `0.25`, `but-not`."""
    return f"{level:g}" if isinstance(level, int | float) else level.replace(" ", "-")


def axis_of(identity: dict[str, Any], where: str) -> AxisEntry | None:
    """The axis in the identity of a benchmark, None where it has none."""
    return AxisEntry.from_json(identity[STRESS], where) if STRESS in identity else None
