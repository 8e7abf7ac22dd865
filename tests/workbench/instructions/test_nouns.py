"""Categories in words."""

import pytest

from workbench.instructions.nouns import alike, mistakable, noun_of


@pytest.mark.parametrize(
    ("category", "one", "many", "counted"),
    [
        ("person", "person", "people", True),
        ("wine glass", "wine glass", "wine glasses", True),
        ("bus", "bus", "buses", True),
        ("knife", "knife", "knives", True),
        ("baby", "baby", "babies", True),
        ("toothbrush", "toothbrush", "toothbrushes", True),
        ("diningtable", "dining table", "dining tables", True),
        ("bow_(decorative_ribbons)", "bow", "bows", True),
        ("cup of tea", "cup of tea", "cups of tea", True),
        ("policewoman", "policewoman", "policewomen", True),
        ("scissors", "scissors", "scissors", False),
        ("broccoli", "broccoli", "broccoli", False),
    ],
)
def test_a_category_is_said_in_singular_and_plural(category: str, one: str, many: str, counted: bool) -> None:
    noun = noun_of(category)
    assert noun is not None
    assert (noun.say(False), noun.say(True), noun.counted) == (one, many, counted)


@pytest.mark.parametrize(
    "category", ["other", "other vehicle", "object", "17", "car, van or truck", "a very long name of it", ""]
)
def test_what_is_no_name_of_a_thing_is_not_said(category: str) -> None:
    assert noun_of(category) is None


def _known(*names: str):  # type: ignore[no-untyped-def]
    return [noun for name in names if (noun := noun_of(name))]


def test_a_name_that_fits_another_category_in_the_picture_can_be_mistaken() -> None:
    (bear, teddy), (person, rider) = _known("bear", "teddy bear"), _known("person", "rider")
    assert mistakable(bear, [bear, teddy]) and not mistakable(teddy, [bear, teddy])
    assert mistakable(person, [person, rider]) and not mistakable(rider, [person, rider])


def test_what_annotators_confuse_is_alike() -> None:
    cup, glass, dog = _known("cup", "wine glass", "dog")
    assert alike(cup, [glass, dog]) and not alike(dog, [glass, cup])


def test_people_and_names_with_a_colour_have_no_colour_in_front() -> None:
    person, juice, orange, dog = _known("person", "orange juice", "orange", "dog")
    assert [noun.coloured for noun in (person, juice, orange, dog)] == [False, False, False, True]
    assert noun_of("scissors").sounds_plural and not noun_of("broccoli").sounds_plural  # type: ignore[union-attr]
