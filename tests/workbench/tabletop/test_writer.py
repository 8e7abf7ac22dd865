import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.benchmarks.inst2seg import read
from workbench.data import masks
from workbench.data.errors import ConfigurationError
from workbench.tabletop.overview import overview
from workbench.tabletop.phrases import parse
from workbench.tabletop.scenes import make_scene
from workbench.tabletop.writer import generate, read_manifest, write


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("out") / "test", "test", scenes=8, per_scene=4, seed=3, size=96)


def entries(folder: Path, split: str = "test") -> list[dict]:  # type: ignore[type-arg]
    return json.loads((folder / f"{split}.json").read_text())  # type: ignore[no-any-return]


def test_the_same_seed_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    assert files(write(tmp_path / "again", "test", 8, 4, 3, 96)) == files(written)


def test_more_scenes_begin_with_the_same_ones(written: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "more", "test", 9, 4, 3, 96)
    assert entries(more)[:8] == entries(written)


def test_a_strangers_reader_finds_the_schema_it_knows(written: Path) -> None:
    for entry in entries(written):
        with Image.open(written / entry["image"]) as image:
            assert image.size == (entry["width"], entry["height"]) == (96, 96)
        assert len(entry["annotation"]) == 4
        for annotation in entry["annotation"]:
            assert annotation["text"].strip()
            assert "mask" not in annotation or len(annotation["mask"]) > 0
            assert all(masks.decode(rle).any() for rle in annotation.get("mask", []))


def test_targets_are_objects_that_the_phrase_names(written: Path) -> None:
    for entry in entries(written):
        for annotation in entry["annotation"]:
            words = parse(annotation["phrase"])
            for rle in annotation.get("mask", []):
                (found,) = (o for o in entry["objects"] if o["mask"] == rle)
                assert words.colour in (None, found["colour"]) and words.size in (None, found["size"])


def test_samples_carry_the_phrase(written: Path) -> None:
    asked = [annotation["phrase"] for entry in entries(written) for annotation in entry["annotation"]]
    assert [sample.phrase for sample in read(written / "test.json", written)] == asked


def test_a_scene_can_be_drawn_again_from_its_entry(written: Path) -> None:
    entry = entries(written)[5]
    scene = make_scene(np.random.default_rng(entry["seed"]), 96, "test")
    with Image.open(written / entry["image"]) as image:
        assert np.array_equal(np.asarray(image), scene.image)
    assert [masks.encode(o.mask) for o in scene.objects] == [o["mask"] for o in entry["objects"]]


def test_the_manifest_counts_what_is_there(written: Path) -> None:
    manifest = read_manifest(written)
    asked = [a for entry in entries(written) for a in entry["annotation"]]
    assert manifest is not None
    assert manifest["counts"]["instructions"] == len(asked) == 32
    assert manifest["counts"]["no_target"] == sum("mask" not in a for a in asked)
    assert sum(manifest["counts"]["kinds"].values()) == 32


def test_splits_share_no_scene(tmp_path: Path) -> None:
    folders = generate(tmp_path, scenes=5, per_scene=1, seed=0, size=64)
    assert [folder.name for folder in folders] == ["train", "val", "test"]
    images = [p.read_bytes() for folder in folders for p in (folder / "images").iterdir()]
    assert len(set(images)) == 15


def test_complete_files_are_kept(written: Path) -> None:
    before = (written / "test.json").stat().st_mtime_ns
    write(written, "test", 8, 4, 3, 96)
    assert (written / "test.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["edited", "missing image", "other seed"])
def test_other_files_are_never_overwritten(tmp_path: Path, damage: str) -> None:
    folder = write(tmp_path / "x", "val", 2, 1, 0, 64)
    if damage == "edited":
        (folder / "val.json").write_text("[]")
    elif damage == "missing image":
        (folder / "images" / "00001.png").unlink()
    before = files(folder)
    with pytest.raises(ConfigurationError, match="remove it or choose another folder"):
        write(folder, "val", 2, 1, int(damage == "other seed"), 64)
    assert files(folder) == before


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ConfigurationError, match="disk full"):
        write(tmp_path / "x", "val", 2, 1, 0, 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "dev"}, "`split` to be one of train, val, test, got 'dev'"),
        ({"scenes": 0}, "`scenes` to be an integer in 1..99999, got 0"),
        ({"per_scene": 2.5}, "`per_scene`"),
        ({"seed": -1}, "`seed`"),
        ({"size": 8}, "`size` to be an integer in 64..1024"),
    ],
)
def test_wrong_parameters_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    parameters = {"split": "val", "scenes": 1, "per_scene": 1, "seed": 0, "size": 64, **change}
    with pytest.raises(ConfigurationError, match=message):
        write(tmp_path / "x", **parameters)  # type: ignore[arg-type]


def test_the_overview_is_a_picture_of_moderate_size(tmp_path: Path) -> None:
    overview(tmp_path / "o.png")
    assert (tmp_path / "o.png").stat().st_size < 400_000
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.width > 1000 and len(np.unique(np.asarray(picture.convert("RGB")))) > 100
