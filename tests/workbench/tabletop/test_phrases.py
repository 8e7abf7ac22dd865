"""Noun phrases: which objects they name, and that they read back."""

from dataclasses import dataclass

import pytest

from workbench.tabletop.phrases import ALL_PHRASES, matches, noun_phrases, parse


@dataclass(frozen=True)
class Named:
    category: str
    colour: str
    size: str


MUG = Named("mug", "red", "large")


def test_an_object_has_a_phrase_for_every_choice_of_words() -> None:
    assert noun_phrases(MUG)[:4] == ["large red mug", "red mug", "large mug", "mug"]
    assert "drinkware" in noun_phrases(MUG) and "red object" in noun_phrases(MUG)


def test_the_phrases_of_an_object_are_exactly_those_that_match_it() -> None:
    assert set(noun_phrases(MUG)) == {phrase for phrase in ALL_PHRASES if matches(phrase, MUG)}


@pytest.mark.parametrize("phrase", ["blue mug", "small mug", "bottle", "fruit", "large red toy"])
def test_a_phrase_with_a_wrong_word_does_not_match(phrase: str) -> None:
    assert not matches(phrase, MUG)


def test_every_phrase_reads_back_as_itself() -> None:
    assert [str(parse(phrase)) for phrase in ALL_PHRASES] == list(ALL_PHRASES)
    assert len(set(ALL_PHRASES)) == len(ALL_PHRASES)


@pytest.mark.parametrize("text", ["", "red", "mugs", "red large mug", "large red", "a mug"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="words of the vocabulary"):
        parse(text)
