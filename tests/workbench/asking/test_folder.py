"""Questions in a run folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import workbench
from tests.conftest import Install
from tests.workbench.asking.asked import saved
from tests.workbench.toys import rectangles
from workbench.asking.folder import Picture, answers_in, ask_in, picture_at

TOYS = {"toy": "toy", "near": "toy"}


@pytest.fixture(autouse=True)
def installed(install: Install) -> None:
    install("asked", {"systems": {"toy": "tests.workbench.toys:threshold"}})


def ask(out: Path, pictures: list[Picture], *instructions: str, systems: dict[str, str] = TOYS, **settings: int):
    return ask_in(out, pictures, instructions, systems, {"toy": settings}, f"workbench ask {instructions}")


def test_a_run_without_truth_has_times_but_no_scores(tmp_path: Path) -> None:
    run, asked = ask(tmp_path / "run", [picture_at(saved(tmp_path))], "the red box", "the blue box")
    toy = run.results.systems["toy"]
    assert not run.results.has_truth and toy.without_truth == toy.samples == 2 and toy.unscored == toy.n_failed == 0
    assert set(toy.metrics.values()) == {None} and toy.latency.p50 is not None and toy.calls_per_sample == 1
    assert run.table()["n_targets"].isna().all() and run.table()["iou"].isna().all()
    assert [[len(one.instances) for one in answers.values()] for answers in answers_in(run, asked)] == [[1, 1], [0, 0]]


def test_asking_again_answers_only_what_is_new_and_loses_nothing(tmp_path: Path) -> None:
    out, first = tmp_path / "run", picture_at(saved(tmp_path))
    ask(out, [first], "the red box")
    before = (out / "ask" / "toy" / "predictions.jsonl").read_text()
    run, asked = ask(out, [first, picture_at(saved(tmp_path, "other.png", colour="blue"))], "the red box")
    assert len(asked) == 2 and len(run.samples()) == 2
    assert (out / "ask" / "toy" / "predictions.jsonl").read_text().startswith(before)
    run, asked = ask(out, [first], "the blue box", systems={**TOYS, "third": "toy"})
    assert len(asked) == 1 and [len(run.predictions(name)) for name in run.systems] == [3, 3, 3]
    assert len(run.manifest.options.commands) == 2


def test_a_picture_that_changed_is_another_picture(tmp_path: Path) -> None:
    out = tmp_path / "run"
    ask(out, [picture_at(saved(tmp_path))], "the red box")
    run, _ = ask(out, [picture_at(saved(tmp_path, colour="blue"))], "the red box")
    assert [len(one.instances) for one in run.predictions("toy")] == [1, 0]


def test_the_folder_can_be_moved_and_the_pictures_deleted(tmp_path: Path) -> None:
    photo = saved(tmp_path)
    ask(tmp_path / "run", [picture_at(photo)], "the red box")
    photo.unlink()
    shutil.move(tmp_path / "run", tmp_path / "moved")
    (sample,) = workbench.load_run(tmp_path / "moved").samples()
    assert sample.load_image().shape == (60, 80, 3) and not sample.has_truth and repr(sample).endswith("no truth)")


def test_a_folder_of_other_systems_or_options_or_of_a_comparison_is_refused(tmp_path: Path) -> None:
    picture = picture_at(saved(tmp_path))
    ask(tmp_path / "run", [picture], "the red box")
    with pytest.raises(
        workbench.ConfigurationError, match=r"has answers of toy, near: ask these again .* without near"
    ):
        ask(tmp_path / "run", [picture], "the red box", systems={"toy": "toy"})
    with pytest.raises(workbench.ConfigurationError, match="threshold was 60 and is now 61"):
        ask(tmp_path / "run", [picture], "the red box", threshold=61)
    samples = rectangles(str(tmp_path / "data"), 2)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    manifest["benchmark"]["name"] = samples.name
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(workbench.ConfigurationError, match="holds a comparison on toy: choose another --out"):
        ask(tmp_path / "run", [picture], "the red box")


def test_pictures_have_names_of_their_own_and_their_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "Mein Foto é.JPG", exif=exif)
    found = picture_at(tmp_path / "Mein Foto é.JPG")
    assert (found.width, found.height) == (20, 30)
    assert found.name.startswith("mein-foto-") and found.name.endswith(".jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(workbench.ConfigurationError, match=r"text\.jpg: expected JPEG"):
        picture_at(tmp_path / "text.jpg")
