"""Category, attribute and exclusion, on a picture whose answers can be told at a glance."""

import numpy as np
import pytest

from tests.workbench.instructions.drawn import view
from workbench.instructions.descriptions import attribute, category, exclusion
from workbench.instructions.view import View

BOXES = {
    "car": [(5, 60, 25, 90), (90, 50, 120, 90), (140, 30, 198, 90)],
    "person": [(50, 40, 70, 88)],
    "cat": [],
    "horse": [],
}
COLOURS = ("red", "blue", "blue", "red")


def _drafts(make, form: str, seen: View) -> dict[str, tuple[int, ...]]:  # type: ignore[no-untyped-def]
    found = {}
    for seed in range(400):
        draft = make(seen, np.random.default_rng(seed), form)
        if draft:
            text = draft.text.rstrip(".?").removesuffix(" for me").removesuffix(", please")
            start = min(p for word in ("the ", "all ", "every ", "each ") if (p := text.find(word)) >= 0)
            found[text[start:]] = draft.targets
    return found


@pytest.mark.parametrize(
    ("make", "form", "expected"),
    [
        (category, "single", {"the person": (3,)}),
        (category, "multi", {"all cars": (0, 1, 2), "the cars and the person": (0, 1, 2, 3)}),
        (category, "none", {"the cat": (), "the cat and the horse": ()}),
        (attribute, "single", {"the red car": (0,)}),
        (attribute, "multi", {"the blue cars": (1, 2), "the cars that are blue": (1, 2)}),
        (attribute, "none", {"the white car": ()}),
        (exclusion, "single", {"the car that is not blue": (0,)}),
        (exclusion, "multi", {"all cars except the leftmost one": (1, 2), "all cars that are not red": (1, 2)}),
        (exclusion, "none", {"all cats except the leftmost one": ()}),
    ],
)
def test_targets_are_those_that_the_words_name(make, form, expected) -> None:  # type: ignore[no-untyped-def]
    found = _drafts(make, form, view(BOXES, COLOURS))
    assert {text: found.get(text) for text in expected} == expected


def test_people_have_no_colour_and_a_colour_that_is_not_clear_is_not_said() -> None:
    found = {**_drafts(attribute, "single", view(BOXES, COLOURS)), **_drafts(attribute, "none", view(BOXES, COLOURS))}
    assert found and not [text for text in found if "person" in text]
    unclear = view(BOXES)
    assert not [text for form in ("single", "multi", "none") for text in _drafts(attribute, form, unclear)]
