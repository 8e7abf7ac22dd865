"""Pictures of the page: an answer with its masks, small ones for grids, and what an agent's model was shown."""

import base64
import html
from collections.abc import Iterable, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.asking.drawing import outlined, scaled
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.masks import Rle, bounding_box
from workbench.demo.session import Session
from workbench.demo.side import Mask, Side

Pixels = NDArray[np.uint8]
SMALL = 160
"""Pixels of the longest side of a picture in a grid or timeline."""
_ZOOM = 0.5
"""What is shown around a mask that is zoomed to, as a share of its longer side."""


def drawn(side: Side) -> Pixels:
    """The picture of an answer with its shown masks, at a size for a screen."""
    labels = [f"{one.number}  {one.score:.2f}" for one in side.shown]
    return outlined(side.screen, _on_screen(side.shown), labels, side.answer.colour)


def to_be_kept(session: Session) -> Pixels:
    """The picture with the chosen masks, each in the colour of its side."""
    canvas = session.sides[0].screen
    for place, side in enumerate(session.sides):
        keys = [key for key in session.kept if key[0] == place]
        masks = _on_screen(session.mask(key) for key in keys)
        canvas = outlined(canvas, masks, [session.called(key) for key in keys], side.answer.colour)
    return canvas


def small(side: Side, mask: Mask) -> str:
    """A small picture with one mask, as a data URI; an empty mask shows nothing."""
    masks = _on_screen([mask]) if mask.share else []
    return data_uri(outlined(side.screen, masks, [""] * len(masks), side.answer.colour, SMALL))


def _on_screen(masks: Iterable[Mask]) -> list[Rle]:
    return [one.on_screen or one.rle for one in masks]


def seen(pixels: Pixels, kind: str, masks: Sequence[Rle]) -> Pixels:
    """A picture that a language model was shown, drawn again from its masks: `kind` as in
    `workbench.data.notes.Sent`. Colours are not those of the system."""
    side = 2 * SMALL
    if kind == "zoomed" and masks:
        x, y, width, height = bounding_box(masks[0])
        more = _ZOOM * max(width, height, 8)
        rows = slice(max(0, int(y - more)), int(y + height + more) + 1)
        columns = slice(max(0, int(x - more)), int(x + width + more) + 1)
        marked = outlined(pixels, masks, [""] * len(masks), SYSTEM_COLOURS[4])
        return scaled(marked[rows, columns], side)
    canvas = scaled(pixels, side)
    for number, mask in enumerate(masks, 1):
        canvas = outlined(canvas, [mask], [str(number)], SYSTEM_COLOURS[(number - 1) % len(SYSTEM_COLOURS)])
    return canvas


def data_uri(pixels: Pixels) -> str:
    """A picture as JPEG in a URI of its own."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def figure(source: str, caption: str, classes: str = "") -> str:
    """A picture with its caption, as HTML; the caption is plain text."""
    kind = f' class="{classes}"' if classes else ""
    text = html.escape(caption)
    return f'<figure{kind}><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>'
