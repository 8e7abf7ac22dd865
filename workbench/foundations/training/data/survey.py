"""What a training would learn from, before it does: counts of every source, and twelve of its pictures as a figure."""

import textwrap
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from workbench.data.colours import MUTED, SYSTEM_COLOURS
from workbench.data.painting import paint
from workbench.foundations.training.data.index import counts_text
from workbench.foundations.training.data.questions import Picture, Question
from workbench.foundations.training.data.sources import FileSource
from workbench.foundations.training.data.stream import Stream, Taken

FIGURE = "dry-run.png"
PICTURES, COLUMNS, QUESTIONS = 12, 4, 3
SIDE, GAP, TEXT = 300, 16, 17
"""Pixels: the longer side of a picture, what is left free between two, the height of a line."""
LINE = 50
"""Letters that fit into a line."""
_LOOKED_AT = 2000
"""Numbers of the stream among which the first picture of each source is looked for."""


def look(stream: Stream, path: Path) -> None:
    """Print what the sources of a stream have, and draw twelve of its pictures in a file."""
    print(survey(stream))
    taken = first_of_each(stream)
    for said in (said for one in taken for said in one.skipped):
        print(f"skipped {said}")
    figure([one.picture for one in taken], path)
    print(f"pictures: {path}", flush=True)


def survey(stream: Stream) -> str:
    """How many pictures and questions each source has, by kind, its share of an epoch, and what is left out of it."""
    lines = [f"data: {len(stream.sources)} sources, {stream.epoch:,} pictures in an epoch"]
    for source, share in zip(stream.sources, stream.shares, strict=True):
        options = source.options
        about = f"{options.name} (weight {options.weight:g}, {share / stream.epoch:.1%} of an epoch)"
        what = counts_text(source.index.summary) if isinstance(source, FileSource) else "scenes drawn as needed"
        lines.append(f"{about}: {what}")
    return "\n".join(lines)


def first_of_each(stream: Stream, count: int = PICTURES) -> list[Taken]:
    """The first pictures of the stream, with one of each source among them as far as they go."""
    first: dict[str, int] = {}
    others: dict[tuple[str, int], int] = {}
    for number in range(min(_LOOKED_AT, max(count, stream.epoch))):
        source, own = stream.place(number)
        name = source.options.name
        if first.setdefault(name, number) != number:
            others.setdefault((name, own), number)  # a picture of weight 2 once
        if len(first) == len(stream.sources) and len(others) >= count:
            break
    chosen = [*first.values(), *others.values()][:count]
    return [stream.take(number) for number in sorted(chosen)]


def figure(pictures: Sequence[Picture], path: Path) -> None:
    """Draw pictures with up to three questions each: a question, the phrase of its answer and its masks have one
    colour.
    """
    panels = [_panel(picture) for picture in pictures]
    rows = [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
    heights = [max(panel.height for panel in row) + GAP for row in rows]
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, sum(heights) + GAP), "white")
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        for place, panel in enumerate(row):
            sheet.paste(panel, (GAP + place * (SIDE + GAP), top))
        top += height
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _panel(picture: Picture) -> Image.Image:
    """The picture with its masks, between its name and its questions."""
    height, width = picture.image.shape[:2]
    factor = max(1, SIDE // max(height, width))
    canvas = picture.image.repeat(factor, axis=0).repeat(factor, axis=1)
    asked = list(zip(SYSTEM_COLOURS, picture.questions[:QUESTIONS], strict=False))
    for colour, question in asked:
        for mask in question.masks:
            paint(canvas, mask, (0, 0), np.array(ImageColor.getrgb(colour), dtype=np.uint8), factor, 0.5)
    scale = SIDE / max(canvas.shape[:2])
    shown = Image.fromarray(canvas).resize([max(1, round(side * scale)) for side in (canvas.shape[1], canvas.shape[0])])
    more = len(picture.questions) - len(asked)
    name = f"{picture.source}, {PurePath(picture.name).name}" + (f", {more} more" if more else "")
    lines = [(colour, line) for colour, question in asked for line in textwrap.wrap(_said(question), LINE)]
    sheet = Image.new("RGB", (SIDE, shown.height + TEXT * (len(lines) + 1) + GAP), "white")
    sheet.paste(shown, (0, TEXT))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((0, 0), textwrap.shorten(name, LINE), fill=MUTED, font=font)
    for number, (colour, line) in enumerate(lines):
        draw.text((0, TEXT + shown.height + GAP // 2 + TEXT * number), line, fill=colour, font=font)
    return sheet


def _said(question: Question) -> str:
    count, what = len(question.masks), "box" if question.boxes else "mask"
    ending = "" if count == 1 else "es" if question.boxes else "s"
    targets = f"{count} {what}{ending}" if count else "no target"
    return f"“{question.text}” {question.phrase}: {targets} ({question.kind})"
