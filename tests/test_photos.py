"""Real photographs go through all of it: formats, sizes, failures and the report. What a system reaches on them says
nothing."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import workbench
from tests import photos
from tests.reports.page import Page
from workbench.benchmarks.check import check
from workbench.benchmarks.folder import folder
from workbench.data import masks
from workbench.data.samples import Sample


def samples(own: Path) -> list[Sample]:
    made = folder(str(own))
    assert check(made).problems == ()
    return list(made.samples())


@pytest.mark.parametrize(
    ("suffix", "how"),
    [(".png", {}), (".webp", {"lossless": True}), (".tiff", {}), (".bmp", {}), (".ppm", {}), (".jpg", {"quality": 95})],
)
def test_a_photograph_is_the_same_in_every_format(tmp_path: Path, suffix: str, how: dict[str, Any]) -> None:
    own = photos.write(tmp_path, suffix)
    photos.save(photos.CANTEEN, own / f"canteen{suffix}", **how)
    read = samples(own)[0].load_image().astype(int)
    difference = np.abs(read - photos.pixels(photos.CANTEEN))
    assert difference.mean() < 3 if suffix == ".jpg" else difference.max() == 0


def test_a_photograph_that_is_stored_on_its_side_is_shown_upright_with_its_masks(tmp_path: Path) -> None:
    own = photos.write(tmp_path, ".png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(photos.pixels(photos.BOX))).save(own / "box.png", exif=exif)
    scissors = next(sample for sample in samples(own) if sample.instruction == "scissors")
    assert np.array_equal(scissors.load_image(), photos.pixels(photos.BOX))
    assert scissors.targets == (masks.encode(photos.instances(photos.BOX)[5]),)


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "CMYK"])
def test_grey_deep_and_printed_photographs_are_read(tmp_path: Path, mode: str) -> None:
    own = photos.write(tmp_path, ".tiff")
    photo = Image.fromarray(photos.pixels(photos.BOX))
    grey = np.asarray(photo.convert("L"))
    shown = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else photo.convert(mode)
    shown.save(own / "box.tiff")
    read = samples(own)[-1].load_image()
    assert read.shape == (480, 640, 3)
    if mode in ("L", "I;16"):
        assert np.array_equal(read, np.repeat(grey[:, :, None], 3, axis=2))


def test_labelmes_export_as_coco_reads_as_it_is(tmp_path: Path) -> None:
    """The form of labelme's published example: pictures in JPEGImages, a background category of id 0, boxes and areas
    in floats, further keys."""
    exported = photos.coco({photos.CANTEEN: "JPEGImages/canteen.jpg", photos.BOX: "JPEGImages/box.jpg"})
    for photo in (photos.CANTEEN, photos.BOX):
        photos.save(photo, tmp_path / "JPEGImages" / f"{photo}.jpg")
    for entry in exported["images"]:
        entry.update(id=entry["id"] - 1, license=0, url=None, date_captured="2026-01-05 10:11:12.131415")
    for place, entry in enumerate(exported["annotations"]):
        x, y, width, height = entry["bbox"]
        corners = [x, y, x + width, y, x + width, y + height, x, y + height]
        entry.update(id=place, image_id=entry["image_id"] - 1, segmentation=[corners], area=float(width * height))
        entry["bbox"] = [float(edge) for edge in entry["bbox"]]
    categories = [{"supercategory": None, "id": 0, "name": "_background_"}]
    categories += [{"supercategory": None, **category} for category in exported["categories"]]
    info = {"description": None, "url": None, "version": None, "year": 2026, "contributor": None}
    licenses = [{"url": None, "id": 0, "name": None}]
    file = tmp_path / "annotations.json"
    file.write_text(
        json.dumps({**exported, "info": info, "licenses": licenses, "type": "instances", "categories": categories})
    )
    from workbench.benchmarks.coco import coco

    made = coco(str(file), str(tmp_path))
    assert check(made).problems == ()
    asked = {(sample.image_id, sample.instruction): len(sample.targets) for sample in made.samples()}
    assert asked["JPEGImages/canteen.jpg", "person"] == 7 and asked["JPEGImages/box.jpg", "_background_"] == 0
    assert sum(asked.values()) == 27


def test_answers_have_the_size_of_the_photograph() -> None:
    photo = Image.fromarray(photos.pixels(photos.BOX))
    with warnings.catch_warnings(), workbench.load("instructsam-tiny") as system:
        warnings.simplefilter("ignore", UserWarning)
        for size in ((9, 7), (640, 480), (4032, 3024), (2000, 90)):
            answer = system.ask(photo.resize(size), "the scissors")
            assert answer.ok or answer.outcome == "repeating", answer.message
            assert answer.masks().shape[1:] == (size[1], size[0])


def test_every_sample_is_counted_and_shown_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = photos.write(tmp_path / "own")
    with (own / "instructions.csv").open("a") as table:
        table.write("missing.jpg,the cup that was not photographed,\n")
    whole = [sample for sample in folder(str(own)).samples() if not sample.problem]
    found = [
        {"image_id": one.sample_id, "category_id": 1, "segmentation": mask, "score": 0.9}
        for one in whole
        for mask in one.targets
    ]
    for one in found[:3]:  # the bottle, asked for twice, and the first of all people
        one["score"] = "high"
    Path("answers.json").write_text(json.dumps(found))
    run = workbench.compare(
        {"right": "predictions", "instructsam-tiny": "instructsam-tiny"},
        "folder",
        out="run",
        options={"folder": {"annotations": "own"}, "right": {"file": "answers.json"}},
    )
    right, tiny = run.results.systems["right"], run.results.systems["instructsam-tiny"]
    assert (right.samples, right.failures) == (45, {"crashed": 3, "bad_sample": 1})
    assert right.metrics["T_acc"] == pytest.approx(32 / 35)
    assert right.metrics["N_acc"] == 1
    assert tiny.samples == 45 and sum(tiny.failures.values()) >= 1
    page = Path("run/report.html").read_text()
    assert "What instructsam-tiny knows: generated tabletop scenes only" in page
    assert "right failed on 4 of 45 samples" in page
    assert len(Page(page).content["samples"]) == 45
