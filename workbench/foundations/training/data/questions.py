"""What a model learns from, whatever the source: a picture, and questions about it whose answers are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.tabletop.scenes import Scene

Kind = Literal["category", "phrase", "instruction"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PLACE = "{instruction}"
"""Where the text of a question goes in a template."""
Templates = Mapping[Kind, Sequence[str]]


@dataclass(frozen=True)
class Question:
    """One question about a picture: `text` is what the user says, `phrase` the noun phrase that the answer names.

    `masks`: `[N, H, W] bool`, one for each target; none where nothing in the picture answers. `kind`: how it is asked.
    `boxes`: the masks are filled boxes, which only bound the shape. `label`: what else the source says of it, such as
    `OCR`.
    """

    text: str
    phrase: str
    masks: NDArray[np.bool_]
    kind: Kind = "instruction"
    boxes: bool = False
    label: str | None = None


@dataclass(frozen=True)
class Picture:
    """A picture, `[H, W, 3] uint8` RGB, and the questions about it. `source` and `name` say where it is from. `scene`:
    what is in it, for a picture of tabletop that was drawn for the training."""

    image: NDArray[np.uint8]
    questions: Sequence[Question]
    source: str = ""
    name: str = ""
    scene: Scene | None = None


def worded(question: Question, templates: Templates, rng: np.random.Generator) -> Question:
    """The question in the words of one of the templates of its kind; as it is where its kind has none."""
    choices = templates.get(question.kind, ())
    if not choices:
        return question
    template = choices[int(rng.integers(len(choices)))] if len(choices) > 1 else choices[0]
    # not str.format: braces in an instruction are its own
    return replace(question, text=template.replace(PLACE, question.text))
