"""What a stress axis is: one thing about a question that gets harder level by level, everything else held fixed.

An axis is an entry point of group `workbench.perturbations`, a function of three arguments that carries `axis` or
`generated_axis`:

    @axis("Gamma", levels=(1, 1.5, 2, 3), unit="exponent")
    def gamma(question: Question, level: float, rng: np.random.Generator) -> Question:
        return question.seen((255 * (question.image / 255) ** level).astype(np.uint8))

The function is called once for each question and level, each time with a generator that starts at the same place, so
that what it draws is the same at all levels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.data import masks
from workbench.data.errors import ConfigurationError, short
from workbench.data.masks import Rle
from workbench.data.samples import Box, Sample, SceneObject

F = TypeVar("F", bound=Callable[..., Any])
Level = float | str
"""A number, or the name of a variant that has no order."""
Pixels = NDArray[np.uint8]
Move = Callable[[NDArray[Any]], NDArray[Any]]
"""Takes `[H, W]` or `[H, W, 3]` to the same pixels elsewhere."""
_DECLARED = "axis"


@dataclass(frozen=True)
class Question:
    """A sample with its picture in memory. `image`: `[H, W, 3] uint8` RGB, upright.

    It is not changed in place: `asked`, `seen` and `moved` give another question.
    """

    sample: Sample
    image: Pixels

    def asked(self, instruction: str) -> "Question":
        """The same question in other words."""
        return replace(self, sample=replace(self.sample, instruction=instruction))

    def seen(self, image: Pixels) -> "Question":
        """The same question about a picture of the same size, in which everything is at its place."""
        if image.shape != self.image.shape or image.dtype != np.uint8:
            raise ValueError(f"expected a picture {self.image.shape} uint8, got {image.shape} {image.dtype}")
        return replace(self, image=image)

    def moved(self, move: Move, of_masks: Move | None = None) -> "Question":
        """The same question after a move of the picture: every mask and box of the sample moves with it.

        `move` must work on `[H, W, 3]` and, unless `of_masks` says how masks move, on `[H, W] bool`. A target of which
        nothing is left in the picture is no target any more. A box becomes the smallest around its moved area.
        """
        image = np.ascontiguousarray(move(self.image))
        geometry = _Moved(of_masks or move, image.shape[:2])
        return Question(geometry.sample(self.sample), image)


@dataclass(frozen=True)
class _Moved:
    move: Move
    size: tuple[int, int]

    def mask(self, rle: Rle) -> Rle | None:
        moved = np.asarray(self.move(masks.decode(rle)), dtype=bool)
        if moved.shape != self.size:
            raise ValueError(f"expected masks to move to {self.size} as the picture does, got {moved.shape}")
        return masks.encode(moved) if moved.any() else None

    def box(self, box: Box, height: int, width: int) -> Box:
        x, y, w, h = box
        area = np.zeros((height, width), dtype=bool)
        left, top = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
        area[top : max(round(y + h), top + 1), left : max(round(x + w), left + 1)] = True
        moved = np.asarray(self.move(area), dtype=bool)
        if not moved.any():
            return (0.0, 0.0, 0.0, 0.0)
        ys, xs = np.flatnonzero(moved.any(axis=1)), np.flatnonzero(moved.any(axis=0))
        return float(xs[0]), float(ys[0]), float(xs[-1] + 1 - xs[0]), float(ys[-1] + 1 - ys[0])

    def sample(self, sample: Sample) -> Sample:
        targets = [self.mask(rle) for rle in sample.targets]
        kept = [place for place, rle in enumerate(targets) if rle is not None]
        size = sample.height, sample.width
        boxes = tuple(self.box(sample.boxes[place], *size) for place in kept) if sample.boxes else ()
        facts = dict(sample.facts)
        if crowds := facts.get("crowds"):
            facts["crowds"] = [
                moved
                for one in crowds
                if (moved := self.box(tuple(one), *size) if isinstance(one, list | tuple) else self.mask(one))
            ]
        return replace(
            sample,
            width=self.size[1],
            height=self.size[0],
            targets=tuple(rle for rle in targets if rle is not None),
            others=tuple(SceneObject(rle, o.label) for o in sample.others if (rle := self.mask(o.mask)) is not None),
            ignore=None if sample.ignore is None else self.mask(sample.ignore),
            boxes=boxes,
            readings=tuple(
                replace(
                    reading,
                    targets=tuple(rle for one in reading.targets if (rle := self.mask(one)) is not None),
                    boxes=tuple(self.box(box, *size) for box in reading.boxes),
                )
                for reading in sample.readings
            ),
            facts=facts,
        )


@dataclass(frozen=True)
class Axis:
    """What an axis says about itself.

    `levels`: in order, numbers or names. `plain`: the level at which nothing is changed, or against which the others
    are read. `unit`: of the levels, in words. `same_answer`: the right answer is the same at all levels, to the pixel,
    so that the answers of a system to them can be compared with each other. `generated`: it makes its own scenes,
    instead of changing the questions of a benchmark.
    """

    title: str
    levels: tuple[Level, ...]
    plain: Level
    unit: str = ""
    same_answer: bool = True
    generated: bool = False

    @property
    def ordered(self) -> bool:
        """Whether the levels are numbers: then there are areas, and places where curves cross."""
        return not any(isinstance(level, str) for level in self.levels)

    def with_levels(self, levels: object) -> "Axis":
        """The axis at other levels; raises `ConfigurationError` where they do not fit it."""
        if not isinstance(levels, list) or len(levels) < 2:
            raise ConfigurationError(f"levels: expected a list of at least two, got {short(levels)}")
        fits = (int, float) if self.ordered else str
        for level in levels:
            if not isinstance(level, fits) or isinstance(level, bool):
                kind = "numbers" if self.ordered else f"some of {', '.join(map(str, self.levels))}"
                raise ConfigurationError(f"levels: expected {kind}, got {short(level)}")
            if not self.ordered and level not in self.levels:
                raise ConfigurationError(f"levels: expected some of {', '.join(map(str, self.levels))}, got {level!r}")
        if len(set(levels)) < len(levels) or (self.ordered and sorted(levels) != levels):
            raise ConfigurationError(f"levels: expected rising numbers or different names, got {short(levels)}")
        if self.plain not in levels:
            raise ConfigurationError(f"levels: expected {self.plain!r} among them, which the others are compared with")
        return replace(self, levels=tuple(levels))


def axis(
    title: str,
    levels: tuple[Level, ...],
    *,
    plain: Level | None = None,
    unit: str = "",
    same_answer: bool = True,
) -> Callable[[F], F]:
    """Decorates a function `(question, level, rng) -> Question | None` that changes the questions of any benchmark.

    `plain`: the level at which nothing is changed (the first). None of the function means that the question cannot be
    changed in this way; it is then left out at all levels.
    """
    return _mark(Axis(title, levels, levels[0] if plain is None else plain, unit, same_answer))


def generated_axis(
    title: str,
    levels: tuple[Level, ...],
    *,
    plain: Level | None = None,
    unit: str = "",
    same_answer: bool = False,
) -> Callable[[F], F]:
    """Decorates a function `(size, level, rng) -> Question | None` that draws a scene of `size` x `size` pixels and
    asks about it. None means that no such scene came about; the next one is tried at all levels.
    """
    return _mark(Axis(title, levels, levels[0] if plain is None else plain, unit, same_answer, generated=True))


def declared(function: Callable[..., Any]) -> Axis | None:
    """What `axis` or `generated_axis` declared, or None."""
    found = getattr(function, _DECLARED, None)
    return found if isinstance(found, Axis) else None


def _mark(axis: Axis) -> Callable[[F], F]:
    def mark(function: F) -> F:
        setattr(function, _DECLARED, axis)
        return function

    return mark
