"""What the curves of an axis say in words."""

import pytest

from reports.text.stress import findings, shown_metrics, summary_rows, table
from workbench.data.metric_info import MetricInfo
from workbench.data.stress import AxisEntry, Crossing, Level, StressCurve, StressPair, StressResults

INFOS = {
    "mAP": MetricInfo(leads=True),
    "gIoU": MetricInfo(leads=True),
    "exact sets": MetricInfo(leads=True),
    "seconds": MetricInfo(unit="s", higher_is_better=False),
}


def curve(*values: float | None, half: float | str | None = None) -> StressCurve:
    known = [value for value in values if value is not None]
    return StressCurve(
        values=list(values),
        intervals=[None if value is None else (value - 0.1, value + 0.1) for value in values],
        half=half,
        half_interval=(1.5, None) if isinstance(half, float) else None,
        area=sum(known) / len(known),
        area_interval=(0.2, 0.6),
    )


def results(*levels: Level, crossings: tuple[Crossing, ...] = (), p: float = 0.5) -> StressResults:
    ordered = not isinstance(levels[0], str)
    half = 2.25 if ordered else str(levels[1])
    axis = AxisEntry(
        name="targets",
        title="Targets",
        unit="targets",
        levels=list(levels),
        plain=levels[0],
        same_answer=False,
        generated=True,
    )
    curves = {"mAP": curve(None, 0.4), "gIoU": curve(0.8, 0.3, half=half), "exact sets": curve(0.5, 0.5)}
    curves["seconds"] = curve(0.2, 0.3)
    pair = StressPair(
        a="one",
        b="two",
        metric="gIoU",
        differences=[0.1, -0.1],
        intervals=[None, None],
        area=-0.05,
        area_interval=(-0.2, 0.1),
        p=p,
        p_holm=p,
        crossings=list(crossings),
    )
    return StressResults(
        axis=axis,
        questions=24,
        images=24,
        metrics=INFOS,
        curves={"one": curves, "two": {**curves, "gIoU": curve(0.8, 0.7)}},
        pairs=[pair],
    )


def test_the_shown_metric_is_the_first_that_is_defined_at_every_level() -> None:
    assert shown_metrics([results(0, 4)]) == ["gIoU", "exact sets"]


def test_halves_areas_and_differences_are_said_with_their_intervals() -> None:
    said = findings(results(0, 4), "gIoU")
    assert said[0] == "gIoU falls to half: one at 2.25 targets (1.5 to beyond the last level); two at no level."
    assert said[1].startswith("Mean height of the curve: one 55.0 (20.0 to 60.0); two 75.0")
    assert said[2].endswith("which may be chance.") and "one less two: \N{MINUS SIGN}5.0 points" in said[2]
    assert findings(results(0, 4, p=0.01), "gIoU")[2].endswith("beyond chance.")


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((1.0, 3.0), "The curves cross at 2 targets (1 to 3)."),
        ((None, 3.0), "The curves cross at 2 targets (before the first level to 3)."),
        ((None, None), "the images do not settle it."),
        (None, "of too few images for an interval."),
    ],
)
def test_crossings_are_said_with_what_is_known_of_them(
    interval: tuple[float | None, float | None] | None, said: str
) -> None:
    one = results(0, 4, crossings=(Crossing(at=2.0, interval=interval, drawn=0.9),))
    assert findings(one, "gIoU")[3].endswith(said)


def test_levels_without_order_are_named() -> None:
    assert "one at “German”" in findings(results("English", "German"), "gIoU")[0]


def test_the_table_has_every_metric_of_every_system_at_every_level() -> None:
    found = table(results(0, 4))
    assert found["levels"] == ["0", "4"] and len(found["rows"]) == 2 * len(INFOS)
    assert found["rows"][0]["cells"][0] == ("\N{EN DASH}", "")
    assert found["rows"][0]["metric"] == "mAP (%)" and found["rows"][1]["metric"] == ""
    assert found["rows"][-1]["cells"][1][0] == "0.3"


def test_the_summary_has_a_row_for_each_axis_and_system() -> None:
    rows = summary_rows({"Targets": results(0, 4)}, ["gIoU"])
    assert rows == [
        ["Targets", "one", "80.0", "55.0", "2.25 (1.5 to beyond the last level)"],
        ["Targets", "two", "80.0", "75.0", "never"],
    ]
