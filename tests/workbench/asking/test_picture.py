"""Pictures as they are given in Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.asking.picture import name_of, pixels_of
from workbench.data.errors import ConfigurationError

COLOURED = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)


def test_a_file_an_image_and_an_array_give_the_same_pixels(tmp_path: Path) -> None:
    file = tmp_path / "mug.png"
    Image.fromarray(COLOURED).save(file)
    for given in (file, str(file), Image.open(file), Image.fromarray(COLOURED), COLOURED):
        assert np.array_equal(pixels_of(given), COLOURED)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 5), 7, np.uint8), 7),
        (np.full((4, 5, 1), 7, np.uint8), 7),
        (np.full((4, 5), 65535, np.uint16), 255),
        (np.ones((4, 5), bool), 255),
        (np.dstack([np.full((4, 5, 3), 9, np.uint8), np.zeros((4, 5), np.uint8)]), 255),  # transparent parts are white
    ],
)
def test_grey_deep_and_transparent_arrays_are_shown_as_such_files_are(array: Any, expected: int) -> None:
    shown = pixels_of(array)
    assert shown.shape == (4, 5, 3) and shown.dtype == np.uint8 and (shown == expected).all()


def test_an_image_that_was_taken_sideways_is_shown_upright() -> None:
    image = Image.fromarray(COLOURED)
    image.getexif()[0x0112] = 6
    assert np.array_equal(pixels_of(image), np.rot90(COLOURED, -1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((4, 5, 3)), r"got \[4, 5, 3\] float64; of values from 0 to 1, give \(255"),
        (np.zeros((3, 4, 5), np.uint8), r"got \[3, 4, 5\] uint8; give the channels last"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (None, "expected a path, a Pillow image or an array .* got NoneType"),
        (17, "got int"),
        ("nowhere.jpg", "picture not found: nowhere.jpg"),
        (__file__, "expected JPEG, PNG"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        pixels_of(given)


def test_a_picture_is_called_by_its_file(tmp_path: Path) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "mug.png")
    assert name_of(tmp_path / "mug.png") == name_of(Image.open(tmp_path / "mug.png")) == "mug.png"
    assert name_of(COLOURED) == name_of(Image.fromarray(COLOURED)) == "picture"
