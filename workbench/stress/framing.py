"""How the picture is framed: its resolution, its shape, its orientation and what is cut away around the objects. Masks
move with the picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data import masks
from workbench.plugins.perturbations import Question, axis
from workbench.stress.meaning import depends_on_place


@axis("Resolution", (1.0, 0.75, 0.5, 0.35, 0.25, 0.15)[::-1], plain=1.0, unit="share of the pixels along each side")
def resolution(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Fewer pixels: the picture is made smaller, and large again, so that only detail is lost."""
    if level == 1:
        return question
    height, width = question.image.shape[:2]
    small = max(2, round(width * level)), max(2, round(height * level))
    picture = Image.fromarray(question.image)
    picture = picture.resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BILINEAR)
    return question.seen(np.asarray(picture))


@axis("Aspect ratio", (1.0, 1.25, 1.5, 2.0, 3.0), unit="times as wide", same_answer=False)
def aspect(question: Question, level: float, rng: np.random.Generator) -> Question:
    """The picture stretched in width."""
    if level == 1:
        return question
    height, width = question.image.shape[:2]
    size = round(width * level), height

    def stretched(pixels: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))

    columns = np.minimum(((np.arange(size[0]) + 0.5) * width / size[0]).astype(int), width - 1)
    return question.moved(stretched, lambda mask: mask[:, columns])


@axis("Rotation", ("0", "90", "180", "270"), unit="degrees", same_answer=False)
def rotation(question: Question, level: str, rng: np.random.Generator) -> Question | None:
    """The picture turned. Questions that name a side or a direction are left out, as their answer would turn too."""
    if depends_on_place(question.sample.instruction):
        return None
    turns = int(level) // 90
    return question.moved(lambda pixels: np.rot90(pixels, turns)) if turns else question


@axis("Crop", (0.0, 0.25, 0.5, 0.75, 1.0), unit="share of the margin cut away", same_answer=False)
def crop(question: Question, level: float, rng: np.random.Generator) -> Question | None:
    """The margin around all annotated objects cut away, a share of it at each side, so that the question keeps its
    answer. Questions about pictures without any annotated object are left out."""
    sample = question.sample
    known = [*sample.targets, *(other.mask for other in sample.others)]
    if not known:
        return None
    if not level:
        return question
    height, width = question.image.shape[:2]
    seen = np.logical_or.reduce([masks.decode(rle) for rle in known])
    ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, left = int(ys[0] * level), int(xs[0] * level)
    bottom, right = (round(end - (end - last - 1) * level) for end, last in ((height, ys[-1]), (width, xs[-1])))
    return question.moved(lambda pixels: pixels[top:bottom, left:right])
