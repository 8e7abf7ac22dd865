"""Writes the questions of an axis to disk, and reads them back: pictures, samples, and what they were made from."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.comparison.choice import in_random_order
from workbench.data.choices import Choice
from workbench.data.digests import digest, file_digest
from workbench.data.errors import ConfigurationError, SampleError, said, short
from workbench.data.samples import Sample, sample_to_json
from workbench.data.stress import LEVEL, QUESTION, label
from workbench.plugins.interfaces import Benchmark
from workbench.plugins.perturbations import Axis, Level, Question
from workbench.runs.checks import read_samples

VERSION = 1
"""Raised whenever the same axis, levels and seed give other questions."""
FACTS, SAMPLES, PICTURES = "axis.json", "samples.jsonl", "pictures"
STREAM = 0x57E55
PATIENCE = 20
"""Scenes that are tried, and random samples that are looked at, for each question that is wanted."""

Perturb = Callable[[Any, Any, np.random.Generator], Question | None]


@dataclass(frozen=True)
class Source:
    """Where the questions of an axis come from: `base` a benchmark whose samples are changed, or None where the axis
    draws scenes of its own. `limit`: how many questions there are at each level; `size`: side of the pictures of drawn
    scenes; `sample`: whether the first samples of the benchmark are taken, or random ones by the seed."""

    base: Benchmark | None
    limit: int
    seed: int
    size: int = 128
    sample: Choice = "first"


def write(folder: Path, name: str, perturb: Perturb, axis: Axis, source: Source) -> Path:
    """Write the questions of an axis to `folder` and return it; a folder that holds these very questions is kept.

    Every question is there at every level, so that levels are compared on the same questions: one that the axis cannot
    change at some level is left out at all, and so is one whose picture cannot be read. The folder appears when it is
    complete. Raises `ConfigurationError` where nothing is left, and where the folder holds something else.
    """
    wanted = _parameters(name, perturb, axis, source)
    if (held := _facts(folder)) is not None:
        if held["parameters"] != wanted:
            raise ConfigurationError(f"{folder} holds other questions of {name}: choose another --out, or remove it")
        return folder
    partial = folder.absolute().with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / PICTURES).mkdir(parents=True)
        left_out = _write_samples(partial, name, perturb, axis, source)
        facts = {"parameters": wanted, "left_out": left_out, "digest": file_digest(partial / SAMPLES)}
        (partial / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def read(folder: Path) -> tuple[dict[str, Any], list[Sample]]:
    """What the questions were made from, and all of them, question by question and within it level by level."""
    facts = _facts(folder)
    if facts is None:
        raise ConfigurationError(f"{folder} holds no questions of an axis")
    return facts, list(read_samples(folder / SAMPLES, folder))


def _facts(folder: Path) -> dict[str, Any] | None:
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(facts, dict) and "parameters" in facts and (folder / SAMPLES).exists()
    return facts if whole and file_digest(folder / SAMPLES) == facts.get("digest") else None


def _parameters(name: str, perturb: Perturb, axis: Axis, source: Source) -> dict[str, Any]:
    base = None if source.base is None else {"name": source.base.name, **source.base.identity()}
    values = {"version": VERSION, "axis": name, "code": f"{perturb.__module__}:{perturb.__qualname__}"}
    drawn: dict[str, Any] = {"size": source.size} if source.base is None else {}
    if source.sample != "first":
        drawn["sample"] = source.sample
    return {
        **values,
        **json.loads(json.dumps(asdict(axis))),
        "base": base,
        "limit": source.limit,
        "seed": source.seed,
        **drawn,
    }


def _write_samples(folder: Path, name: str, perturb: Perturb, axis: Axis, source: Source) -> int:
    """Write pictures and samples; returns how many questions were left out."""
    left_out = 0
    pictures: dict[str, str] = {}
    root = folder.resolve()
    count = 0
    with (folder / SAMPLES).open("w", encoding="utf-8") as file:
        for place, asked in _questions(name, perturb, axis, source):
            if asked is None:
                left_out += 1
                continue
            for level, question in zip(axis.levels, asked, strict=True):
                path = _picture(folder, question.image, pictures)
                sample = _placed(question.sample, place, level, path)
                file.write(json.dumps(sample_to_json(sample, root)) + "\n")
            count += 1
            if count == source.limit:
                break
    if not count:
        raise ConfigurationError(f"{name}: not one question can be changed in this way; {left_out} were looked at")
    return left_out


def _picture(folder: Path, image: Any, pictures: dict[str, str]) -> Path:
    """The file of a picture; equal pictures share one."""
    key = digest([list(image.shape), np.ascontiguousarray(image).tobytes().hex()])
    if key not in pictures:
        pictures[key] = f"{PICTURES}/{len(pictures):05}.png"
        Image.fromarray(image).save(folder / pictures[key], compress_level=3)
    return folder / pictures[key]


def _placed(sample: Sample, place: str, level: Level, path: Path) -> Sample:
    facts = {**sample.facts, LEVEL: level, QUESTION: place}
    return replace(
        sample,
        sample_id=f"{place}@{label(level)}",
        image_id=sample.image_id or place,
        image_path=path,
        facts=facts,
    )


def _questions(
    name: str, perturb: Perturb, axis: Axis, source: Source
) -> Iterator[tuple[str, Sequence[Question] | None]]:
    """The name of each question, and the question at each level; None where it is left out."""
    if source.base is None:
        for number in range(source.limit * PATIENCE):
            yield str(number), _at_levels(perturb, axis, source.size, [STREAM, source.seed, number], name)
        return
    usable = (one for one in source.base.samples() if one.problem is None and one.has_truth)
    wanted = usable if source.sample == "first" else in_random_order(usable, PATIENCE * source.limit, source.seed)
    for number, sample in enumerate(wanted):
        try:
            plain = Question(replace(sample, sample_id=""), sample.load_image())
        except SampleError:
            yield sample.sample_id, None
            continue
        yield sample.sample_id, _at_levels(perturb, axis, plain, [STREAM, source.seed, number], name)


def _at_levels(perturb: Perturb, axis: Axis, start: Any, seed: list[int], name: str) -> Sequence[Question] | None:
    asked = []
    for level in axis.levels:
        try:
            question = perturb(start, level, np.random.default_rng(seed))
        except Exception as error:
            raise ConfigurationError(f"axis {name} failed at level {level}: {said(error)}") from error
        if question is None:
            return None
        if not isinstance(question, Question):
            raise ConfigurationError(f"axis {name}: expected a `workbench.Question` or None, got {short(question)}")
        asked.append(question)
    return asked
