"""Questions about one's own pictures, kept in a run folder with their answers; `workbench report` shows it.

pictures/            the pictures as they were given, so that the folder needs nothing else
ask/                 the questions, and the answers with their traces, as in the folder of any run
answers/QUESTION/    drawings, masks and COCO results
"""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.asking.answer import Answer, Answers
from workbench.asking.picture import existing
from workbench.comparison.runner import run
from workbench.data.colours import SYSTEM_COLOURS
from workbench.data.digests import digest, file_digest
from workbench.data.errors import ConfigurationError, SampleError
from workbench.data.pictures import read_picture
from workbench.data.samples import Sample
from workbench.plugins import registry
from workbench.plugins.assignments import as_assignments
from workbench.runs.files import check_writable, held, replacing
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.tracking.load import load_run

BENCHMARK, PICTURES, ANSWERS = "ask", "pictures", "answers"
_HASH = 8
"""Digits of a digest in a name."""


@dataclass(frozen=True)
class Picture:
    """A picture that can be asked about: its file, its name in a run folder, and its size when it is upright."""

    path: Path
    name: str
    width: int
    height: int


@dataclass
class Questions:
    """The samples of a run folder of questions, as a benchmark without truth."""

    folder: Path
    asked: Sequence[Sample]
    name: str = BENCHMARK
    protocol: str = "inst2seg"

    def identity(self) -> dict[str, Any]:
        return {"version": 1}

    def samples(self) -> Iterable[Sample]:
        return self.asked

    def image_root(self) -> Path:
        return self.folder / PICTURES


def picture_at(given: str | Path) -> Picture:
    """A picture that is there and can be shown; raises `ConfigurationError` with the reason where it cannot."""
    path = existing(given)
    try:
        width, height = read_picture(path).size
        name = f"{_slug(path.stem) or 'picture'}-{file_digest(path)[:_HASH]}{path.suffix.lower()}"
    except (OSError, SampleError) as error:
        raise ConfigurationError(str(error)) from error
    return Picture(path, name, width, height)


def ask_in(
    out: Path,
    pictures: Sequence[Picture],
    instructions: Sequence[str],
    systems: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    command: str,
) -> tuple[Run, list[Sample]]:
    """Ask systems, by name in the run and name of the plugin, about every picture and instruction, in the run folder
    `out`. Returns the finished run, and the samples that were asked now.

    What is in the folder stays. A question that has its answer is not asked again, and a system that is new there is
    also asked what was asked before. `command` is kept for the report.

    Raises `ConfigurationError` before any model loads where a system, option or folder does not fit, and what
    `workbench.comparison.runner.run` raises.
    """
    makers = {
        name: registry.prepare("systems", made, settings.get(name), called=name) for name, made in systems.items()
    }
    registry.load("reporters", "html")
    check_writable(out)
    with held(out):
        before = _earlier(out)
        known = list(before.systems) if before else []
        if missing := [name for name in known if name not in systems]:
            raise ConfigurationError(
                f"{out} has answers of {', '.join(known)}: ask these again (--systems {','.join(known)}), or more, but "
                f"not without {', '.join(missing)}; or choose another --out"
            )
        asked = _questions(out, pictures, instructions)
        samples = {one.sample_id: one for one in (*(before.samples() if before else ()), *asked)}
        commands = [*(before.manifest.options.commands if before else ()), command]
        given = {name: made for name, made in systems.items() if name != made}
        run(
            {name: makers[name] for name in dict.fromkeys([*known, *systems])},
            lambda: Questions(out, list(samples.values())),
            out,
            settings={
                "set": as_assignments(settings),
                "commands": list(dict.fromkeys(commands)),
                **({"makers": given} if given else {}),
            },
        )
        return finish(out), asked


def answers_in(run: Run, samples: Sequence[Sample]) -> list[Answers]:
    """The answers of all systems of a run to each of these samples; raises `SampleError` where a picture cannot be
    read any more."""
    known = {name: one.knows for name, one in run.manifest.conditions.items()}
    predictions = {name: {one.sample_id: one for one in run.predictions(name)} for name in run.systems}
    found = []
    for sample in samples:
        pixels = sample.load_image()
        found.append(
            Answers(
                {
                    name: Answer(
                        name,
                        sample.instruction,
                        sample.facts.get("picture", sample.image_path.name),
                        pixels,
                        own[sample.sample_id],
                        SYSTEM_COLOURS[place % len(SYSTEM_COLOURS)],
                        known.get(name),
                    )
                    for place, (name, own) in enumerate(predictions.items())
                }
            )
        )
    return found


def _earlier(out: Path) -> Run | None:
    """The run that is in the folder, if any; raises `ConfigurationError` where it is something else."""
    if not (out / "manifest.json").exists():
        return None
    before = load_run(out)
    if before.benchmark != BENCHMARK:
        raise ConfigurationError(f"{out} holds a comparison on {before.benchmark}: choose another --out")
    return before


def _questions(out: Path, pictures: Sequence[Picture], instructions: Sequence[str]) -> list[Sample]:
    """A sample for each picture and instruction; the pictures are copied into the folder."""
    (out / PICTURES).mkdir(exist_ok=True)
    asked, called = {}, _called([one.path for one in pictures])
    for one in pictures:
        kept = out / PICTURES / one.name
        if not kept.exists():
            with replacing(kept) as file, one.path.open("rb") as source:
                shutil.copyfileobj(source, file)
        for instruction in instructions:
            name = "-".join(filter(None, (Path(one.name).stem, _slug(instruction), digest(instruction)[:_HASH])))
            asked[name] = Sample(
                name,
                Path(one.name).stem,
                kept,
                one.width,
                one.height,
                instruction,
                facts={"picture": called[one.path]},
                has_truth=False,
            )
    return list(asked.values())


def _called(paths: Sequence[Path]) -> dict[Path, str]:
    """The name of each file, with as many of its folders as tell it from the others that are asked about."""
    called = {}
    for path in paths:
        others = [other.absolute().parts for other in paths if other != path]
        parts = path.absolute().parts
        tails = (parts[-length:] for length in range(1, len(parts)))
        tail = next((tail for tail in tails if all(other[-len(tail) :] != tail for other in others)), parts[-1:])
        called[path] = "/".join(tail)
    return called


def _slug(text: str) -> str:
    """Small letters, digits and hyphens, for names of files."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:32].strip("-")
