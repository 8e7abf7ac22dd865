"""Reads pictures as their authors see them: upright, in 8-bit RGB. A picture that cannot be shown in this way is
refused with the reason.

Only the formats in `FORMATS` are opened. Kind of file, format and size are checked before a pixel is decoded, and every
error of a decoder becomes a `SampleError`, so that no picture can stop a run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from workbench.data.errors import SampleError, short
from workbench.data.opening import open_file

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Formats that are opened, as Pillow names them; PPM stands for PBM, PGM, PNM and PFM too."""
MAX_PIXELS = 2**27
"""Larger pictures are refused; the largest of the published benchmarks have a fifth of that."""
_OTHERS = (
    (b"ftypavif", "AVIF"),
    (b"ftypheic", "HEIC"),
    (b"ftypheix", "HEIC"),
    (b"ftypmif1", "HEIF"),
    (b"jP  \r\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"\x89HDF", "HDF5"),
    (b"SIMPLE  =", "FITS"),
)
_TURNS: dict[int, tuple[Callable[[NDArray[Any]], NDArray[Any]], str]] = {
    2: (np.fliplr, "mirrored"),
    3: (lambda stored: np.rot90(stored, 2), "turned by 180 degrees"),
    4: (np.flipud, "mirrored and turned by 180 degrees"),
    5: (lambda stored: stored.swapaxes(0, 1), "mirrored and turned by 90 degrees"),
    6: (lambda stored: np.rot90(stored, -1), "turned by 90 degrees"),
    7: (lambda stored: np.rot90(stored, 2).swapaxes(0, 1), "mirrored and turned by 90 degrees"),
    8: (lambda stored: np.rot90(stored, 1), "turned by 90 degrees"),
}
_BAND = 2**22
"""Pixels that are converted at a time."""
_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 0x0112, 258, 262, 0


@dataclass(frozen=True)
class Picture:
    """`pixels`: `[H, W, 3] uint8` RGB, upright. `size`: the upright width and height of the file; `pixels` have this
    size unless a draft was asked for. `notes`: what was changed to show the picture.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    notes: tuple[str, ...]


def read_picture(path: Path, size: tuple[int, int] | None = None, draft: int | None = None) -> Picture:
    """Read a picture upright, as EXIF says, in 8-bit RGB.

    16-bit pixels are scaled from their full range; 32-bit and float pixels from 0 to 255 or 0 to 65535 where they are
    whole numbers, floats also from 0 to 1, and other values are refused. Transparent parts show white. Of an animated
    or multi-page file the first picture is shown.

    `size`: width and height that the upright picture must have. `draft`: pixels of the longest side that are needed,
    so that a JPEG may be decoded smaller. Raises `SampleError` for anything that is no such picture.
    """
    with _opened(path) as file:
        stored = file.size
        if size is not None and sorted(size) != sorted(stored):
            raise SampleError(_other_size(stored, size, path))
        orientation = _orientation(file)
        upright = _upright(file, orientation)
        if size is not None and upright != size:
            raise SampleError(f"{_other_size(upright, size, path)}: {_why_turned(stored, upright, orientation)}")
        notes = [f"shown {_TURNS[orientation][1]}, as its EXIF orientation says"] if orientation in _TURNS else []
        if getattr(file, "is_animated", False):
            notes.append("the first of its pictures is shown")
        if draft is not None:
            file.draft("RGB", (draft, draft))
        file.load()
        shown, how = _eight_bit(file)
        return Picture(_turned(shown, file, orientation), upright, (*notes, *how))


def picture_of(image: Image.Image) -> Picture:
    """A picture that Pillow has opened or made, shown as `read_picture` shows a file; raises `SampleError`."""
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise SampleError(f"expected a picture of 1 to {MAX_PIXELS:,} pixels, got {image.width}x{image.height}")
    try:
        image.load()
        orientation, upright = _orientation(image), _upright(image, _orientation(image))
        shown, how = _eight_bit(image)
        notes = [f"shown {_TURNS[orientation][1]}, as its EXIF orientation says"] if orientation in _TURNS else []
        return Picture(_turned(shown, image, orientation), upright, (*notes, *how))
    except SampleError:
        raise
    except Exception as error:  # decoders raise nearly anything
        raise SampleError(f"image cannot be read: {error or type(error).__name__}") from error


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as it is shown; raises `SampleError` where there is none."""
    with _opened(path) as file:
        width, height = _upright(file, _orientation(file))
        return height, width


def read_marks(path: Path) -> NDArray[np.bool_]:
    """The marked pixels of a mask in an image file, `[H, W] bool`: those where any channel is above 0.

    Raises `SampleError` for anything that is not a picture.
    """
    with _opened(path) as file:
        orientation = _orientation(file)
        file.load()
        marked = np.empty((file.height, file.width), dtype=bool)
        for rows, band in _bands(file):
            if _is_deep(band.mode):
                marked[rows] = np.asarray(band) > 0
            else:
                marked[rows] = np.asarray(band.convert("RGB")).any(axis=2)
        return _turned(marked, file, orientation)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """The mask of one object in an image file, `[H, W] bool`, upright: where the value is not 0 (black, or seen
    through).

    Raises `SampleError` for anything that is not a picture, and for one with more than one value besides 0: it may be
    of several objects, or a mask with soft edges.
    """
    with _opened(path) as file:
        orientation = _orientation(file)
        file.load()
        marked = np.empty((file.height, file.width), dtype=bool)
        inside: Any = None
        for rows, band in _bands(file):
            values = _values(band)
            marked[rows] = values != 0
            found = values[marked[rows]]
            if len(found):
                inside = found[0] if inside is None else inside
                if (found != inside).any():
                    raise SampleError(
                        "expected the mask of one object, with 0 outside and one other value inside, got several "
                        "values: give a picture for each object, as PNG and without soft edges"
                    )
        return _turned(marked, file, orientation)


def _values(band: Image.Image) -> NDArray[Any]:
    """One number for each pixel, `[H, W]`: 0 for black and for what is seen through, and different ones for different
    colours.
    """
    if _is_deep(band.mode):
        return np.asarray(band)
    if band.has_transparency_data:
        layers = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", layers.size, "black"), layers)
    colours = np.asarray(band.convert("RGB")).astype(np.uint32)
    return np.asarray(colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2])


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image of which only the header is read. Every error inside the block becomes a `SampleError`."""
    try:
        with open_file(path) as stream:
            start = stream.peek(64)[:64]
            if not start:
                raise SampleError("the file is empty")
            try:
                file = Image.open(stream, formats=FORMATS)
            except UnidentifiedImageError:
                raise SampleError(f"expected {', '.join(FORMATS)}, got {_format(stream, start)}") from None
            with file:
                width, height = file.size
                if min(width, height) < 1 or width * height > MAX_PIXELS:
                    raise SampleError(f"it has {width}x{height} pixels; at most {MAX_PIXELS} together are read")
                yield file
    except FileNotFoundError:
        raise SampleError(f"image not found: {path}") from None
    except SampleError as error:
        named = str(path) in str(error)
        raise error if named else SampleError(f"image cannot be read: {path}: {error}") from error
    except (
        Exception
    ) as error:  # decoders raise nearly anything: RuntimeError, struct.error, zlib.error, MemoryError, ...
        what = str(error) or "it takes more memory than there is" if isinstance(error, MemoryError) else str(error)
        raise SampleError(f"image cannot be read: {path}: {what or type(error).__name__}") from error


def _format(stream: BufferedReader, start: bytes) -> str:
    known = next((name for mark, name in _OTHERS if mark in start[:32]), None)
    return f"{known}, which is not read: convert it" if known else f"none of them: {short(start[:16])}"


def _other_size(got: tuple[int, int], expected: tuple[int, int], path: Path) -> str:
    return f"image is {got[0]}x{got[1]} but its annotation says {expected[0]}x{expected[1]}: {path}"


def _why_turned(stored: tuple[int, int], upright: tuple[int, int], orientation: int) -> str:
    """Why width and height may be swapped."""
    if upright == stored:
        return "width and height are exchanged, as by a turn of 90 degrees"
    return (
        f"it is stored as {stored[0]}x{stored[1]} and shown upright, as its EXIF orientation {orientation} says; "
        "annotate the upright picture, or remove the orientation from the file"
    )


def _orientation(file: Image.Image) -> int:
    """EXIF orientation; 1 where there is none, or where it cannot be read."""
    try:
        value = file.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data say nothing; the picture may still be whole
        return 1
    return value if isinstance(value, int) else 1


def _upright(file: Image.Image, orientation: int) -> tuple[int, int]:
    """Width and height of the picture when it is turned."""
    width, height = file.size  # of a TIFF, Pillow gives the upright size
    return (height, width) if orientation in (5, 6, 7, 8) and file.format != "TIFF" else (width, height)


def _turned(pixels: NDArray[Any], file: Image.Image, orientation: int) -> NDArray[Any]:
    """The pixels of a file as they are seen; Pillow turns those of a TIFF itself."""
    if orientation not in _TURNS or file.format == "TIFF":
        return pixels
    return np.ascontiguousarray(_TURNS[orientation][0](pixels))


def _bands(file: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Rows and pixels of a loaded picture, one part at a time, so that a large picture is never held in several
    copies.
    """
    step = max(1, _BAND // file.width)
    for top in range(0, file.height, step):
        bottom = min(top + step, file.height)
        yield slice(top, bottom), file.crop((0, top, file.width, bottom))


def _is_deep(mode: str) -> bool:
    return mode.startswith("I;16") or mode in ("I", "F")


def _eight_bit(file: Image.Image) -> tuple[NDArray[np.uint8], list[str]]:
    """The loaded picture as 8-bit RGB `[H, W, 3]`, and what was done."""
    pixels = np.empty((file.height, file.width, 3), dtype=np.uint8)
    if _is_deep(file.mode):
        return pixels, [_scaled(file, pixels)]
    seen_through = False
    for rows, band in _bands(file):
        if band.has_transparency_data:
            layers = band.convert("RGBA")
            seen_through = seen_through or layers.getchannel("A").getextrema()[0] != 255
            white = Image.new("RGBA", layers.size, "white")
            band = Image.alpha_composite(white, layers)
        pixels[rows] = np.asarray(band.convert("RGB"))
    return pixels, ["its transparent parts are shown white"] if seen_through else []


def _scaled(file: Image.Image, pixels: NDArray[np.uint8]) -> str:
    """Write grey pixels of more than 8 bits into `pixels`, and report the range they were scaled from."""
    top = _top(file, np.asarray(file))
    inverted = file.format == "TIFF" and _tag(file, _PHOTOMETRIC) == _WHITE_IS_ZERO
    for rows, band in _bands(file):
        grey = np.rint(np.asarray(band).astype(np.float32) * np.float32(255 / top)).astype(np.uint8)
        pixels[rows] = (255 - grey if inverted else grey)[:, :, None]
    return f"its pixels of mode {file.mode} are scaled from 0..{top} to 0..255"


def _top(file: Image.Image, values: NDArray[np.generic]) -> int:
    """The value that stands for white."""
    if file.mode.startswith("I;16"):
        bits = _tag(file, _BITS_PER_SAMPLE) if file.format == "TIFF" else 16
        return 2**bits - 1 if isinstance(bits, int) and 8 < bits <= 16 else 65535
    if file.format == "PPM" and file.mode == "I":  # Pillow scales it so, whatever the file's own maximum
        return 65535
    low, high = (values.min(), values.max()) if np.isfinite(values).all() else (np.nan, np.nan)
    whole = file.mode == "I" or bool((values == np.rint(values)).all())
    for top in (*([1] if file.mode == "F" else []), *([255, 65535] if whole else [])):
        if low >= 0 and high <= top:
            return top
    kind = "32-bit" if file.mode == "I" else "float"
    raise SampleError(
        f"its {kind} pixels go from {low:g} to {high:g}: expected 0 to 255 or 0 to 65535 in whole numbers"
        + (", or 0 to 1" if file.mode == "F" else "")
        + "; save it with 8 or 16 bits"
    )


def _tag(file: Image.Image, number: int) -> object:
    """The first value of a tag of a TIFF."""
    value = getattr(file, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value
