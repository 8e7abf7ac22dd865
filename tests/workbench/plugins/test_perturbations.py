"""What an axis declares, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Install
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.data.samples import Sample
from workbench.plugins import registry
from workbench.plugins.perturbations import Question, axis, declared, generated_axis

GOOD = '''
from workbench import axis

@axis("Gamma", levels=(1, 2), unit="exponent")
def gamma(question, level, rng):
    """Darker."""
    return question

def bare(question, level, rng):
    return question

@axis("Few", levels=(1, 2))
def few(question):
    return question
'''


def question() -> Question:
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:5] = True
    sample = Sample("1", "1", Path("1.png"), 8, 6, "the mug", (masks.encode(mask),))
    return Question(sample, np.zeros((6, 8, 3), np.uint8))


def test_an_axis_of_another_distribution_is_found_and_a_broken_one_is_named(install: Install) -> None:
    points = {"acme-gamma": "acme_axes:gamma", "acme-bare": "acme_axes:bare", "acme-few": "acme_axes:few"}
    install("acme", {"perturbations": points}, {"acme_axes": GOOD})
    found = {plugin.name: plugin for plugin in registry.plugins("perturbations")}
    assert (found["acme-gamma"].summary, found["acme-gamma"].problem) == ("Darker.", None)
    one = declared(registry.load("perturbations", "acme-gamma"))
    assert one is not None and (one.title, one.levels, one.plain, one.generated) == ("Gamma", (1, 2), 1, False)
    assert "decorate it with `workbench.axis`" in str(found["acme-bare"].problem)
    with pytest.raises(ConfigurationError, match="a question, a level and a random generator"):
        registry.load("perturbations", "acme-few")


def test_the_plain_level_is_the_first_unless_it_is_said() -> None:
    def change(question: Question, level: float, rng: np.random.Generator) -> Question:
        return question

    one = declared(axis("A", (0.5, 1.0), plain=1.0)(change))
    assert one is not None and one.plain == 1.0 and one.ordered and one.same_answer
    two = declared(generated_axis("B", ("a", "b"))(change))
    assert two is not None and two.plain == "a" and not two.ordered and two.generated and not two.same_answer


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0], "at least two"),
        ("0,1", "at least two"),
        ([0, "far"], "expected numbers"),
        ([0, 2, 1], "rising"),
        ([0, 0, 1], "rising"),
        ([1, 2], "expected 0 among them"),
    ],
)
def test_other_levels_must_fit(levels: object, message: str) -> None:
    one = declared(axis("A", (0, 1, 2))(lambda question, level, rng: question))
    assert one is not None and one.with_levels([0, 0.5, 4]).levels == (0, 0.5, 4)
    with pytest.raises(ConfigurationError, match=message):
        one.with_levels(levels)


def test_names_are_chosen_from_those_that_there_are() -> None:
    one = declared(axis("A", ("en", "de", "fr"))(lambda question, level, rng: question))
    assert one is not None and one.with_levels(["en", "fr"]).levels == ("en", "fr")
    with pytest.raises(ConfigurationError, match=r"some of en, de, fr, got 'it'"):
        one.with_levels(["en", "it"])


def test_a_picture_of_another_size_must_be_a_move() -> None:
    with pytest.raises(ValueError, match=r"expected a picture \(6, 8, 3\) uint8"):
        question().seen(np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="expected masks to move to"):
        question().moved(lambda pixels: pixels[:3], lambda mask: mask)


def test_a_target_of_which_nothing_is_left_is_no_target() -> None:
    left = question().moved(lambda pixels: pixels[:, 5:])
    assert left.sample.targets == () and left.sample.width == 3
    kept = question().moved(lambda pixels: pixels[:, 3:])
    assert masks.decode(kept.sample.targets[0]).sum() == 4
