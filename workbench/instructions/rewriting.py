"""Has a language model write instructions in other and in implicit words, and asks it whether they still mean the same.

The first request shows the picture with numbered objects, the instruction and the numbers of its targets. The second
shows the same picture and the new words without the targets, and asks which objects are meant. Where the answer is
another set than the targets, or none at all, the new words are dropped, and counted; the plain instruction stays.
"""

import asyncio
import base64
import hashlib
import io
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from workbench.data import masks
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.painting import anchor, paint, write_labels
from workbench.data.pictures import read_picture
from workbench.instructions.endpoint import Endpoint, NoReplyError
from workbench.instructions.objects import Annotated
from workbench.instructions.writing import Asked, Entry

OUTCOMES: dict[str, str] = {
    "rewritten": "the new words are written; the second request named the same targets",
    "other_targets": "dropped: the second request named other objects",
    "unreadable": "dropped: a reply was not in the form that was asked for, or the words were no other",
    "no_reply": "not rewritten: the server sent no text",
}
STYLES = (
    "Use quite different words and another sentence, as another person would.",
    "Be implicit: do not name the category, but what the objects are for, what they do, or why they are needed.",
    "Describe a situation or a wish from which it follows what has to be segmented.",
    "Ask a question, as someone would who points at the picture in a conversation.",
    "Describe the objects by what one sees of them: colour, shape, clothes, what is beside them.",
)
FAILURES = 5
"""Requests in a row without a reply, after which no more are sent."""
MAX_TOKENS = 2048
LONGEST = 300
"""Characters of an instruction."""
_SIDE = 1024
_WRITER = (
    "You write instructions for a benchmark of image segmentation. You get the objects of a picture with their "
    "numbers, an instruction, and the numbers of the objects that it asks for. Write one new instruction in English "
    "that asks for exactly these objects and for no others, so that everyone who sees the picture agrees; if it asks "
    "for nothing in the picture, nothing in the picture may fit the new one. Never use the numbers. {style} Reply "
    'with JSON alone: {{"instruction": "..."}}'
)
_CHECKER = (
    "You get the objects of a picture with their numbers, and an instruction. Which of the objects does it ask for? "
    "It may ask for one, for several, or for nothing that is there. Reply with JSON alone, with the numbers of all "
    'objects that it asks for: {"objects": [1, 2]}, or {"objects": []} where none fits.'
)


@dataclass
class Rewriting:
    """What came of it: outcomes by name, and why the server sent nothing, the last time that it did not."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    problem: str = ""

    @property
    def is_out(self) -> bool:
        """Whether the server failed so often that no more is asked."""
        return self.failures >= FAILURES


def rewrite(
    entries: Sequence[Entry], endpoint: Endpoint, *, share: float, seed: int, pictures: bool, concurrency: int
) -> Rewriting:
    """Rewrite a share of the instructions in place. `pictures`: the model sees the pictures; otherwise it gets the
    objects as text alone."""
    done = Rewriting()
    asyncio.run(_rewrite_all(entries, endpoint, done, share, seed, pictures, concurrency))
    return done


async def _rewrite_all(
    entries: Sequence[Entry],
    endpoint: Endpoint,
    done: Rewriting,
    share: float,
    seed: int,
    pictures: bool,
    concurrency: int,
) -> None:
    free, shown = asyncio.Semaphore(concurrency), time.monotonic()

    async def work(entry: Entry) -> None:
        nonlocal shown
        async with free:
            chosen = [one for one in entry.asked if _share_of(f"{seed} {entry.digest} {one.text}") < share]
            scene = await asyncio.to_thread(_scene, entry.picture, pictures) if chosen and not done.is_out else []
            for one in chosen:
                done.outcomes[await _rewrite(one, scene, endpoint, done, seed)] += 1
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"instructions: {done.outcomes.total()} sent to {endpoint.model}", file=sys.stderr, flush=True)

    async with endpoint:
        await asyncio.gather(*(work(entry) for entry in entries))


async def _rewrite(one: Asked, scene: list[dict[str, Any]], endpoint: Endpoint, done: Rewriting, seed: int) -> str:
    """Rewrite one instruction; returns the outcome."""
    if done.is_out:
        return "no_reply"
    style = STYLES[int(_share_of(f"style {seed} {one.text}") * len(STYLES))]
    wanted = [i + 1 for i in one.targets]
    asked = (
        f"Instruction: {one.text}\nIt asks for the objects {wanted}."
        if wanted
        else (f"Instruction: {one.text}\nIt asks for nothing that is in the picture.")
    )
    try:
        reply = await endpoint.ask(_messages(_WRITER.format(style=style), scene, asked), seed, MAX_TOKENS)
        text = _instruction(reply)
        if text is None or text == one.text:
            return "unreadable"
        reply = await endpoint.ask(_messages(_CHECKER, scene, f"Instruction: {text}"), seed, MAX_TOKENS)
        done.failures = 0
    except NoReplyError as error:
        done.failures, done.problem = done.failures + 1, str(error)
        return "no_reply"
    numbers = _numbers(reply)
    if numbers is None:
        return "unreadable"
    if numbers != set(wanted):
        return "other_targets"
    one.text, one.plain = text, one.text
    return "rewritten"


def _messages(system: str, scene: list[dict[str, Any]], asked: str) -> list[dict[str, Any]]:
    content = [*scene, {"type": "text", "text": asked}]
    if len(scene) == 1:  # text alone: as a plain string, which every server takes
        return [_message("system", system), _message("user", f"{scene[0]['text']}\n{asked}")]
    return [_message("system", system), _message("user", content)]


def _message(role: str, content: object) -> dict[str, Any]:
    return {"role": role, "content": content}


def _scene(picture: Annotated, drawn: bool) -> list[dict[str, Any]]:
    """The objects of a picture as parts of a message: a list, and the picture with their numbers."""
    lines = [f"Picture: {picture.width} x {picture.height} pixels. Objects as number: category, box x0 y0 x1 y1."]
    for number, thing in enumerate(picture.things, 1):
        x, y, width, height = (round(v) for v in masks.bounding_box(thing.mask))
        lines.append(f"{number}: {thing.category}, {x} {y} {x + width} {y + height}")
    text = {"type": "text", "text": "\n".join(lines)}
    return [text, {"type": "image_url", "image_url": {"url": _drawn(picture)}}] if drawn else [text]


def _drawn(picture: Annotated) -> str:
    """The picture with outlined and numbered objects, as a data URL."""
    canvas = read_picture(picture.path, (picture.width, picture.height)).pixels.copy()
    colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in SYSTEM_COLOURS], dtype=np.uint8)[
        np.arange(len(picture.things)) % len(SYSTEM_COLOURS)
    ]
    places = []
    for thing, colour in zip(picture.things, colours, strict=True):
        mask = masks.decode(thing.mask)
        paint(canvas, mask, (0, 0), colour, 1, 0.15)
        places.append(anchor(mask))
    image = Image.fromarray(write_labels(canvas, places, colours))
    image.thumbnail((_SIDE, _SIDE))
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _instruction(reply: str) -> str | None:
    """The new words in a reply; None for what is no instruction, or names objects by their numbers."""
    text = (_last_object(reply) or {}).get("instruction")
    if not isinstance(text, str):
        return None
    text = " ".join(text.split())
    numbered = re.search(r"\b(?:objects?|numbers?|no\.)\s*#?\d|#\d", text, re.IGNORECASE)
    return text if 0 < len(text) <= LONGEST and text.isprintable() and not numbered else None


def _numbers(reply: str) -> set[int] | None:
    values = (_last_object(reply) or {}).get("objects")
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        return None
    return set(values)


def _last_object(reply: str) -> dict[str, Any] | None:
    """The last JSON object in a text, which may have thoughts before it."""
    for found in reversed(re.findall(r"\{[^{}]*\}", reply)):
        try:
            value = json.loads(found)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _share_of(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32
