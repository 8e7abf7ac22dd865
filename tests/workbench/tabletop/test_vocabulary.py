"""The words of the generated benchmark."""

from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, HELD_OUT, KINDS


def test_the_vocabulary_is_consistent() -> None:
    assert {c.kind for c in CATEGORIES.values()} == set(KINDS)
    assert all(category in CATEGORIES and colour in COLOURS for category, colour in HELD_OUT)
    assert {category for category, _ in HELD_OUT} == set(CATEGORIES)
    assert not set(CATEGORIES) & set(KINDS)
