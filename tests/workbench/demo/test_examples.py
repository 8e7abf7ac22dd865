"""What the page begins with."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.data.errors import ConfigurationError
from workbench.demo.examples import COUNT, examples
from workbench.demo.keeping import keep


def _mark(folder: Path) -> None:
    for name in ("a.png", "b.png", "00001.png", "00002.png"):
        Image.fromarray(np.full((8, 8, 3), ord(name[0]), np.uint8)).save(folder / name)
    listed = [
        {"picture": "a.png", "name": "00001.png", "instruction": "the mug", "drawn": "00001.png"},
        {"picture": "b.png", "name": "00002.png", "instruction": "the mug", "drawn": "00002.png"},
    ]
    (folder / "marked.json").write_text(json.dumps(listed))


def test_it_begins_with_scenes_where_nothing_is_marked(tmp_path: Path) -> None:
    made = examples(tmp_path / "examples", tmp_path)
    assert len(made) == COUNT and all(one.shown == one.picture for one in made)


def test_it_begins_with_what_is_marked_and_not_kept_yet(tmp_path: Path) -> None:
    _mark(tmp_path)
    first, second = examples(tmp_path / "examples", tmp_path)
    assert (first.picture.name, first.instruction) == ("00001.png", "the mug")
    assert first.picture.read_bytes() == (tmp_path / "a.png").read_bytes()
    assert first.shown.read_bytes() == (tmp_path / "00001.png").read_bytes()
    keep(tmp_path, first.picture, "the mug", [])
    assert [one.picture.name for one in examples(tmp_path / "examples", tmp_path)] == [second.picture.name]


def test_a_list_that_is_not_such_is_refused(tmp_path: Path) -> None:
    (tmp_path / "marked.json").write_text('[{"picture": "none.png"}]')
    with pytest.raises(ConfigurationError, match="expected what `workbench instructions` writes"):
        examples(tmp_path / "examples", tmp_path)
