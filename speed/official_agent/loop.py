"""Answers a sample the official way (facebookresearch/sam3, `sam3/agent/`): all that its code does, in its order, one
thing at a time, so that our speed is compared with the whole of it.

* Every request makes a client of the `openai` package, reads the image files and writes them as base64.
* Every phrase reads the image file, computes its features for SAM3 and runs the phrase.
* Overlaps are suppressed at full size, masks go through a JSON file, and marks are drawn by matplotlib (`masks.py`).
* A mask check draws and writes two pictures, and asks; the next check follows after its answer.
* The answer is drawn once more, and it and the conversation are written to files.

Two things are ours, so that both ways make the same requests and must give the same answers: first the texts, the
sampling, and the reaction to a mistake, at which the original stops with an error; second the pixels of pictures with
marks. Ours are drawn and written to the files that are sent, but outside the measured time (`outside`).
"""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from agents.language_models.interface import Message, Picture
from agents.loop import conversation, tools
from agents.loop.conversation import Shown, Text, Turn
from agents.loop.graph import check_messages
from agents.loop.workspace import SeenMask, Workspace
from agents.options import Options
from agents.prompts.texts import Prompts
from speed.official_agent.masks import render, suppress
from workbench.data.masks import Rle, bounding_box, decode
from workbench.data.predictions import OK, Instance, Prediction
from workbench.plugins.interfaces import Image, Segmenter


@dataclass
class OfficialLoop:
    """Answers one sample after the other from image files, by a model at an endpoint; what it writes is in `folder`."""

    url: str
    model: str
    segmenter: Segmenter
    prompts: Prompts
    options: Options
    folder: Path
    outside: float = 0.0
    """Seconds spent so far on what the original does not do."""

    def answer(self, name: str, image: Path, query: str) -> Prediction:
        """One sample."""
        with self.off_the_clock():
            sample = _Sample(self, self.folder / name, image, query)
        chosen = sample.work()
        instances = () if chosen is None else tuple(Instance(f.mask, f.score) for f in chosen)
        outcome = "budget_spent" if chosen is None else OK
        return Prediction(name, instances, outcome, calls=tuple(sample.ours.trace.calls), phrases=tuple(sample.used))

    @contextmanager
    def off_the_clock(self) -> Iterator[None]:
        """A block whose time does not count, because the original has no such step."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.outside += time.perf_counter() - begun


@dataclass
class _Sample:
    loop: OfficialLoop
    folder: Path
    image: Path
    query: str
    used: list[str] = field(default_factory=list)
    files: dict[int, Path] = field(default_factory=dict)
    """Where each picture is, by the identity of the picture."""
    held: list[Picture] = field(default_factory=list)
    """Pictures whose identity must stay theirs."""

    def __post_init__(self) -> None:
        loop = self.loop
        self.folder.mkdir(parents=True)
        # our words, our pictures and the record of calls; its model is never asked
        self.ours = Workspace(read(self.image), self.query, None, loop.segmenter, loop.prompts, loop.options)  # type: ignore[arg-type]
        self.files[id(self.ours.picture(self.ours.draw()))] = self.image

    def work(self) -> list[SeenMask] | None:
        """The masks of the answer; None where the allowed rounds are used up."""
        loop, current = self.loop, list[int]()
        turns = conversation.opening(loop.prompts, self.query, 0)
        for _ in range(loop.options.max_generations + 1):
            reply = self.request(conversation.messages(turns, self.ours.picture))
            call = tools.parse(reply, len(current), checks=loop.options.checks)
            if isinstance(call, tools.Mistake):
                turns = conversation.corrected(turns, loop.prompts, reply, call)
                continue
            turns = conversation.replied(turns, reply, anchor=call.name == "segment_phrase")
            if call.name == "segment_phrase":
                turns, current = self.segment(turns, call.phrase, current)
            elif call.name == "examine_each_mask":
                turns, current = self.examine(turns, current)
            else:
                return self.finish(turns, [current[number - 1] for number in call.masks])
        return None

    def request(self, messages: Sequence[Message]) -> str:
        """One request, with everything that the original makes anew for each."""
        from openai import OpenAI, omit

        options = self.loop.options
        with self.ours.trace.call("llm") as call:
            body: Any = [{"role": m.role, "content": [self.encoded(part) for part in m.parts]} for m in messages]
            client = OpenAI(api_key="no-key", base_url=self.loop.url)
            answer = client.chat.completions.create(
                model=self.loop.model,
                messages=body,
                max_completion_tokens=options.max_tokens,
                n=1,
                temperature=omit if options.temperature is None else options.temperature,
                seed=0,
            )
            if answer.usage:
                call.tokens_in, call.tokens_out = answer.usage.prompt_tokens, answer.usage.completion_tokens
        return answer.choices[0].message.content or ""

    def encoded(self, part: str | Picture) -> dict[str, Any]:
        """A part of a message; a picture is read from its file."""
        if isinstance(part, str):
            return {"type": "text", "text": part}
        data = base64.b64encode(self.files[id(part)].read_bytes()).decode("ascii")
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}", "detail": "high"}}

    def segment(self, turns: list[Turn], phrase: str, current: list[int]) -> tuple[list[Turn], list[int]]:
        """Run a phrase on the image file, and show its masks."""
        prompts, trace = self.loop.prompts, self.ours.trace
        if phrase in self.used:
            template = prompts.duplicate_shown if current else prompts.duplicate
            used = conversation.quoted(self.used)
            text = Text("duplicate_phrase", template.format(phrase=phrase, used=used, count=len(current)))
            return self.told(turns, text, current), current
        self.used.append(phrase)
        with trace.call("encode"):
            features = self.loop.segmenter.encode(read(self.image))
        with trace.call("segment"):
            segmented = self.loop.segmenter.segment(features, [phrase])[0]
        with trace.call("render"):
            kept = suppress(segmented.masks, segmented.scores, self.loop.options.overlap)
            masks = [SeenMask(segmented.masks[i], segmented.scores[i], phrase) for i in kept]
            self.written(f"phrase{len(self.used)}", masks)
        current = list(range(len(self.ours.masks), len(self.ours.masks) + len(masks)))
        self.ours.masks += masks
        template = prompts.masks_shown if masks else prompts.no_masks
        text = Text("masks_rendered", template.format(query=self.query, count=len(masks), phrase=phrase))
        return self.told(turns, text, current), current

    def examine(self, turns: list[Turn], current: list[int]) -> tuple[list[Turn], list[int]]:
        """Have every mask judged alone, one after the other, and show the accepted ones."""
        prompts = self.loop.prompts
        left = [index for number, index in enumerate(current) if self.accepted(index, f"check{len(turns)}_{number}")]
        with self.ours.trace.call("render"):
            self.written(f"examined{len(turns)}", [self.ours.masks[index] for index in left])
        template = prompts.masks_left if left else prompts.none_left
        text = Text("examined_masks_left", template.format(query=self.query, count=len(left)))
        return self.told(conversation.examined(turns, prompts), text, left), left

    def accepted(self, index: int, name: str) -> bool:
        """One check; an answer with neither word counts as a rejection."""
        mask = self.ours.masks[index].mask
        with self.ours.trace.call("render"):
            for kind in ("whole", "zoomed"):  # a zoomed pair is drawn as one plain picture: cheaper than the original
                save(render(read(self.image), [decode(mask)]), self.folder / f"{name}_{kind}.png")
        with self.loop.off_the_clock():
            messages = check_messages(self.ours, index)
            self.keep(messages, name)
        return tools.parse_verdict(self.request(messages)) is True

    def told(self, turns: list[Turn], text: Text, masks: list[int]) -> list[Turn]:
        """The conversation after the result of a tool; older rounds are left out."""
        parts: tuple[Text | Shown, ...] = (text,)
        if masks:
            with self.loop.off_the_clock():
                shown = Shown("all_masks", self.ours.draw(masks))
                calls = len(self.ours.trace.calls)
                self.keep([Message("user", (self.ours.picture(shown.picture),))], f"shown{shown.picture}")
                del self.ours.trace.calls[calls:]
                parts = (Text(text.kind, text.text + self.ours.describe(masks)), shown)
        return conversation.prune([*turns, Turn("user", parts)], self.loop.prompts, self.query, self.used[:-1])

    def finish(self, turns: Sequence[Turn], chosen: Sequence[int]) -> list[SeenMask]:
        """Draw and write the answer."""
        masks = [self.ours.masks[index] for index in chosen]
        with self.ours.trace.call("render"):
            self.written("answer", masks)
            (self.folder / "history.json").write_text(json.dumps([str(turn) for turn in turns], indent=4))
        return masks

    def written(self, name: str, masks: Sequence[SeenMask]) -> None:
        """Masks as a JSON file, which is read back, and their picture."""
        path = self.folder / f"{name}.json"
        held = {
            "pred_boxes": [bounding_box(mask.mask) for mask in masks],
            "pred_masks": [mask.mask["counts"] for mask in masks],
            "pred_scores": [mask.score for mask in masks],
        }
        path.write_text(json.dumps(held, indent=4))
        counts = json.loads(path.read_text(encoding="utf-8"))["pred_masks"]
        pixels = read(self.image)
        rles: list[Rle] = [{"size": list(pixels.shape[:2]), "counts": count} for count in counts]
        save(render(pixels, [decode(rle) for rle in rles]), path.with_suffix(".png"))

    def keep(self, messages: Sequence[Message], name: str) -> None:
        """Write the pictures of messages to the files that will be sent, unless they are there already."""
        pictures = [part for message in messages for part in message.parts if isinstance(part, Picture)]
        for number, picture in enumerate(pictures):
            if id(picture) not in self.files:
                self.files[id(picture)] = self.folder / f"{name}_sent{number}.png"
                save(picture.pixels, self.files[id(picture)])
                self.held.append(picture)


def read(path: Path) -> Image:
    """An image file as `[H, W, 3] uint8`."""
    with Pillow.open(path) as file:
        return np.asarray(file.convert("RGB"))


def save(pixels: Image, path: Path) -> None:
    """Write a PNG file."""
    Pillow.fromarray(pixels).save(path)
