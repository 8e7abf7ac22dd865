"""Samples that are kept are a benchmark."""

import json
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from tests.workbench.asking.asked import boxes, saved
from tests.workbench.demo.toys import part
from workbench.benchmarks.inst2seg import read
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.demo.keeping import Kept, count, keep


def test_what_is_kept_is_read_as_it_was_kept(tmp_path: Path) -> None:
    out, photo = tmp_path / "own", saved(tmp_path, "Mein Foto.png")
    keep(out, photo, "the “red” box", [part(0), part(1)], ["a", "b"])
    kept = keep(out, photo, "the blue box", [])
    assert kept == Kept(out / "annotations.json", 2, 1, False)
    photo.unlink()
    first, second = read(kept.file, out)
    assert first.problem is second.problem is None
    assert first.instruction == "the “red” box" and list(first.targets) == [part(0), part(1)]
    assert second.targets == () and np.array_equal(second.load_image(), boxes())
    assert main(["check", "inst2seg", "--annotations", str(kept.file), "--images", str(out)]) == 0


def test_the_same_question_again_replaces_its_masks(tmp_path: Path) -> None:
    photo = saved(tmp_path)
    keep(tmp_path / "own", photo, "the red box", [part(0)])
    kept = keep(tmp_path / "own", photo, "the red box", [part(1)])
    assert kept.replaced and kept.samples == count(tmp_path / "own") == 1
    assert list(next(read(kept.file, tmp_path / "own")).targets) == [part(1)]


def test_pictures_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        kept = keep(tmp_path / "own", saved(tmp_path, colour=colour), "the red box", [])
    assert (kept.samples, kept.pictures) == (2, 2)


def test_a_picture_taken_sideways_or_with_16_bits_fits_its_masks(tmp_path: Path) -> None:
    sideways, deep = tmp_path / "a.jpg", tmp_path / "b.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(boxes())).save(sideways, exif=exif)
    Image.fromarray(np.full((60, 80), 40000, np.uint16)).save(deep)
    for photo in (sideways, deep):
        kept = keep(tmp_path / "own", photo, "the red box", [part(0)])
    for sample in read(kept.file, tmp_path / "own"):
        assert sample.problem is None and sample.load_image().shape == (60, 80, 3)


def test_two_tabs_that_keep_at_once_lose_nothing(tmp_path: Path) -> None:
    photo = saved(tmp_path)
    threads = [Thread(target=keep, args=(tmp_path / "own", photo, f"box {n}", [part(0)])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(tmp_path / "own") == 8


@pytest.mark.parametrize("content", ["{}", "[1]", "[", '[{"image": "a.png"}]'])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"annotations\.json"):
        keep(tmp_path, saved(tmp_path), "the red box", [])
    assert (tmp_path / "annotations.json").read_text() == content


def test_what_others_wrote_into_the_file_stays(tmp_path: Path) -> None:
    other = {"image": "x.png", "height": 3, "width": 4, "annotation": [{"text": "é", "kind": "k"}], "seed": 1}
    (tmp_path / "annotations.json").write_text(json.dumps([other]))
    keep(tmp_path, saved(tmp_path), "the red box", [])
    assert json.loads((tmp_path / "annotations.json").read_text())[0] == other
