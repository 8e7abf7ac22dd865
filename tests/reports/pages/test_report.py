"""The report is one file that needs nothing else and leaves nothing out."""

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports.pages.gallery import DATA_BYTES, TOTAL_BYTES, Gallery, build_gallery
from reports.pages.report import write_report
from reports.text.numbers import NONE, points
from tests.reports import made_run
from workbench.data.predictions import Prediction
from workbench.data.results import read_results
from workbench.data.samples import Sample
from workbench.metrics.overlaps import overlaps
from workbench.runs.run import Run
from workbench.scoring import system as protocols


class Page(HTMLParser):
    """What a browser would see: attributes that load something, text outside scripts, and the scripts by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag == "script":
            self.scripts.append((found.get("id"), ""))
        if tag in ("script", "style"):
            self._open.append((tag, found.get("id")))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.text += data
        elif self._open[-1][0] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)

    @property
    def content(self) -> dict[str, Any]:
        """The gallery's data as the script unpacks it."""
        return dict(json.loads(gzip.decompress(base64.b64decode(dict(self.scripts)["packed"]))))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=45)


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(run, tmp_path_factory.mktemp("report") / "report.html").read_text())


def written(run: Run, folder: Path) -> Page:
    return Page(write_report(run, folder / "report.html").read_text())


def gallery_of(samples: list[Sample], answers: dict[str, list[Prediction]]) -> Gallery:
    rows = [{"system": system, **row} for system, found in answers.items() for row in protocols.table(samples, found)]
    found = {system: overlaps(samples, given) for system, given in answers.items()}
    return build_gallery(samples, answers, pd.DataFrame(rows), found)


def test_nothing_is_fetched(run: Run, tmp_path: Path) -> None:
    html = write_report(run, tmp_path / "report.html").read_text()
    assert all(value.startswith("#") for value in Page(html).loads), "only links within the page"
    assert "default-src 'none'" in html, "and the browser is told to refuse anything else"
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|https?://", html.replace("&#x2F;", "/"))


def test_a_hostile_instruction_is_text(page: Page) -> None:
    assert [name for name, _ in page.scripts] == ["setup", "pictures", "packed", None, None], "no script was added"
    assert not any("alert(1)" in script for _, script in page.scripts)
    assert made_run.HOSTILE in [sample["text"] for sample in page.content["samples"]]


def test_hostile_names_are_text(tmp_path: Path) -> None:
    name = "agent</script><b onclick=x>$_$"
    run = made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE, name])
    text = json.dumps(run.results.to_json()).replace('"counting"', '"</text><script>$^{</script>"')
    manifest = run.manifest.model_copy(update={"name": "<i>name</i>"})
    hostile = replace(run, scored=read_results(json.loads(text), "results.json"), manifest=manifest)
    html = write_report(hostile, tmp_path / "report.html").read_text()
    assert len(Page(html).scripts) == 5
    assert not any(tag in html for tag in ("<b onclick", "<i>name", "<script>$"))
    assert name in Page(html).text


def test_every_number_is_there(run: Run, page: Page) -> None:
    for name, system in run.results.systems.items():
        assert name in page.text
        for metric, value in system.metrics.items():
            assert metric in page.text
            assert f"{100 * value:.1f}" in page.text
            low, high = system.intervals[metric]
            assert f"{100 * low:.1f}{NONE}{100 * high:.1f}" in page.text
        assert f"of {system.samples}" in page.text
    for value in run.results.differences[0].metrics.values():
        assert points(value.difference) in page.text


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


def test_provenance_names_what_the_results_depend_on(run: Run, page: Page) -> None:
    for fact in ("5f0c1d8e2b7a", "digest-of-agent", run.manifest.git.commit, run.manifest.versions["torch"]):
        assert fact in page.text
    assert "workbench compare --systems single-pass,agent --benchmark drawn --mode latency --seed 0" in page.text


def test_one_system(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, systems=[made_run.SINGLE])
    page = written(run, tmp_path)
    assert "single-pass reaches" in page.text
    assert "Differences;" not in page.text


def test_too_few_images_for_intervals(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=9)
    assert run.results.systems[made_run.AGENT].intervals["mAP"] is None
    assert "Undecided between" in written(run, tmp_path).text


def test_every_sample_failed(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, failing=True)
    page = written(run, tmp_path)
    assert "No verdict: every system failed on every sample." in page.text
    assert page.content["samples"][0]["answers"][made_run.AGENT]["message"] == "RuntimeError: out of memory"


def test_no_sample_without_targets(tmp_path: Path) -> None:
    run = made_run.make_run(tmp_path, samples=12, no_targets=False)
    assert run.results.systems[made_run.AGENT].metrics["N_acc"] is None
    page = written(run, tmp_path)
    assert "no target (" not in page.text
    assert f"2 or more ({sum(len(sample.targets) > 1 for sample in run.samples())})" in page.text


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
