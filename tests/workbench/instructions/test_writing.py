"""What is written: splits that share no picture, marks for verification, files that are read as they were made."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workbench.instructions.drawn import HEIGHT, WIDTH, rle
from workbench.benchmarks.coco import coco
from workbench.benchmarks.inst2seg import read
from workbench.data.errors import ConfigurationError
from workbench.instructions.writing import Made, Plan, make, write

PICTURES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a red and a blue car and a dog; the last is the same as the first, under another name."""
    root = tmp_path_factory.mktemp("cars")
    boxes = {1: [(5, 60, 35, 90), (140, 30, 198, 90)], 2: [(60, 20, 100, 60)]}
    annotations = []
    for number in range(PICTURES + 1):
        pixels = np.full((HEIGHT, WIDTH, 3), 120 + number % PICTURES, np.uint8)
        pixels[60:90, 5:35] = (210, 20, 20)
        pixels[30:90, 140:198] = (20, 60, 210)
        Image.fromarray(pixels).save(root / f"{number}.bmp")
        annotations += [
            {"image_id": number, "category_id": category, "segmentation": rle(box)}
            for category, found in boxes.items()
            for box in found
        ]
    images = [{"id": n, "file_name": f"{n}.bmp", "height": HEIGHT, "width": WIDTH} for n in range(PICTURES + 1)]
    numbered = [{"id": i, **one} for i, one in enumerate(annotations)]
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "horse"}]
    content = {"images": images, "annotations": numbered, "categories": categories}
    (root / "instances.json").write_text(json.dumps(content))
    return root


def _made(folder: Path, **how: object) -> Made:
    return make(coco(str(folder / "instances.json"), str(folder)), Plan(**{"shares": (0.5, 0.25, 0.25), **how}))  # type: ignore[arg-type]


def test_splits_share_no_picture_even_under_another_name(folder: Path) -> None:
    made = _made(folder)
    splits: dict[str, set[str]] = {}
    for entry in made.entries:
        splits.setdefault(entry.split, set()).add(entry.digest)
    assert {split: len(digests) for split, digests in splits.items()} == {"train": 6, "val": 3, "test": 3}
    assert len(set().union(*splits.values())) == PICTURES < len(made.entries)


def test_a_share_of_each_split_is_marked(folder: Path) -> None:
    made = _made(folder, verify=0.25)
    for split in ("train", "val", "test"):
        asked = [one for entry in made.entries if entry.split == split for one in entry.asked]
        assert sum(one.verify for one in asked) == round(0.25 * len(asked)) > 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    written = []
    for place, seed in enumerate((0, 0, 1)):
        (out := tmp_path / str(place)).mkdir()
        write(_made(folder, seed=seed), out, folder, False, {})
        written.append([(out / f"{split}.json").read_bytes() for split in ("train", "val", "test")])
    assert written[0] == written[1] != written[2]


def test_files_are_read_with_the_targets_that_were_made_and_find_their_pictures(folder: Path, tmp_path: Path) -> None:
    made = _made(folder)
    manifest = write(made, tmp_path, folder, True, {"benchmark": "coco"})
    for split in ("train", "val", "test"):
        samples = list(read(tmp_path / f"{split}.json", tmp_path))
        asked = [(entry, one) for entry in made.entries if entry.split == split for one in entry.asked]
        assert len(samples) == len(asked) == manifest["splits"][split]["instructions"]
        for sample, (entry, one) in zip(samples, asked, strict=True):
            assert sample.problem is None and sample.load_image().shape == (HEIGHT, WIDTH, 3)
            assert sample.targets == tuple(entry.picture.things[i].mask for i in one.targets)
            assert (sample.instruction, sample.kind) == (one.text, one.kind)
            assert len(sample.targets) + len(sample.others) == 3


def test_colours_come_from_the_pixels(folder: Path) -> None:
    texts = {one.text: one.targets for entry in _made(folder, per_picture=20).entries for one in entry.asked}
    red = {targets for text, targets in texts.items() if "red car" in text and "not" not in text and "than" not in text}
    assert (0,) in red and (1,) not in red
    assert all(not targets for text, targets in texts.items() if "dog that is" in text), "grey has no name here"


def test_where_nothing_is_clear_the_reasons_are_said(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / "instances.json").read_text())
    content["categories"] = [{**one, "name": f"other {one['id']}"} for one in content["categories"]]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match=r"nothing about the pictures of coco was clear .*no_category 13"):
        make(coco(str(tmp_path / "instances.json"), str(folder)), Plan())
