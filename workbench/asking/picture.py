"""A picture as it is given in Python: a file, an array or a Pillow image."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.pictures import picture_of, read_picture

EXPECTED = "expected a path, a Pillow image or an array of [H, W, 3] uint8 (or [H, W] for grey, [H, W, 4] for RGBA)"


def pixels_of(given: Any) -> NDArray[np.uint8]:
    """The picture as `[H, W, 3] uint8` RGB, upright, as `workbench.data.pictures` shows it.

    `given`: a path, a Pillow image, or an array: `[H, W, 3]` or `[H, W, 4] uint8`, grey `[H, W] uint8`, `uint16` or
    `bool`. Raises `ConfigurationError` for anything else, and for a file that is no picture.
    """
    try:
        if isinstance(given, str | Path):
            return read_picture(existing(given)).pixels
        return picture_of(given if isinstance(given, Image.Image) else _image(given)).pixels
    except SampleError as error:
        raise ConfigurationError(str(error)) from error


def existing(given: str | Path) -> Path:
    """The path of a picture; raises `ConfigurationError` where nothing is there."""
    path = found(given)
    if path is None:
        raise ConfigurationError(f"picture not found: {given}")
    return path


def found(given: str | Path) -> Path | None:
    """The path of what is there; None where nothing is, or where no path reads like this, as a long instruction does
    not."""
    try:
        path = Path(given).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # longer than names may be; the home of a user that there is not
        return None


def name_of(given: Any) -> str:
    """What a picture is called: the name of its file, if it has one."""
    path = given if isinstance(given, str | Path) else getattr(given, "filename", "")
    return Path(path).name if path else "picture"


def _image(given: Any) -> Image.Image:
    if given is None or not hasattr(given, "__array__"):
        raise ConfigurationError(f"{EXPECTED}, got {type(given).__name__}")
    array = np.asarray(given)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    colour = array.ndim == 3 and array.shape[2] in (3, 4) and array.dtype == np.uint8
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16, np.bool_)
    if not colour and not grey:
        hint = ""
        if array.dtype.kind == "f":
            hint = "; of values from 0 to 1, give (255 * picture).astype(np.uint8)"
        elif array.ndim == 3 and array.shape[0] in (1, 3, 4):
            hint = "; give the channels last"
        raise ConfigurationError(f"{EXPECTED}, got {list(array.shape)} {array.dtype}{hint}")
    if array.size == 0:
        raise ConfigurationError(f"{EXPECTED}, got {list(array.shape)}: no pixels")
    return Image.fromarray(np.ascontiguousarray(array))
