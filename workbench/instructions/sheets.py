"""Drawings of instructions with their masks, to be looked at, and the list that `workbench demo` begins with."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workbench.data import masks
from workbench.data.painting import paint
from workbench.data.pictures import read_picture
from workbench.instructions.writing import Asked, Entry
from workbench.runs.files import replacing, write_json

FOLDER, MARKED, PROPOSED = "verify", "marked.json", "proposed.jsonl"
_WIDTH = 640
_COLOURS = np.array([(0, 200, 255), (255, 0, 200), (0, 230, 60), (255, 225, 0), (140, 80, 255)], dtype=np.uint8)


def write_marked(entries: Sequence[Entry], out: Path) -> int:
    """Draw every marked instruction in the folder `verify` of `out`; returns how many there are.

    `marked.json` is a list of `{picture, name, instruction, drawn, split}`, with paths from its own folder, which the
    demo page begins with. `proposed.jsonl` has their masks, as answers of the system `predictions` to pictures of
    these names.
    """
    folder = out / FOLDER
    marked = [(entry, one) for entry in entries for one in entry.asked if one.verify]
    if not marked:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    listed, lines = [], []
    for number, (entry, one) in enumerate(marked, 1):
        drawn, name = f"{number:05}.png", f"{number:05}{entry.picture.path.suffix}"
        drawing(entry, one).save(folder / drawn)
        picture = os.path.relpath(entry.picture.path.resolve(), folder.resolve())
        listed.append({"picture": picture, "name": name, "instruction": one.text, "drawn": drawn, "split": entry.split})
        instances = [{"mask": entry.picture.things[i].mask, "score": 1.0} for i in one.targets]
        lines.append(json.dumps({"sample_id": name, "instances": instances, "rejected": not instances}))
    with replacing(folder / PROPOSED) as file:
        file.write(("\n".join(lines) + "\n").encode())
    write_json(folder / MARKED, listed)
    return len(marked)


def drawing(entry: Entry, one: Asked, width: int = _WIDTH) -> Image.Image:
    """The picture with the masks of the targets, and above it the instruction."""
    picture = entry.picture
    canvas = read_picture(picture.path, (picture.width, picture.height)).pixels.copy()
    for place, index in enumerate(one.targets):
        paint(canvas, masks.decode(picture.things[index].mask), (0, 0), _COLOURS[place % len(_COLOURS)], 1, 0.45)
    image = Image.fromarray(canvas)
    image = image.resize((width, max(1, round(width * picture.height / picture.width))))
    font = ImageFont.load_default(16)
    lines = [*wrap(one.text, 74), f"{one.kind}, {len(one.targets) or 'no'} target{'s' * (len(one.targets) != 1)}"]
    sheet = Image.new("RGB", (width, image.height + 22 * len(lines) + 6), "white")
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((6, 3 + 22 * number), line, fill="black" if number < len(lines) - 1 else "gray", font=font)
    sheet.paste(image, (0, 22 * len(lines) + 6))
    return sheet
