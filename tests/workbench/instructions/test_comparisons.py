"""Position, superlative, relation and counting, on a picture whose answers can be told at a glance."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.workbench.instructions.drawn import view
from workbench.instructions.comparisons import counting, position, relation, superlative
from workbench.instructions.view import Draft, View

# dogs 0 (small, left), 1 (middle), 2 (large, right); a ball (3) left of the middle; scissors (4); no cat
DOGS = {
    "dog": [(5, 60, 25, 90), (90, 50, 120, 90), (140, 30, 198, 90)],
    "ball": [(50, 65, 70, 88)],
    "scissors": [(10, 5, 40, 20)],
    "cat": [],
}


def _drafts(make: Callable[..., Draft | None], form: str, seen: View | None = None) -> dict[str, tuple[int, ...]]:
    """Core of each text -> targets, of many attempts."""
    found, seen = {}, seen or view(DOGS)
    for seed in range(300):
        draft = make(seen, np.random.default_rng(seed), form)
        if draft:
            text = draft.text[draft.text.find("the ") :].rstrip(".?").removesuffix(" for me").removesuffix(", please")
            found[text] = draft.targets
    return found


@pytest.mark.parametrize(
    ("make", "form", "expected"),
    [
        (position, "single", {"the leftmost dog": (0,), "the second dog from the left": (1,)}),
        (position, "multi", {"the leftmost dog and the rightmost one": (0, 2), "the two rightmost dogs": (1, 2)}),
        (position, "none", {"the fourth dog from the left": (), "the leftmost cat": ()}),
        (superlative, "single", {"the largest dog in the picture": (2,)}),
        (superlative, "single", {"the second largest dog in the picture": (1,)}),
        (superlative, "multi", {"the two dogs that take up the most room in the picture": (1, 2)}),
        (relation, "single", {"the dog to the left of the ball in the picture": (0,)}),
        (relation, "multi", {"the dogs further right in the picture than the ball": (1, 2)}),
        (counting, "multi", {"the three dogs": (0, 1, 2)}),
        (counting, "single", {"the only ball": (3,)}),
        (counting, "none", {"the dogs, if there are exactly four of them": ()}),
    ],
)  # fmt: skip
def test_targets_are_those_that_the_words_name(make, form, expected) -> None:  # type: ignore[no-untyped-def]
    found = _drafts(make, form)
    assert {text: found.get(text) for text in expected} == expected


def test_what_is_too_close_to_call_is_not_asked() -> None:
    alike = view({"dog": [(5, 50, 35, 90), (50, 50, 80, 90)], "cat": [(120, 50, 150, 90)]})
    assert _drafts(superlative, "single", alike) == {}
    assert not [text for text in _drafts(position, "single", alike) if "top" in text and "half" not in text]


def test_what_has_no_singular_is_not_counted() -> None:
    for make in (counting, superlative, position):
        for form in ("single", "multi", "none"):
            for text in _drafts(make, form):
                assert "scissors" not in text or "half" in text or "quarter" in text or "edge" in text, text


def test_an_object_is_not_compared_with_its_own_kind_by_a_name_alone() -> None:
    coloured = view({"dog": [(5, 60, 25, 90), (90, 50, 120, 90)], "cat": []}, ["red", "blue"])
    found = _drafts(relation, "none", coloured)
    assert any("than the red dog" in text for text in found) and not any("than the dog" in text for text in found)
