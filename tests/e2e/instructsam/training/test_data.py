"""InstructSAM learns from files what it learns from the same scenes drawn on the fly; killed, it goes on in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.instructsam.predictor import Predictor
from e2e.instructsam.training.train import open_feed, prepared, step, train
from e2e.single_pass import tabletop_task
from e2e.single_pass.tabletop_task import Asked, Task, draw
from tests.e2e.conftest import SIDE, SLOTS
from tests.e2e.instructsam.training.settings import config
from tests.e2e.instructsam.training.test_resuming import Killed, assert_same_tensors, state
from tests.e2e.instructsam.training.test_train import log
from tests.workbench.foundations.training.data import written
from workbench.foundations.training.distributed import Processes
from workbench.foundations.training.loop import Loop
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


@pytest.mark.slow
def test_killed_at_a_step_of_files_it_goes_on_with_the_same_samples_whatever_the_number_of_workers(
    qwen_folder: Path, sam3_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [draw(0, n, TASK) for n in range(6)]
    files = written.inst2seg(tmp_path / "files", [(s, triples(as_drawn(s, a))) for s, a in drawn])
    held = written.inst2seg(tmp_path / "val", [(s, triples(a)) for s, a in (draw(0, n, TASK, "val") for n in range(2))])
    (tmp_path / "files" / "4.png").unlink()
    settings = config(
        qwen_folder, sam3_folder, steps=4, images=1, conversations=2, precision="float32", save_every=0.0, align=False,
        data=[{"benchmark": "inst2seg", "options": files, "negatives": 0.3}, {"benchmark": "tabletop", "pictures": 3}],
        augment="flips", validate_on=[{"benchmark": "inst2seg", "options": held, "name": "val"}], best="mAP",
        evaluate_steps=2,
    )  # fmt: skip
    train(settings, tmp_path / "straight")
    update = Loop.update

    def killed_in_the_third_step(loop: Loop, *arguments: Any) -> None:
        update(loop, *arguments)
        if loop.step == 2:
            raise Killed

    monkeypatch.setattr(Loop, "update", killed_in_the_third_step)
    with pytest.raises(Killed):
        train({**settings, "workers": 2}, tmp_path / "killed")
    monkeypatch.undo()
    train(settings, tmp_path / "killed")
    assert_same_tensors(state(tmp_path / "straight")["model"], state(tmp_path / "killed")["model"])
    lines = log(tmp_path / "straight")
    validated = [line for line in lines if "val val mAP" in line]
    assert [line["step"] for line in validated] == [2, 4]
    trained = [line for line in lines if "text" in line]
    assert {line["share inst2seg questions"] + line["share tabletop"] for line in trained} == {1.0}
    assert trained[-1]["epochs"] == pytest.approx(4 / 9)
    assert sorted(path.name for path in (tmp_path / "straight" / "validation").iterdir()) == [
        "0000002-val.json", "0000004-val.json",
    ]  # fmt: skip
    assert (tmp_path / "straight" / "best" / "config.json").exists()
