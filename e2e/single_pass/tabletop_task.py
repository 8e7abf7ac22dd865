"""Training and validation conversations about generated tabletop scenes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from e2e.single_pass.predictor import SinglePass
from workbench.data.errors import SampleError
from workbench.data.masks import encode
from workbench.data.predictions import Instance, Prediction
from workbench.data.samples import Sample
from workbench.foundations.training.data.options import TABLETOP, SourceOptions
from workbench.foundations.training.data.questions import Picture, Question, worded
from workbench.foundations.training.data.sources import Ask, Endless
from workbench.metrics.inst2seg import inst2seg
from workbench.metrics.overlaps import overlaps
from workbench.metrics.statistics import estimate
from workbench.tabletop import phrases
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import Scene, Split, make_scene
from workbench.tabletop.training_phrases import any_phrase, held_out
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, KINDS, SIZES

STREAM = 0x15A  # apart from every seed that the benchmark's files use
WORDS = {word: word for word in (*CATEGORIES, *KINDS, phrases.ANYTHING)} | {
    word: f"{word} {phrases.ANYTHING}" for word in (*COLOURS, *SIZES)
}
"""Each word of the noun phrases, and the shortest phrase that means it alone."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Task:
    """What the conversations of a stage are like.

    `count` conversations per scene; `phrase_share` of them ask for a noun phrase, the others give an instruction.
    """

    image_size: int
    count: int
    phrase_share: float


@dataclass(frozen=True)
class Asked:
    """One question about a scene: its text, the noun phrase of the answer, and the indices of the targets."""

    text: str
    phrase: str
    targets: Sequence[int]


def draw(seed: int, number: int, task: Task, split: Split = "train") -> tuple[Scene, list[Asked]]:
    """Scene `number`, and the questions about it. Both depend on the arguments alone."""
    rng = np.random.default_rng([STREAM, SPLITS.index(split), seed, number])
    scene = make_scene(rng, task.image_size, split)
    plain = int(rng.binomial(task.count, task.phrase_share))
    asked = [
        Asked(i.text, i.phrase, i.targets)
        for i in instructions(scene, rng, task.count - plain)
        if split != "train" or not held_out(phrases.parse(i.phrase))
    ]
    return scene, [*(ask_phrase(scene, rng) for _ in range(plain)), *asked]


def ask_phrase(scene: Scene, rng: np.random.Generator) -> Asked:
    """A noun phrase as the question: two thirds name something in the scene, the rest come close."""
    phrase = any_phrase(scene.objects, rng)
    return Asked(str(phrase), str(phrase), [i for i, thing in enumerate(scene.objects) if phrase.matches(thing)])


@dataclass(frozen=True)
class TabletopScenes(Endless):
    """Drawn scenes as a source of pictures with questions: scene `number` of a seed, for ever new numbers."""

    task: Task
    seed: int
    options: SourceOptions = field(default_factory=lambda: SourceOptions(TABLETOP, name=TABLETOP))

    def scene(self, number: int) -> Picture:
        """A scene with all questions that are drawn with it."""
        return picture_of(*draw(self.seed, number, self.task), self.options.name, str(number))

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        """A scene, its questions in the words of the source's templates; as many as the task says are drawn with it."""
        del ask
        drawn = self.scene(number)
        if not drawn.questions:
            raise SampleError(f"scene {number}: no question about it could be made")
        return replace(drawn, questions=[worded(one, self.options.templates, rng) for one in drawn.questions])


def picture_of(scene: Scene, asked: Sequence[Asked], source: str = TABLETOP, name: str = "") -> Picture:
    """A scene and the questions about it, as training takes them."""
    masks = np.stack([thing.mask for thing in scene.objects])
    questions = [
        Question(one.text, one.phrase, masks[list(one.targets)], "phrase" if one.text == one.phrase else "instruction")
        for one in asked
    ]
    return Picture(scene.image, questions, source, name, scene)


def evaluate(predictor: SinglePass[Any], drawn: Sequence[tuple[Scene, Sequence[Asked]]]) -> dict[str, float]:
    """Inst2Seg's numbers on these scenes, and the share of answers that name the right phrase and nothing else."""
    samples: list[Sample] = []
    predictions, named = [], []
    for number, (scene, asked) in enumerate(drawn):
        height, width = scene.image.shape[:2]
        answers = predictor.segment_instructions([scene.image], [[question.text for question in asked]])[0]
        for question, answer in zip(asked, answers, strict=True):
            name = f"{number}-{len(samples)}"
            targets = tuple(encode(scene.objects[i].mask) for i in question.targets)
            samples.append(Sample(name, str(number), Path(), width, height, question.text, targets))
            predictions.append(Prediction(name, tuple(Instance(slot.mask, slot.score) for slot in answer.instances)))
            named.append(answer.phrases == (question.phrase,))
    figures = estimate(inst2seg(overlaps(samples, predictions)), len(samples))
    return {**figures, "phrase": float(np.mean(named))}
