"""Languages: every noun in every language, with the articles and endings of its gender."""

import pytest

from workbench.stress.tabletop.languages import (
    CHINESE,
    CHINESE_COLOURS,
    FRENCH,
    FRENCH_COLOURS,
    GERMAN,
    GERMAN_COLOURS,
    SAID,
    SPANISH,
    SPANISH_COLOURS,
    chinese,
    french,
    german,
    spanish,
)
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS


@pytest.mark.parametrize("nouns", [GERMAN, FRENCH, SPANISH, CHINESE])
def test_every_category_has_a_noun_of_its_own(nouns: dict[str, object]) -> None:
    assert set(nouns) == set(CATEGORIES)
    assert len(set(map(str, nouns.values()))) == len(CATEGORIES)


@pytest.mark.parametrize("colours", [GERMAN_COLOURS, FRENCH_COLOURS, SPANISH_COLOURS, CHINESE_COLOURS])
def test_every_colour_has_a_word_of_its_own(colours: dict[str, object]) -> None:
    assert set(colours) == set(COLOURS)
    assert len(set(map(str, colours.values()))) == len(COLOURS)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (german("apple", "red", False), "Markiere den roten Apfel."),
        (german("book", "pink", False), "Markiere das rosafarbene Buch."),
        (german("lamp", "black", False), "Markiere die schwarze Lampe."),
        (german("die", "green", True), "Markiere alle grünen Würfel."),
        (french("clock", "purple", False), "Segmente l'horloge violette."),
        (french("kite", "blue", True), "Segmente tous les cerfs-volants bleus."),
        (french("pear", "orange", True), "Segmente toutes les poires orange."),
        (french("book", "black", False), "Segmente le livre noir."),
        (spanish("pencil", "yellow", True), "Segmenta todos los lápices amarillos."),
        (spanish("kite", "red", False), "Segmenta la cometa roja."),
        (spanish("clock", "blue", True), "Segmenta todos los relojes azules."),
        (chinese("mug", "red", False), "请分割红色的杯子。"),
        (chinese("hourglass", "black", True), "请分割所有黑色的沙漏。"),
    ],
)
def test_articles_and_endings_agree(said: str, sentence: str) -> None:
    assert said == sentence


def test_one_and_many_differ_in_every_language() -> None:
    for noun in CATEGORIES:
        for say in SAID.values():
            assert say(noun, "red", False) != say(noun, "red", True)
