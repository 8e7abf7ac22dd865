"""What a dry run says and draws of the data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workbench.foundations.training.data import written
from workbench.foundations.training.data.index import Limits
from workbench.foundations.training.data.sources import open_sources
from workbench.foundations.training.data.stream import Stream
from workbench.foundations.training.data.survey import first_of_each, look, survey
from workbench.tabletop.scenes import make_scene


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    folder = tmp_path_factory.mktemp("survey")
    scenes = [make_scene(np.random.default_rng(n), 64) for n in range(30)]
    drawn = [(scene, [("cost in $ and $", "thing", [0]), ("the dog", "dog", [])]) for scene in scenes[:1]]
    files: list[dict[str, Any]] = [
        {"benchmark": "coco", "options": written.coco(folder / "coco", scenes), "kind": "category"},
        {"benchmark": "inst2seg", "options": written.inst2seg(folder / "few", drawn), "weight": 2, "name": "few"},
    ]
    return Stream(open_sources(files, folder / "data", Limits(10, boxes=True)), seed=0, count=2)


def test_the_counts_of_each_source_are_said_with_its_share(stream: Stream) -> None:
    lines = survey(stream).splitlines()
    assert lines[0] == "data: 2 sources, 32 pictures in an epoch"
    assert lines[1].startswith("coco instances (weight 1, 93.8% of an epoch): 30 pictures, ")
    assert (
        lines[-1]
        == "few (weight 2, 6.2% of an epoch): 1 pictures, 2 questions, instruction 2, no target 1, one target 1"
    )


def test_a_small_source_is_among_the_twelve_pictures(stream: Stream) -> None:
    taken = first_of_each(stream)
    assert len(taken) == 12
    assert "few" in {one.picture.source for one in taken}
    assert len({(one.picture.source, one.picture.name) for one in taken}) == 12


def test_the_pictures_are_drawn_with_their_masks_and_texts(
    stream: Stream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look(stream, tmp_path / "sheet.png")
    assert "pictures: " in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert pixels.shape[1] == 1280 and pixels.shape[0] > 900
    masked = (np.abs(pixels.astype(int) - (0x2F, 0x6D, 0xB5)).sum(2) < 12).sum()
    assert masked > 500  # outlines and texts of the first question of each
