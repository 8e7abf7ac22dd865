"""The gallery of a report: every sample and answer, in little space."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports.pages.gallery import DATA_BYTES, TOTAL_BYTES, Gallery, build_gallery
from reports.pages.report import write_report
from tests.reports import made_run
from tests.reports.browser import Browser, needs_chromium
from tests.reports.page import Page
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample
from workbench.metrics.overlaps import SampleOverlap, overlap_of
from workbench.runs.run import Run
from workbench.scoring import system as protocols


def scored(
    samples: list[Sample], answers: dict[str, list[Prediction]]
) -> tuple[pd.DataFrame, Callable[[str, int], SampleOverlap | None]]:
    rows = [{"system": system, **row} for system, found in answers.items() for row in protocols.table(samples, found)]
    return pd.DataFrame(rows), lambda system, place: overlap_of(samples[place], answers[system][place])


def gallery_of(samples: list[Sample], answers: dict[str, list[Prediction]]) -> Gallery:
    return build_gallery(samples, answers, *scored(samples, answers))


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


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """3,000 samples of 1,500 pictures: 200 that are answered, over and over."""
    folder = tmp_path_factory.mktemp("large")
    drawn = made_run.make_samples(folder / "images", 200, per_image=4, size=96, no_targets=True)
    rng = np.random.default_rng(0)
    answers = {
        "a": [made_run.single_answer(s, rng) for s in drawn],
        "b": [made_run.agent_answer(s, rng) for s in drawn],
    }
    table, found = scored(drawn, answers)
    noise = Image.fromarray(rng.integers(0, 255, (15, 20, 3), dtype=np.uint8)).resize((320, 240))
    noise.save(folder / "noise.png")
    places = [(i % 200, f"sample-{i}", folder / f"{i // 2}.png") for i in range(3000)]
    for _, _, path in places[::2]:
        path.symlink_to(folder / "noise.png")  # every picture asks for room of its own
    rows = table.set_index(["system", "sample_id"])
    again = [rows.loc[[(system, drawn[i].sample_id) for i, _, _ in places]] for system in answers]
    ids = [name for _, name, _ in places]
    return build_gallery(
        [replace(drawn[i], sample_id=name, image_path=path) for i, name, path in places],
        {system: [replace(given[i], sample_id=name) for i, name, _ in places] for system, given in answers.items()},
        pd.concat([part.reset_index().assign(sample_id=ids) for part in again]),
        lambda system, place: found(system, places[place][0]),
    )


@pytest.mark.slow
def test_a_large_run_stays_small(large: Gallery) -> None:
    assert large.samples == 3000
    assert large.samples_left_out == large.pictures_left_out == 0
    assert len(large.packed) <= DATA_BYTES
    assert len(large.packed) + sum(map(len, large.pictures)) <= TOTAL_BYTES < 10_000_000


@pytest.mark.slow
@needs_chromium
def test_three_thousand_samples_open_quickly(
    run: Run, large: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.pages.report.build_gallery", lambda *_: large)
    page = write_report(run, tmp_path / "report.html")
    assert page.stat().st_size < 10_000_000
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        assert browser.run("document.getElementById('count').textContent") == "1 to 12 of 3000 samples"
        # of the processor: the time on the clock of a busy machine says nothing
        assert browser.processor_seconds < 2


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


def test_only_the_answers_that_may_be_shown_are_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, int]] = []

    class Counted(list[Prediction]):
        def __init__(self, system: str) -> None:
            super().__init__(run.predictions(system))
            self.system = system

        def __getitem__(self, place: Any) -> Any:
            read.append((self.system, place))
            return super().__getitem__(place)

        def __iter__(self) -> Iterator[Prediction]:
            raise AssertionError("all answers were read")

    monkeypatch.setattr("reports.pages.gallery.MAX_SAMPLES", 5)
    gallery = build_gallery(run.samples(), {name: Counted(name) for name in run.systems}, run.table(), run.overlap)
    assert (gallery.samples, gallery.samples_left_out) == (5, 40)
    assert len(read) == len(set(read)) == 5 * len(run.systems)


def test_a_page_says_how_many_samples_it_shows_and_which(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.pages.gallery.MAX_SAMPLES", 5)
    page = write_report(run, tmp_path / "report.html").read_text()
    assert "Showing 5 of 45 samples, to keep this file small: first those that one system got right" in page
    assert "each in the benchmark's order. They do not stand for the run" in page
