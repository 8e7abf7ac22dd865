"""The axis of a run, as its files have it."""

import pytest

from workbench.data.errors import ConfigurationError
from workbench.data.stress import AxisEntry, axis_of, label

ENTRY = {
    "name": "blur",
    "title": "Blur",
    "unit": "severity",
    "levels": [0, 1, 5],
    "plain": 0,
    "same_answer": True,
    "generated": False,
}


def test_a_benchmark_has_an_axis_in_its_identity_or_none() -> None:
    found = axis_of({"seed": 1, "stress": ENTRY}, "here")
    assert found is not None and found.ordered and found.plain_place == 0 and found.levels == [0, 1, 5]
    assert axis_of({"seed": 1}, "here") is None
    with pytest.raises(ConfigurationError, match=r"manifest.json: title: "):
        axis_of({"stress": {**ENTRY, "title": 3}}, "manifest.json")


def test_levels_that_are_names_have_no_order() -> None:
    named = AxisEntry.from_json({**ENTRY, "levels": ["en", "de"], "plain": "de"}, "here")
    assert not named.ordered and named.plain_place == 1
    assert AxisEntry.from_json(named.to_json(), "here") == named


@pytest.mark.parametrize(("level", "text"), [(0, "0"), (0.25, "0.25"), (24, "24"), (1.0, "1"), ("but not", "but-not")])
def test_a_level_is_short_and_can_end_an_id(level: float | str, text: str) -> None:
    assert label(level) == text
