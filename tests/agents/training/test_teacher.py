"""The teacher in the real graph over generated scenes."""

from collections import Counter

import numpy as np

from agents.loop import tools
from agents.loop.graph import run
from agents.loop.workspace import Workspace
from agents.options import TINY
from agents.prompts.texts import load
from agents.training.noisy import NoisyTruth
from agents.training.teacher import FITS, Teacher, cell
from agents.training.told import of_scene, wider
from workbench.data.masks import encode, iou_matrix
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.scenes import Scene, make_scene


def episodes(count: int) -> list[tuple[Scene, Instruction]]:
    found: list[tuple[Scene, Instruction]] = []
    rng = np.random.default_rng(5)
    while len(found) < count:
        scene = make_scene(rng)
        found += [(scene, asked) for asked in instructions(scene, rng, 4)]
    return found


def played(scene: Scene, asked: Instruction, seed: int, *, noise: float, slip: float, check: float) -> Workspace:
    rng = np.random.default_rng(seed)
    teacher = Teacher(of_scene(scene, asked), rng, slip=slip, check=check)
    segmenter = NoisyTruth(scene, rng, noise=noise)
    teacher.workspace = Workspace(scene.image, asked.text, teacher, segmenter, load("tiny-v1"), TINY)
    state = run(teacher.workspace)
    assert state["ending"] is None
    teacher.workspace.trace.calls[-1].note.extra["selected"] = state["selected"]
    return teacher.workspace


def test_with_the_true_masks_the_teacher_answers_every_instruction_exactly() -> None:
    for number, (scene, asked) in enumerate(episodes(60)):
        work = played(scene, asked, number, noise=0, slip=0, check=0.3)
        selected = [work.masks[i].mask for i in work.trace.calls[-1].note.extra["selected"]]
        targets = [encode(scene.objects[i].mask) for i in asked.targets]
        assert len(selected) == len(targets), asked
        if targets:
            assert (iou_matrix(selected, targets) >= FITS).any(axis=0).all()


def test_every_taught_reply_can_be_carried_out_whatever_went_before() -> None:
    names: Counter[str] = Counter()
    contexts: Counter[str] = Counter()
    for number, (scene, asked) in enumerate(episodes(80)):
        work = played(scene, asked, number, noise=0.3, slip=0.25, check=0.3)
        assert isinstance(work.model, Teacher)
        for turn in work.model.taught:
            if "<verdict>" in turn.reply:
                assert isinstance(tools.parse_verdict(turn.reply), bool)
                names["verdict"] += 1
                continue
            call = tools.parse(turn.reply, 99)
            assert isinstance(call, tools.ToolCall)
            names[call.name] += 1
            last = turn.messages[-1].parts[0]
            contexts["error" if isinstance(last, str) and last.startswith("error") else "other"] += 1
    assert set(names) == {*tools.TOOLS, "verdict"}
    assert contexts["error"] > 10


def test_slips_are_made_and_not_taught() -> None:
    scene, asked = episodes(1)[0]
    work = played(scene, asked, 3, noise=0, slip=0.5, check=0)
    assert isinstance(work.model, Teacher)
    sent = [call.note.reply for call in work.trace.calls if call.kind == "llm"]
    taught = [turn.reply for turn in work.model.taught]
    assert len(sent) > len(taught) and set(taught) <= set(sent)


def test_the_teacher_thinks_the_phrase_and_then_the_cells_of_the_masks_that_fit() -> None:
    for number, (scene, asked) in enumerate(episodes(12)):
        work = played(scene, asked, number, noise=0, slip=0, check=0)
        assert isinstance(work.model, Teacher)
        cells = sorted((cell(scene.objects[i].mask) for i in asked.targets), key=lambda c: (c[1], c[0]))
        thought = "; ".join(f"{x} {y}" for x, y in cells) or "none"
        first, last = work.model.taught[0].reply, work.model.taught[-1].reply
        assert first.startswith(f"<think>{asked.phrase}</think><tool>")
        assert last.startswith(f"<think>{thought}</think><tool>")


def test_phrases_get_wider_step_by_step() -> None:
    assert wider("small red mug") == ["small red mug", "red mug", "mug", "drinkware", "object"]
    assert wider("fruit") == ["fruit", "object"]
