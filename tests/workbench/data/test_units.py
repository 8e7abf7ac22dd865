"""Metrics are shown in their own unit, and it is said where less of one is better."""

import pytest

from workbench.data.metric_info import FRACTION, MetricInfo
from workbench.data.units import change_in_unit, definition, difference_unit, in_unit, labelled, value_unit

EDGE = MetricInfo("Distance of the edges.", unit="pixels", higher_is_better=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.413, FRACTION, "41.3"),
        (-0.02, FRACTION, "-2.0"),
        (2.0, "pixels", "2"),
        (3.14159, "pixels", "3.14"),
        (0.5, "seconds", "0.5"),
        (999.9, "pixels", "1,000"),
        (123456.7, "pixels", "123,457"),
        (0.0, "pixels", "0"),
    ],
)
def test_a_value_is_in_percent_for_a_fraction_and_as_it_is_in_any_other_unit(
    value: float, unit: str, text: str
) -> None:
    assert in_unit(value, unit) == text


@pytest.mark.parametrize(
    ("change", "unit", "text"),
    [
        (0.041, FRACTION, "+4.1"),
        (-0.041, FRACTION, "-4.1"),
        (0.0, FRACTION, "0.0"),
        (0.041, "pixels", "+0.041"),
        (-1500.0, "pixels", "-1,500"),
        (0.0, "pixels", "0"),
    ],
)
def test_a_difference_is_signed_and_in_points_only_for_a_fraction(change: float, unit: str, text: str) -> None:
    assert change_in_unit(change, unit) == text


def test_units_stand_beside_values_and_differences() -> None:
    assert (value_unit(FRACTION), difference_unit(FRACTION)) == ("%", "points")
    assert (value_unit("pixels"), difference_unit("pixels")) == ("pixels", "pixels")


def test_a_label_names_unit_and_direction_and_has_no_empty_brackets() -> None:
    assert labelled("mAP", MetricInfo(), "%") == "mAP (%)"
    assert labelled("edge", EDGE, "pixels") == "edge (pixels, less is better)"
    assert labelled("objects", MetricInfo(unit=""), "") == "objects"
    assert labelled("errors", MetricInfo(unit="", higher_is_better=False), "") == "errors (less is better)"


def test_a_definition_says_what_is_not_usual() -> None:
    assert definition(MetricInfo("Share of the right ones.")) == "Share of the right ones."
    assert definition(EDGE) == "Distance of the edges. In pixels, less is better."
    assert definition(MetricInfo(higher_is_better=False)) == "Less is better."
    assert definition(MetricInfo()) == ""
