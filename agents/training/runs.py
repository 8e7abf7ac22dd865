"""A stored run as something to learn from: its pictures and instructions with their truth, the masks that its segmenter
gave for each phrase, and the replies of its language model, where it is a run of the agent.

The teacher answers what the model answered wrongly, in the situations into which the model brought itself (DAgger,
Ross et al. 2011): the right reply is learned, and the model's own one leads on, as far as it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agents.loop.tools import normalised
from agents.training.teacher import FITS
from workbench.data.errors import ConfigurationError
from workbench.data.masks import decode, iou_matrix
from workbench.data.pictures import read_picture
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.foundations.training.data.options import SourceOptions
from workbench.foundations.training.data.questions import Picture, Question, worded
from workbench.foundations.training.data.sources import Ask
from workbench.plugins.interfaces import PhraseMasks
from workbench.runs.run import Run

FROM_RUN, SYSTEM = "from_run", "system"
KEYS = (FROM_RUN, SYSTEM, "weight", "name")
ANY = "object"


@dataclass(frozen=True)
class Remembered(Question):
    """A question of a stored run: `found` are the masks that its segmenter gave for each phrase, in lower case, and
    `said` the replies of its language model in order."""

    found: Mapping[str, PhraseMasks] = field(default_factory=dict)
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunSource:
    """The pictures of a run that have instructions with a truth, in the order of its samples."""

    options: SourceOptions
    run: Run
    system: str
    most: int
    """Instructions with more targets are left out."""

    endless = False

    @cached_property
    def places(self) -> list[list[int]]:
        """The places of the samples about each picture."""
        found: dict[Path, list[int]] = {}
        for place, sample in enumerate(self.run.samples()):
            if sample.has_truth and not sample.problem and not sample.only_boxes and len(sample.targets) <= self.most:
                found.setdefault(sample.image_path, []).append(place)
        return list(found.values())

    @property
    def pictures(self) -> int:
        return len(self.places)

    def picture(self, number: int, rng: np.random.Generator, ask: Ask) -> Picture:
        """The picture of a number with some of its instructions. Raises `SampleError` where its file cannot be read."""
        places = self.places[number]
        if ask.count is not None and len(places) > ask.count:
            chosen = range(ask.count) if ask.first else sorted(rng.choice(len(places), ask.count, replace=False))
            places = [places[place] for place in chosen]
        samples, answers = self.run.samples(), self.run.predictions(self.system)
        first = samples[places[0]]
        image = read_picture(first.image_path, (first.width, first.height)).pixels
        asked = [remembered(samples[place], answers[place]) for place in places]
        questions = [worded(one, self.options.templates, rng) for one in asked]
        return Picture(image, questions, self.options.name, first.image_id)


def remembered(sample: Sample, answer: Prediction) -> Remembered:
    """A sample and the answer that was stored for it. The phrase is the run's own one whose masks fit best, where any
    of them fits a target; else what the sample says, or `object`."""
    found = _found(answer)
    best = max(found, key=lambda phrase: _rank(found[phrase], sample), default="")
    fits = bool(best) and _rank(found[best], sample)[0] > 0
    masks = [decode(rle) for rle in sample.targets]
    return Remembered(
        sample.instruction,
        best if fits else sample.phrase or ANY,
        np.stack(masks) if masks else np.zeros((0, sample.height, sample.width), dtype=bool),
        found=found,
        said=_said(answer),
    )


def _found(answer: Prediction) -> dict[str, PhraseMasks]:
    """The masks of each phrase of a run of the agent, by falling score. Of the answer's own masks the phrase is not
    stored: they are of the one that was asked for last."""
    asked = [call.note.phrase for call in answer.calls if call.kind != "llm" and call.note.phrase]
    seen: dict[str, list[tuple[float, Any]]] = {normalised(phrase): [] for phrase in asked}
    for candidate in answer.candidates:
        if candidate.phrase:
            seen.setdefault(normalised(candidate.phrase), []).append((candidate.score, candidate.mask))
    if seen and answer.instances:
        last = normalised(asked[-1]) if asked else list(seen)[-1]
        seen[last] += [(instance.score, instance.mask) for instance in answer.instances]
    ordered = {phrase: sorted(masks, key=lambda one: -one[0]) for phrase, masks in seen.items()}
    return {phrase: PhraseMasks([m for _, m in masks], [s for s, _ in masks]) for phrase, masks in ordered.items()}


def _said(answer: Prediction) -> tuple[str, ...]:
    return tuple(call.note.reply for call in answer.calls if call.note.request == "main" and call.note.reply)


def _rank(masks: PhraseMasks, sample: Sample) -> tuple[int, int]:
    """How many targets a phrase's masks find, and how few they are."""
    if not masks.masks or not sample.targets:
        return 0, -len(masks.masks)
    fits = iou_matrix(masks.masks, list(sample.targets)) >= FITS
    return int(fits.any(axis=0).sum()), -len(masks.masks)


def open_run(place: int, entry: Mapping[str, Any], most: int) -> RunSource:
    """The source of an entry `{from_run: DIR, system: NAME, weight, name}` of a recipe's `data`; `system` may be left
    out where the run has one, or one that asked a language model. Raises `ConfigurationError`."""
    from workbench.tracking.load import load_run

    where = f"data[{place}]"
    if unknown := [key for key in entry if key not in KEYS]:
        raise ConfigurationError(f"{where}: expected {', '.join(KEYS)} beside {FROM_RUN}, got {unknown[0]}")
    weight = entry.get("weight", 1.0)
    if not isinstance(weight, int | float) or not weight > 0:
        raise ConfigurationError(f"{where}.weight: expected a number above 0, got {weight!r}")
    run = load_run(str(entry[FROM_RUN]))
    system = _system(run, entry.get(SYSTEM), where)
    options = SourceOptions(run.benchmark, weight=float(weight), name=str(entry.get("name") or f"run {run.name}"))
    source = RunSource(options, run, system, most)
    if not source.pictures:
        raise ConfigurationError(f"{where}: no sample of {run.path} has a truth to learn from")
    return source


def check_runs_apart(sources: Sequence[object], validated: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a run of the benchmark that the training is validated on, by its identity."""
    for source in sources:
        if isinstance(source, RunSource):
            own = source.run.manifest.benchmark.identity
            if any(own == identity for identity in validated):
                raise ConfigurationError(
                    f"validate_on: {source.options.name} is a run of the same benchmark: what is learned cannot choose "
                    "the checkpoint; name another file or split"
                )


def _system(run: Run, given: object, where: str) -> str:
    systems = run.systems
    if given is not None:
        if given not in systems:
            raise ConfigurationError(f"{where}.{SYSTEM}: {run.path} has {', '.join(systems)}, got {given!r}")
        return str(given)
    talking = [name for name in systems if any(_said(answer) for answer in run.predictions(name)[:20])]
    chosen = talking if talking else systems
    if len(chosen) != 1:
        raise ConfigurationError(f"{where}.{SYSTEM}: {run.path} has several, name one of {', '.join(chosen)}")
    return chosen[0]
