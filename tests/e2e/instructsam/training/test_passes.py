"""Passes: scenes that are read from files give the losses of the same scenes drawn on the fly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.passes import prepared, step
from e2e.instructsam.training.train import _planner, open_feed
from e2e.single_pass import tabletop_task
from e2e.single_pass.tabletop_task import Asked, Task, draw
from tests.e2e.conftest import SIDE, SLOTS
from tests.workbench.foundations.training.data import written
from workbench.foundations.training.distributed import Processes
from workbench.tabletop.scenes import Scene

TASK = Task(SIDE, 3, 0.4)
Ask = Callable[[Scene, list[Asked]], list[Asked]]


def as_drawn(scene: Scene, asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if len(one.targets) <= SLOTS]


def objects(scene: Scene, asked: list[Asked]) -> list[Asked]:
    names = [f"{thing.size} {thing.colour} {thing.category}" for thing in scene.objects]
    return [Asked(name, name, [i]) for i, name in enumerate(names)][:3]


def categories(scene: Scene, asked: list[Asked]) -> list[Asked]:
    return [Asked(*one) for one in written.by_category(scene) if len(one[2]) <= SLOTS][:3]


def triples(asked: list[Asked]) -> list[written.Asked]:
    return [(one.text, one.phrase, one.targets) for one in asked]


@pytest.mark.parametrize(
    ("benchmark", "ask", "write", "kind"),
    [
        ("inst2seg", as_drawn, written.inst2seg, None),
        ("inst2seg", as_drawn, lambda *given: written.inst2seg(*given, training=True), None),
        ("refcoco", objects, written.refcoco, "phrase"),
        ("coco", categories, lambda to, drawn: written.coco(to, [scene for scene, _ in drawn]), "category"),
    ],
    ids=["inst2seg", "inst2seg-training", "refcoco", "coco"],
)
def test_scenes_from_files_give_the_losses_of_scenes_that_are_drawn(
    predictor: Predictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    benchmark: str,
    ask: Ask,
    write: Any,
    kind: Any,
) -> None:
    def drawn_so(seed: int, number: int, task: Task, split: Any = "train") -> tuple[Scene, list[Asked]]:
        scene, asked = draw(seed, number, task, split)
        return scene, ask(scene, asked)

    monkeypatch.setattr(tabletop_task, "draw", drawn_so)
    files = write(tmp_path / "files", [(s, triples(a)) for s, a in (drawn_so(0, n, TASK) for n in range(4))])
    settings = {"seed": 0, "images": 2, "conversations": 3, "more": 0, "slots": SLOTS}
    source = {"benchmark": benchmark, "options": files, **({"kind": kind} if kind else {})}
    model, processor = predictor.model, predictor.processor
    losses = []
    for more in ({}, {"data": [source], "shuffle": False}):
        feed = open_feed({**settings, **more}, tmp_path, TASK, Processes())  # type: ignore[typeddict-item]
        passes = [prepared(model, processor, feed, place, "inference") for place in range(2)]
        assert sum(one.report.questions for one in passes) > 4
        with torch.no_grad():
            outputs = [step(model, one.shown, torch.float32) for one in passes if one.shown]
        losses.append(
            [[float(x) for x in (o.text, o.slots.bce, o.slots.dice, o.slots.score)] for o in outputs if o.slots]
        )
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2


@pytest.mark.parametrize("convention", ["inference", "reference"])
def test_a_copy_without_weights_makes_the_same_passes(predictor: Predictor, tmp_path: Path, convention: Any) -> None:
    """On a GPU it makes them beside the model; with `more`, also what is true of the slots."""
    settings: Any = {"seed": 0, "images": 1, "conversations": 2, "more": 1, "slots": SLOTS}
    feed = open_feed(settings, tmp_path, TASK, Processes())
    copy = _planner(predictor.model)
    assert {tensor.device.type for tensor in copy.parameters()} == {"meta", "cpu"}
    one, other = (prepared(of, predictor.processor, feed, 3, convention) for of in (predictor.model, copy))
    for part, same in ((one.shown, other.shown), (one.told, other.told)):
        assert part is not None and same is not None
        assert torch.equal(part.batch.token_ids, same.batch.token_ids) and torch.equal(part.patches, same.patches)
        assert torch.equal(part.batch.positions, same.batch.positions)
    assert one.told is not None and other.told is not None and one.told.truth is not None
    assert torch.equal(one.told.truth.wanted, other.told.truth.wanted)  # type: ignore[union-attr]
