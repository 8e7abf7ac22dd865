"""What systems answer about a picture of one's own: instances, masks, a drawing, and files."""

import base64
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.conditions import outside
from workbench.data.numbers import seconds as duration
from workbench.data.predictions import OK, Call, Instance, Prediction
from workbench.data.samples import Box

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Found:
    """An instance of an answer in numbers: its place in the answer from 1 on, its score in [0, 1], its box `x, y,
    width, height` and its area in pixels, and the share of the picture that this is."""

    number: int
    score: float
    box: Box
    area: int
    share: float


@dataclass(frozen=True, repr=False)
class Answer:
    """What one system answers. `pixels`: the picture, `[H, W, 3] uint8`. `colour`: that of the system, `#rrggbb`.
    `knows`: what its checkpoint can be asked about, where that is little."""

    system: str
    instruction: str
    picture: str
    pixels: NDArray[np.uint8] = field(compare=False)
    prediction: Prediction
    colour: str = SYSTEM_COLOURS[0]
    knows: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before relying on the answer."""
        return tuple(outside({self.system: self.knows}))

    @property
    def ok(self) -> bool:
        """Whether there is an answer; if not, `outcome` and `message` say why."""
        return self.prediction.outcome == OK

    @property
    def outcome(self) -> str:
        """`ok`, or how the system failed: a key of `workbench.data.vocabulary.OUTCOMES`."""
        return self.prediction.outcome

    @property
    def message(self) -> str:
        """What the failure says."""
        return self.prediction.message

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances with mask (COCO RLE), score and box; none where nothing fits, or where the system failed."""
        return self.prediction.instances if self.ok else ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """Noun phrases that the system sent to the segmenter, or wrote on the way."""
        return self.prediction.phrases

    @property
    def calls(self) -> tuple[Call, ...]:
        """Its model calls in order, with times and tokens."""
        return self.prediction.calls

    @property
    def seconds(self) -> float | None:
        """Seconds from the picture in memory to the masks; None where the system crashed, or does not time itself."""
        return self.prediction.latency

    @property
    def found(self) -> list[Found]:
        """The instances in numbers."""
        pixels = self.pixels.shape[0] * self.pixels.shape[1]
        areas = masks.areas([instance.mask for instance in self.instances])
        return [
            Found(number, one.score, one.box or masks.bounding_box(one.mask), area, area / pixels)
            for number, (one, area) in enumerate(zip(self.instances, areas, strict=True), 1)
        ]

    def masks(self) -> NDArray[np.bool_]:
        """The masks, `[N, H, W] bool`."""
        decoded = np.zeros((len(self.instances), *self.pixels.shape[:2]), dtype=bool)
        for place, instance in enumerate(self.instances):
            decoded[place] = masks.decode(instance.mask)
        return decoded

    def overlay(self, side: int | None = None) -> "Image.Image":
        """The picture with outlines, numbers and scores. `side`: pixels of its longest side; None: as it is."""
        from PIL import Image

        return Image.fromarray(self._drawn(side))

    def to_coco(self, image_id: int | str = 1, category_id: int = 1) -> list[dict[str, Any]]:
        """The instances as COCO results: `image_id`, `category_id`, `segmentation` (RLE), `bbox` (`x, y, width,
        height`) and `score`."""
        return [
            {
                "image_id": image_id,
                "category_id": category_id,
                "segmentation": instance.mask,
                "bbox": list(one.box),
                "score": instance.score,
            }
            for one, instance in zip(self.found, self.instances, strict=True)
        ]

    def save(self, folder: Path | str) -> Path:
        """Write `overlay.png`, `masks/1.png` and so on (white on black), and `coco.json`; returns the folder."""
        from PIL import Image

        folder = Path(folder)
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        for earlier in (folder / "masks").glob("*.png"):
            if earlier.stem.isdecimal():
                earlier.unlink()
        self.overlay().save(folder / "overlay.png", compress_level=3)
        for number, mask in enumerate(self.masks(), 1):
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
        (folder / "coco.json").write_text(json.dumps(self.to_coco(self.picture), indent=2) + "\n", encoding="utf-8")
        return folder

    def summary(self) -> str:
        """How many instances, how long, how many calls: or how it failed."""
        count = len(self.instances)
        failed = f"failed ({self.outcome.replace('_', ' ')})"
        what = f"{count} instance{'' if count == 1 else 's'}" if self.ok else failed
        spent = "" if self.seconds is None else f" {'in' if self.ok else 'after'} {duration(self.seconds)}"
        return f"{what}{spent}, {len(self.calls)} call{'' if len(self.calls) == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, with masks as COCO RLE."""
        return {
            "system": self.system,
            "outcome": self.outcome,
            "message": self.message,
            "instances": [
                {
                    "number": one.number,
                    "score": one.score,
                    "box": list(one.box),
                    "area": one.area,
                    "share": one.share,
                    "segmentation": instance.mask,
                }
                for one, instance in zip(self.found, self.instances, strict=True)
            ],
            "phrases": list(self.phrases),
            "seconds": self.seconds,
            "calls": len(self.calls),
        }

    def __repr__(self) -> str:
        return f"Answer({self.system}: {self.summary()})"

    def _drawn(self, side: int | None) -> NDArray[np.uint8]:
        from workbench.asking.drawing import outlined

        labels = [f"{number}  {one.score:.2f}" for number, one in enumerate(self.instances, 1)]
        return outlined(self.pixels, [one.mask for one in self.instances], labels, self.colour, side)

    def _repr_html_(self) -> str:
        return Answers({self.system: self})._repr_html_()


class Answers(Mapping[str, Answer]):
    """What several systems answer to one instruction about one picture, by the system's name."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = dict(answers)
        first = next(iter(self._answers.values()))
        self.instruction, self.picture, self.pixels = first.instruction, first.picture, first.pixels

    def __getitem__(self, system: str) -> Answer:
        return self._answers[system]

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before relying on the answers."""
        return tuple(outside({system: answer.knows for system, answer in self._answers.items()}))

    def overlay(self) -> "Image.Image":
        """The answers side by side, each with its outlines, numbers, scores, phrases, time and calls."""
        from workbench.asking.drawing import Panel, shown_side, side_by_side

        side = shown_side(self.pixels.shape[1], self.pixels.shape[0])
        return side_by_side(
            self.instruction,
            [
                Panel(one.system, one.colour, _lines(one), one._drawn(side), failed=not one.ok)
                for one in self._answers.values()
            ],
        )

    def save(self, folder: Path | str) -> Path:
        """Write `answers.png` with the answers side by side, and each answer into a folder with the system's name;
        returns the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.overlay().save(folder / "answers.png", compress_level=3)
        for system, answer in self._answers.items():
            answer.save(folder / system)
        return folder

    def __repr__(self) -> str:
        said = "; ".join(f"{name}: {answer.summary()}" for name, answer in self._answers.items())
        return f"Answers({self.instruction!r}; {said})"

    def _repr_html_(self) -> str:
        rows = "".join(_html_rows(answer) for answer in self._answers.values())
        heads = "".join(f"<th>{head}</th>" for head in ("system", "instance", "score", "box", "area", "of the picture"))
        notes = "".join(f"<p><small>{html.escape(line)}</small></p>" for line in self.warnings)
        picture = f'<img alt="answers" style="max-width: 100%" src="{_data_uri(self.overlay())}">'
        return f"<div>{picture}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{notes}</div>"


def _lines(answer: Answer) -> list[str]:
    """What stands above an answer in a drawing."""
    if not answer.ok:
        return [": ".join(filter(None, (answer.summary(), answer.message)))]
    phrases = ", ".join(f"“{phrase}”" for phrase in answer.phrases)
    return [answer.summary(), *([phrases] if phrases else [])]


def _html_rows(answer: Answer) -> str:
    name = f'<td style="color: {answer.colour}">{html.escape(answer.system)}</td>'
    if not answer.found:
        text = answer.summary() + (f": {answer.message}" if answer.message else "")
        return f'<tr>{name}<td colspan="5" style="text-align: left">{html.escape(text)}</td></tr>'
    return "".join(
        f"<tr>{name}<td>{one.number}</td><td>{one.score:.2f}</td><td>{', '.join(f'{edge:g}' for edge in one.box)}</td>"
        f"<td>{one.area:,} px</td><td>{one.share:.1%}</td></tr>"
        for one in answer.found
    )


def _data_uri(image: "Image.Image") -> str:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
