"""Instructions from the instances of tabletop have the targets that tabletop's own truth gives to their words."""

from collections import Counter
from pathlib import Path

import pytest

from tests.workbench.instructions.understood import Reader
from workbench.data import masks
from workbench.instructions.grammar import KINDS
from workbench.instructions.writing import Made, Plan, make
from workbench.tabletop.benchmark import tabletop
from workbench.tabletop.writer import scene_of

SCENES = 80


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = str(tmp_path_factory.mktemp("tabletop") / "files")
    return make(tabletop(scenes=SCENES, per_scene=6, root=root), Plan(per_picture=10))


def test_every_target_set_equals_the_truth_of_the_scene(made: Made) -> None:
    wrong = []
    for entry in made.entries:
        scene, _ = scene_of("test", 0, int(Path(entry.picture.path).stem), 128)
        places = {masks.encode(obj.mask)["counts"]: i for i, obj in enumerate(scene.objects)}
        reader = Reader(scene)
        for one in entry.asked:
            targets = sorted(places[entry.picture.things[i].mask["counts"]] for i in one.targets)
            if reader.answer(one.text) != targets:
                wrong.append((entry.picture.path.name, one.text, targets, reader.answer(one.text)))
    assert wrong == []


def test_every_kind_occurs_with_one_with_several_and_with_no_target(made: Made) -> None:
    asked = [one for entry in made.entries for one in entry.asked]
    cells = Counter((one.kind, min(len(one.targets), 2)) for one in asked)
    assert set(cells) == {(kind, form) for kind in KINDS for form in (0, 1, 2)}
    assert min(cells.values()) > 0.01 * len(asked)
    assert len(asked) > 9 * len(made.entries) > 0.85 * 9 * SCENES


def test_colours_are_said_of_many_objects(made: Made) -> None:
    coloured = [one for entry in made.entries for one in entry.asked if one.kind == "attribute" and one.targets]
    assert len(coloured) > SCENES / 2
