"""How far the slots of a phrase collapse onto one object, before anything is dropped:

    python -m e2e.instructsam.collapse e2e/checkpoints/instructsam-tiny --scenes 40

For each checkpoint a line of a table about questions on drawn scenes: how many slots mask one object, how far the
language model's states at the slots are from each other (1 less their cosine), at all pairs of slots of a phrase and at
those that mask one object, and how many of the slots above the score threshold mask an object that one with a better
score masks already.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from e2e.instructsam.predictor import Predictor
from e2e.single_pass.losses import nearest
from e2e.single_pass.tabletop_task import Asked, Task, draw
from e2e.single_pass.vision import VisionFeatures
from workbench.data.errors import ConfigurationError
from workbench.tabletop.scenes import Scene

COVERS = 0.5
"""The IoU from which on a slot masks an object."""
NONE = -1
QUESTIONS, PHRASES = 6, 0.2
"""Questions about a scene, and the share of them that are noun phrases, as stage 2 trains on."""


@dataclass(frozen=True)
class SlotsOfPhrase:
    """The K slots of one phrase. `states: [K, D]`, `scores: [K]`, `objects: [K]`, the number of the object that each
    masks, -1 for none."""

    states: Tensor
    scores: Tensor
    objects: Tensor


@dataclass(frozen=True)
class Collapse:
    """What is said of a checkpoint; a mean is None where there is nothing to take it of."""

    phrases: int
    slots: int
    on_object: float | None
    """Slots that mask one object, of objects that any slot masks; 1 if none collapse."""
    apart: float | None
    """Mean distance of states, all pairs of slots of a phrase; from 0 (same direction) to 2."""
    apart_on_one: float | None
    """That of pairs that mask one object."""
    apart_on_two: float | None
    """That of pairs that mask two."""
    doubled: float | None
    """Of the slots above the score threshold that mask an object, the share whose object a better one masks."""


@torch.inference_mode()
def look(predictor: Predictor, scene: Scene, questions: Sequence[Asked]) -> list[SlotsOfPhrase]:
    """All slots of all phrases that the model writes in answer to questions about a scene."""
    tokens, grids = predictor.read([scene.image])
    written = predictor.write([predictor.prompt_for(one.text, 0, grids[0]) for one in questions], tokens)
    count = sum(len(answer.phrases) for answer in written)
    if not count:
        return []
    seen: VisionFeatures = predictor.see([scene.image])
    logits, masks = predictor.detect(written, [0] * count, seen)
    truth = torch.stack([torch.from_numpy(thing.mask.astype("uint8")) for thing in scene.objects])
    truth = nearest(truth.to(masks.device), masks.shape[-2:])
    states = torch.cat([answer.slot_states for answer in written]).float()
    return [
        SlotsOfPhrase(own, scores, masked(found, truth))
        for own, scores, found in zip(states, logits.float().sigmoid(), masks, strict=True)
    ]


def masked(logits: Tensor, objects: Tensor) -> Tensor:
    """Which of the objects, `[N, h, w]` in {0, 1}, each of the masks, `[K, h, w]` logits, covers: its number, -1 where
    its IoU with all of them is below a half; `[K]`."""
    found, truth = (logits > 0).float().flatten(1), objects.float().flatten(1)
    shared = found @ truth.T
    iou = shared / (found.sum(1)[:, None] + truth.sum(1) - shared).clamp(min=1)
    best, number = iou.max(1)
    return number.masked_fill(best < COVERS, NONE)


def distances(slots: SlotsOfPhrase) -> tuple[Tensor, Tensor, Tensor]:
    """1 less the cosine of the states of all pairs of slots `[n]`, and of the pairs, which mask one object and which
    two, `[n] bool`."""
    unit = F.normalize(slots.states, dim=-1)
    one, other = torch.triu_indices(len(unit), len(unit), 1)
    both = (slots.objects[one] != NONE) & (slots.objects[other] != NONE)
    same = slots.objects[one] == slots.objects[other]
    return 1 - (unit[one] * unit[other]).sum(-1), both & same, both & ~same


def doubles(slots: SlotsOfPhrase, threshold: float) -> list[bool]:
    """For each slot above the threshold that masks an object, from the best score on, whether a better one masks it."""
    order = slots.scores.argsort(descending=True).tolist()
    objects = [int(slots.objects[n]) for n in order if slots.scores[n] > threshold and slots.objects[n] != NONE]
    return [number in objects[:place] for place, number in enumerate(objects)]


def measure(phrases: Sequence[SlotsOfPhrase], threshold: float) -> Collapse:
    """The collapse of the slots of some phrases; scores count from above `threshold`."""
    every, one, two = (torch.cat(part) for part in zip(*(distances(slots) for slots in phrases), strict=True))
    shares = [int((s.objects == n).sum()) for s in phrases for n in set(s.objects.tolist()) - {NONE}]
    twice = [double for slots in phrases for double in doubles(slots, threshold)]
    return Collapse(
        len(phrases),
        len(phrases[0].scores),
        _mean(torch.tensor(shares).float()),
        _mean(every),
        _mean(every[one]),
        _mean(every[two]),
        _mean(torch.tensor(twice).float()),
    )


def _mean(values: Tensor) -> float | None:
    return float(values.mean()) if len(values) else None


def _phrases(checkpoint: str, scenes: int, threshold: float) -> Collapse:
    predictor = Predictor.from_pretrained(checkpoint, threshold=threshold, max_new_tokens=48)
    if not predictor.model.config.query_bank:
        raise ConfigurationError(f"{checkpoint}: expected a checkpoint with slots, got one whose query_bank is false")
    found = list(_looked(predictor, scenes))
    if not found:
        raise ConfigurationError(f"{checkpoint}: it wrote no phrase about {scenes} scenes, so there are no slots")
    return measure(found, threshold)


def _looked(predictor: Predictor, scenes: int) -> Iterator[SlotsOfPhrase]:
    task = Task(predictor.processor.image_size, QUESTIONS, PHRASES)
    for number in range(scenes):
        yield from look(predictor, *draw(0, number, task, "test"))


def table(measured: dict[str, Collapse]) -> str:
    """The figures as a table in Markdown, a line for each name."""
    lines = [
        "| checkpoint | slots | phrases | slots on an object | distance of states | on one object | on two | doubled |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, one in measured.items():
        values = (one.on_object, one.apart, one.apart_on_one, one.apart_on_two, one.doubled)
        cells = ["" if value is None else f"{value:.2f}" for value in values]
        lines.append(f"| {' | '.join([name, str(one.slots), str(one.phrases), *cells])} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the checkpoints named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m e2e.instructsam.collapse", description="How far slots collapse onto one object."
    )
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="folder of an InstructSAM with slots")
    parser.add_argument("--scenes", type=int, default=40, help="drawn scenes, six questions about each (40)")
    parser.add_argument("--threshold", type=float, default=0.39, help="score that an instance exceeds (0.39)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    if options.scenes < 1:
        parser.error(f"--scenes: expected 1 or more, got {options.scenes}")
    try:
        measured = {_name(path): _phrases(path, options.scenes, options.threshold) for path in options.checkpoints}
    except ConfigurationError as error:
        parser.error(str(error))
    print(json.dumps({name: asdict(one) for name, one in measured.items()}) if options.json else table(measured))


def _name(checkpoint: str) -> str:
    path = Path(checkpoint)
    return path.parent.name if path.name == "final" else path.name


if __name__ == "__main__":
    main()
