"""Mirrored pictures: pixels, masks and words change sides together; what cannot be mirrored is left alone."""

import numpy as np
import pytest

from workbench.foundations.training.data.mirror import can_mirror, exchanged, mirrored
from workbench.foundations.training.data.questions import Picture, Question


def picture(*texts: str, label: str | None = None) -> Picture:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    masks = np.zeros((1, 2, 4), dtype=bool)
    masks[0, 1, 0] = True
    return Picture(image, [Question(text, "mug on the left", masks, label=label) for text in texts])


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("the left mug", "the right mug"),
        ("Left of the pear, right of the cup", "Right of the pear, left of the cup"),
        ("the leftmost and the RIGHTMOST", "the rightmost and the LEFTMOST"),
        ("left-hand side", "right-hand side"),
        ("bright copyright leftovers", "bright copyright leftovers"),
    ],
)
def test_left_and_right_are_exchanged_as_words(text: str, other: str) -> None:
    assert exchanged(text) == other
    assert exchanged(other) == text


def test_pixels_masks_and_words_change_sides() -> None:
    one = picture("the left mug")
    other = mirrored(one)
    assert np.array_equal(other.image, one.image[:, ::-1])
    assert other.questions[0].masks[0, 1].tolist() == [False, False, False, True]
    assert (other.questions[0].text, other.questions[0].phrase) == ("the right mug", "mug on the right")
    again = mirrored(other)
    assert np.array_equal(again.image, one.image) and again.questions[0].text == "the left mug"


@pytest.mark.parametrize(
    "text", ["the one at 3 o'clock", "what is left over", "what is right now there", "the east gate"]
)
def test_a_text_that_a_mirror_makes_wrong_keeps_its_picture_as_it_is(text: str) -> None:
    assert can_mirror(picture("the left mug"))
    assert not can_mirror(picture("the left mug", text))


def test_questions_about_writing_are_not_mirrored() -> None:
    assert not can_mirror(picture("the sign", label="OCR"))
