"""`workbench check`: everything that is missing or broken is named by file, before any model starts."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.benchmarks import reasonseg
from workbench.cli.main import main
from workbench.data import masks

OFFICIAL = Path(__file__).parent / "official"
NOTHING = {"size": [12, 16], "counts": [192]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OFFICIAL, tmp_path / "official"))


def check(*arguments: object) -> int:
    return main(["check", *map(str, arguments)])


def checked(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code = check(*arguments, "--json")
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "annotations", "images", "samples", "pictures"),
    [
        ("inst2seg", "inst2seg.json", "data", 4, 2),
        ("inst2seg", "train.json", "data", 2, 1),
        ("grefcoco", "grefs(unc).json", "images/train2014", 5, 2),
        ("grefcoco", "grefcoco_val.json", "images/train2014", 4, 2),
        ("reasonseg", "val", "val", 3, 3),
        ("reasonseg", "reason_seg_val.json", ".", 2, 2),
        ("roborefit", "final_dataset/testA/roborefit_testA.json", ".", 3, 2),
        ("roborefit", "roborefit_testA_qa.json", ".", 2, 2),
        ("gseval", "GroundingSuite-Eval.jsonl", "images", 4, 2),
    ],
)
def test_a_sound_folder(
    capsys: pytest.CaptureFixture[str], name: str, annotations: str, images: str, samples: int, pictures: int
) -> None:
    place = OFFICIAL / name
    code, found = checked(capsys, name, "--annotations", place / annotations, "--images", place / images)
    assert code == 0
    counts = {"benchmark": name, "samples": samples, "usable": samples, "images": pictures}
    assert found == {**counts, "problems": [], "notes": []}


def test_a_phrase_that_an_annotator_did_not_answer_is_remarked_and_spoils_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = OFFICIAL / "saco"
    file = place / "gold_toy_merged_a_release_test.json"
    code, found = checked(capsys, "saco", "--annotations", file, "--images", place / "images")
    assert (code, found["usable"]) == (1, 4)
    assert found["problems"] == [
        {
            "file": "gold_toy_merged_c_release_test.json",
            "samples": [],
            "problem": "there is no image of id 1003, which gold_toy_merged_a_release_test.json has",
        }
    ]


def test_images_that_are_missing_broken_or_of_another_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / "reasonseg"
    (place / "val" / "100_a.jpg").write_bytes((place / "val" / "100_a.jpg").read_bytes()[:-20])
    (place / "val" / "200_b.jpg").unlink()
    shutil.copy(place / "val" / "300_c.jpg", place / "val" / "400_d.jpg")
    assert check("reasonseg", "--annotations", place / "val", "--images", place / "val") == 1
    out = capsys.readouterr().out
    assert "400_d.jpg: this image has no annotation file beside it" in out
    assert "200_b.json: the image size cannot be read: image not found: " in out
    assert out.splitlines()[-1] == "reasonseg: 3 samples, 1 usable; 1 images; 3 problems"

    shutil.copy(folder / "roborefit/final_dataset/testA/mask/0000000/01.png", place / "val" / "200_b.jpg")
    entries = json.loads((place / "reason_seg_val.json").read_text())
    entries[1]["mask"] = {"size": [10, 10], "counts": [40, 60]}
    (place / "reason_seg_val.json").write_text(json.dumps(entries))
    assert check("reasonseg", "--annotations", place / "reason_seg_val.json", "--images", place) == 1
    out = capsys.readouterr().out
    assert f"val/100_a.jpg: sample 0: image cannot be read: {place / 'val' / '100_a.jpg'}: " in out
    assert "val/200_b.jpg: sample 1: image is 16x12 but its annotation says 10x10" in out


def test_an_image_is_named_once_with_all_its_samples(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / "grefcoco"
    (place / "images/train2014/COCO_train2014_000000000001.jpg").unlink()
    code, found = checked(
        capsys, "grefcoco", "--annotations", place / "grefs(unc).json", "--images", place / "images/train2014"
    )
    (problem,) = found["problems"]
    assert (code, found["usable"]) == (1, 2)
    assert (problem["file"], problem["samples"]) == ("COCO_train2014_000000000001.jpg", ["0", "1", "2"])
    assert check("grefcoco", "--annotations", place / "grefs(unc).json", "--images", place / "images/train2014") == 1
    assert "(3 samples: 0, 1, 2)" in capsys.readouterr().out


def test_without_an_image_folder_images_are_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "gseval" / "images")
    assert check("gseval", "--annotations", folder / "gseval" / "GroundingSuite-Eval.jsonl") == 0
    assert "images were not looked at; nothing is missing or broken" in capsys.readouterr().out


def test_options_of_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    file = OFFICIAL / "grefcoco" / "grefs(unc).json"
    code, found = checked(capsys, "grefcoco", "--annotations", file, "--set", "grefcoco.split=val")
    assert (code, found["samples"], found["images"]) == (0, 3, None)


def test_a_target_without_pixels_and_entries_that_nothing_refers_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "grefcoco" / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["segmentation"] = NOTHING
    content["annotations"].append({"id": 30, "image_id": 9, "segmentation": NOTHING})
    path.write_text(json.dumps(content))
    code, found = checked(capsys, "grefcoco", "--annotations", path.with_name("grefs(unc).json"))
    assert (code, found["usable"]) == (1, 5)
    assert [(problem["file"], problem["problem"]) for problem in found["problems"]] == [
        ("instances.json", "annotation 4 is left out: there is no image of id 9"),
        ("grefs(unc).json", "sample 4: target 0 has no pixel, so nothing can match it"),
    ]


def test_a_file_without_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.json").write_text("[]")
    code, found = checked(capsys, "inst2seg", "--annotations", tmp_path / "empty.json")
    assert code == 1
    assert found["problems"] == [{"file": "empty.json", "samples": [], "problem": "there are no samples in it"}]


def test_many_problems_are_cut_short_as_text_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text(json.dumps([7] * 300))
    assert check("inst2seg", "--annotations", tmp_path / "bad.json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 102
    assert lines[0] == "bad.json: sample 0: entry 0: expected {image, height, width, annotation: [...]}, got 7"
    assert lines[-2:] == [
        "... and 200 more, which --json lists",
        "inst2seg: 300 samples, 0 usable; images were not looked at; 300 problems",
    ]
    _, found = checked(capsys, "inst2seg", "--annotations", tmp_path / "bad.json")
    assert len(found["problems"]) == 300


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grefcoc"], "unknown benchmark 'grefcoc' (did you mean 'grefcoco'?)"),
        (["gseval", "--annotations", "nowhere.jsonl"], "there is no annotation file nowhere.jsonl"),
        (["tabletop", "--images", "."], "unknown option of tabletop 'images'"),
        (["grefcoco", "--set", "split=val"], "--set expects NAME.OPTION=VALUE"),
    ],
)
def test_what_cannot_be_checked_is_wrong_configuration(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_a_benchmark_that_is_generated_is_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, found = checked(capsys, "tabletop", "--set", "tabletop.scenes=2")
    assert (code, found["samples"], found["images"]) == (0, 8, 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_is_stored_turned_fits_its_mask_and_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    upright = np.full((50, 70, 3), 90, dtype=np.uint8)
    upright[5:20, 30:60] = (210, 30, 30)
    swapped = upright.transpose(1, 0, 2)
    stored = [upright, upright[:, ::-1], upright[::-1, ::-1], upright[::-1], swapped, np.rot90(upright, 1),
              swapped[::-1, ::-1], np.rot90(upright, -1)][orientation - 1]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.jpg", quality=95, exif=exif)
    corners = [[30, 5], [59, 5], [59, 19], [30, 19]]
    shapes = [{"label": "target", "points": corners, "shape_type": "polygon"}]
    (tmp_path / "a.json").write_text(json.dumps({"text": ["the red thing"], "is_sentence": True, "shapes": shapes}))
    code, found = checked(capsys, "reasonseg", "--annotations", tmp_path, "--images", tmp_path)
    assert (code, found["problems"], len(found["notes"])) == (0, [], 0 if orientation == 1 else 1)
    (asked,) = reasonseg.read(tmp_path, tmp_path)
    seen = asked.load_image()[masks.decode(asked.targets[0])]
    assert np.abs(seen.mean(axis=0) - [210, 30, 30]).max() < 12


def test_an_image_that_no_decoder_takes_is_named_and_the_others_are_usable(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = folder / "gseval" / "images" / "unlabeled2017"
    first = sorted(images.iterdir())[0]
    first.unlink()
    os.mkfifo(first)
    code, found = checked(
        capsys, "gseval", "--annotations", folder / "gseval" / "GroundingSuite-Eval.jsonl", "--images", images.parent
    )
    (problem,) = found["problems"]
    assert (code, problem["file"]) == (1, f"unlabeled2017/{first.name}")
    assert "it is a pipe, not a file" in problem["problem"]
    assert found["usable"] == 4 - len(problem["samples"]) > 0


def test_a_pipe_in_place_of_annotations_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "a.json")
    for name in ("inst2seg", "coco", "gseval", "saco", "roborefit"):
        for path, kind in ((tmp_path / "a.json", "pipe"), (Path("/dev/zero"), "device")):
            assert check(name, "--annotations", path) == 2
            assert f"cannot be read: it is a {kind}, not a file" in capsys.readouterr().err
