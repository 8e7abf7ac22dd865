"""The gallery of a report: every sample and answer, in little space."""

import base64
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports.pages.gallery import DATA_BYTES, TOTAL_BYTES, Gallery, build_gallery
from tests.reports import made_run
from tests.reports.page import Page
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.metrics.overlaps import overlaps
from workbench.runs.run import Run
from workbench.scoring import system as protocols


def gallery_of(samples: list[Sample], answers: dict[str, list[Prediction]]) -> Gallery:
    rows = [{"system": system, **row} for system, found in answers.items() for row in protocols.table(samples, found)]
    found = {system: overlaps(samples, given) for system, given in answers.items()}
    return build_gallery(samples, answers, pd.DataFrame(rows), found)


def test_the_gallery_holds_every_sample_and_answer(run: Run, page: Page) -> None:
    shown = {sample["id"]: sample for sample in page.content["samples"]}
    rows = run.table().set_index(["system", "sample_id"])
    assert list(shown) == [sample.sample_id for sample in run.samples()], "in the benchmark's order"
    for sample in run.samples():
        assert shown[sample.sample_id]["text"] == sample.instruction
        assert shown[sample.sample_id]["targets"] == [target["counts"] for target in sample.targets]
    for system in run.systems:
        for prediction in run.predictions(system):
            answer, row = shown[prediction.sample_id]["answers"][system], rows.loc[(system, prediction.sample_id)]
            assert answer["right"] == row["exact_set"]
            assert answer["iou"] == pytest.approx(row["iou"], abs=1e-4)
            assert [counts for counts, _ in answer["masks"]] == [i.mask["counts"] for i in prediction.instances]
            assert answer["instances"].count("duplicate") == row["duplicate"]
            assert len(answer["targets"]) - answer["targets"].count("matched") == row["missed"]
            assert len(answer["calls"]) == len(prediction.calls)
            assert len(answer["dropped"]) == len(prediction.candidates)


def test_a_picture_is_embedded_once(run: Run, page: Page) -> None:
    pictures = json.loads(dict(page.scripts)["pictures"])
    assert len(pictures) == len({sample.image_path for sample in run.samples()}) == 15
    assert all(picture.startswith("data:image/webp;base64,") for picture in pictures)
    assert {sample["picture"] for sample in page.content["samples"]} == set(range(15))


def test_unusable_samples_are_shown(run: Run, tmp_path: Path) -> None:
    first, second, *rest = run.samples()
    samples = [replace(first, problem="the mask is broken"), replace(second, image_path=tmp_path / "gone.png"), *rest]
    answers = [Prediction(first.sample_id, outcome="bad_sample", message="x"), *run.predictions(made_run.AGENT)[1:]]
    gallery = gallery_of(samples, {made_run.AGENT: answers})
    shown = json.loads(gzip.decompress(base64.b64decode(gallery.packed)))["samples"][0]
    assert shown["problem"] == "the mask is broken"
    assert shown["answers"][made_run.AGENT]["right"] is False
    assert gallery.pictures_left_out == 1


@pytest.mark.slow
def test_a_large_run_stays_small(tmp_path: Path) -> None:
    drawn = made_run.make_samples(tmp_path / "images", 200, per_image=4, size=96, no_targets=True)
    rng = np.random.default_rng(0)
    answers = {
        "a": [made_run.single_answer(s, rng) for s in drawn],
        "b": [made_run.agent_answer(s, rng) for s in drawn],
    }
    noise = Image.fromarray(rng.integers(0, 255, (15, 20, 3), dtype=np.uint8)).resize((320, 240))
    noise.save(tmp_path / "noise.png")
    places = [(i % 200, f"sample-{i}", tmp_path / f"{i // 2}.png") for i in range(3000)]
    for _, _, path in places[::2]:
        path.symlink_to(tmp_path / "noise.png")  # every picture asks for room of its own
    samples = [replace(drawn[i], sample_id=name, image_path=path) for i, name, path in places]
    gallery = gallery_of(
        samples,
        {system: [replace(found[i], sample_id=name) for i, name, _ in places] for system, found in answers.items()},
    )
    assert gallery.samples == 3000
    assert gallery.samples_left_out == gallery.pictures_left_out == 0
    assert len(gallery.packed) <= DATA_BYTES
    assert len(gallery.packed) + sum(map(len, gallery.pictures)) <= TOTAL_BYTES < 10_000_000


def test_what_does_not_fit_is_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.pages.gallery.DATA_BYTES", 9_000)
    monkeypatch.setattr("reports.pages.gallery.TOTAL_BYTES", 14_000)
    gallery = gallery_of(run.samples(), {name: run.predictions(name) for name in run.systems})
    assert len(gallery.packed) + sum(map(len, gallery.pictures)) <= 14_000
    assert gallery.samples + gallery.samples_left_out == 45
    assert gallery.samples_left_out > 0 and gallery.pictures_left_out > 0
    kept = json.loads(gzip.decompress(base64.b64decode(gallery.packed)))["samples"]
    right = [{answer["right"] for answer in sample["answers"].values()} for sample in kept]
    assert {True} not in right, "what all systems got right goes first"
