"""Draws answers: outlines, numbers and scores on a picture of any size, and several answers side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageColor, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from workbench.data.colours import BAD, INK, MUTED, PAPER
from workbench.data.masks import Rle, decode
from workbench.data.painting import anchor, paint, write_labels

SMALLEST, LARGEST = 480, 1000
"""Pixels of the longest side of a picture, where answers stand side by side."""
THINNEST, LONGEST = 64, 3000
"""Pixels of the shorter side that are kept of a wide or tall picture, and of the longer side at most for that."""
_FILL = 0.3
_NARROWEST = 340
"""Pixels of a panel, so that there is room for its text."""
_PAD, _SIZE, _TITLE = 16, 15, 19


@dataclass(frozen=True)
class Panel:
    """An answer on its picture `[h, w, 3] uint8` under a name in a colour and further lines; `failed`: they say why."""

    name: str
    colour: str
    lines: Sequence[str]
    picture: NDArray[np.uint8]
    failed: bool = False


def outlined(
    pixels: NDArray[np.uint8], masks: Sequence[Rle], labels: Sequence[str], colour: str, side: int | None = None
) -> NDArray[np.uint8]:
    """The picture `[H, W, 3]` with filled outlines and a label for each mask, all in one colour (`#rrggbb`).

    `side`: pixels of the longest side that the picture is scaled to before anything is drawn; None: as it is.
    """
    canvas = pixels.copy() if side is None else scaled(pixels, side)
    height, width = canvas.shape[:2]
    ink = np.array(ImageColor.getrgb(colour)[:3], dtype=np.uint8)
    places = []
    for mask in masks:
        inside = fitted(decode(mask), width, height)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            places.append((width / 2, height / 2))
            continue
        _halo(canvas, inside, (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
        inside = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        paint(canvas, inside, (int(columns[0]), int(rows[0])), ink, 1, _FILL)
        x, y = anchor(inside)
        places.append((columns[0] + x + 0.5, rows[0] + y + 0.5))
    return write_labels(canvas, places, np.tile(ink, (len(places), 1)), labels) if places else canvas


def shown_side(width: int, height: int) -> int:
    """Pixels of the longest side at which a picture is shown: more where the other side would be too short to see."""
    longest, shortest = max(width, height), min(width, height)
    return min(max(longest, SMALLEST), max(LARGEST, min(LONGEST, THINNEST * longest // shortest)))


def scaled(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture `[H, W, 3]` with `side` pixels along its longest side."""
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = Pillow.Resampling.LANCZOS if factor < 1 else Pillow.Resampling.BICUBIC
    return np.array(Pillow.fromarray(pixels).resize(size, how))


def side_by_side(title: str, panels: Sequence[Panel]) -> Pillow.Image:
    """Panels beside or below each other, whichever comes closer to the shape of a screen, under a title."""
    height, width = panels[0].picture.shape[:2]
    cell = max(width, _NARROWEST)
    in_a_row = abs(log(len(panels) * cell / height / 1.5)) <= abs(log(cell / (len(panels) * height) / 1.5))
    columns = len(panels) if in_a_row else 1
    heads = [_head(panel, cell) for panel in panels]
    top = max(sum(line[0] for line in head) for head in heads) + 6
    full = columns * (cell + _PAD) + _PAD
    title_lines = _wrapped(f"“{title}”", full - 2 * _PAD, _TITLE, most=3)
    above = _PAD + len(title_lines) * (_TITLE + 7) + 6
    rows = -(-len(panels) // columns)
    sheet = Pillow.new("RGB", (full, above + rows * (top + height + _PAD)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, line in enumerate(title_lines):
        draw.text((_PAD, _PAD + place * (_TITLE + 7)), line, font=_font(_TITLE), fill=INK)
    for place, (panel, head) in enumerate(zip(panels, heads, strict=True)):
        x = _PAD + place % columns * (cell + _PAD)
        y = above + place // columns * (top + height + _PAD)
        sheet.paste(Pillow.fromarray(panel.picture), (x, y + top))
        for step, text, size, colour in head:
            draw.text((x, y), text, font=_font(size), fill=colour)
            y += step
    return sheet


def _head(panel: Panel, width: int) -> list[tuple[int, str, int, str]]:
    """Lines above a panel: how far down the next begins, text, size and colour."""
    name = _wrapped(panel.name, width, _SIZE + 1, most=1)[0]
    lines = [(_SIZE + 8, name, _SIZE + 1, panel.colour)]
    for number, line in enumerate(panel.lines):
        colour = BAD if panel.failed else INK if number == 0 else MUTED
        lines += [(_SIZE + 5, text, _SIZE - 1, colour) for text in _wrapped(line, width, _SIZE - 1, most=2)]
    return lines


def _halo(canvas: NDArray[np.uint8], inside: NDArray[np.bool_], box: tuple[int, int, int, int]) -> None:
    """Lighten the pixels around a mask `[h, w]`, so that its outline shows on a picture of the same colour."""
    width = max(1, round(max(canvas.shape) / 500))
    left, top = max(0, box[0] - width), max(0, box[1] - width)
    part = (slice(top, box[3] + width), slice(left, box[2] + width))
    around = binary_dilation(inside[part], iterations=width) & ~inside[part]
    canvas[part][around] = 255


def fitted(mask: NDArray[np.bool_], width: int, height: int) -> NDArray[np.bool_]:
    """A mask at another size: the pixels that it covers half, or of a mask smaller than that, those that it touches."""
    if mask.shape == (height, width):
        return mask
    share = np.asarray(Pillow.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Pillow.Resampling.BOX))
    half: NDArray[np.bool_] = share >= 128
    return half if half.any() else share > 0


def _wrapped(text: str, width: int, size: int, most: int) -> list[str]:
    """The text in lines of at most `width` pixels; what `most` lines do not hold is cut off."""
    font, lines, words = _font(size), [""], text.split()
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [_cut(line, width, font, len(lines) > most and place == most - 1) for place, line in enumerate(lines[:most])]


def _cut(line: str, width: int, font: Any, more: bool) -> str:
    """The line, ended by an ellipsis where it is too long or where `more` should follow."""
    shown = f"{line}…" if more else line
    while line and font.getlength(shown) > width:
        line = line[: min(len(line) - 1, 400)]
        shown = f"{line}…"
    return shown


@lru_cache
def _font(size: int) -> Any:
    """DejaVu, which knows many scripts, from the files of matplotlib; without these, Pillow's own."""
    found = find_spec("matplotlib")
    if found is not None and found.origin is not None:
        file = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.exists():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default(size)
