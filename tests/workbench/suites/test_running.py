"""A suite runs what is there, says what is missing, and has one report."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Install
from tests.reports.page import Page
from tests.workbench.benchmarks.layouts import OFFICIAL
from tests.workbench.cli.installed import TOYS
from workbench.cli.main import main

SUITE = {
    "title": "Mine",
    "benchmarks": [
        {"name": "toys", "title": "Toys & more", "benchmark": "toy"},
        {
            "title": "RefCOCO val",
            "benchmark": "refcoco",
            "set": {"annotations": "{root}/refcoco/refs.p", "images": "{root}/images"},
            "get": "from its publisher",
        },
        {
            "title": "ReasonSeg val",
            "benchmark": "reasonseg",
            "set": {"annotations": "{root}/reasonseg/val", "images": "{root}/reasonseg/val"},
        },
        {
            "title": "Inst2Seg",
            "benchmark": "inst2seg",
            "set": {"annotations": "{root}/inst2seg/inst2seg.json", "images": "{root}/inst2seg/data"},
        },
    ],
}


@pytest.fixture
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install("toys", TOYS)
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    for name in ("reasonseg", "inst2seg"):
        shutil.copytree(OFFICIAL / name, folder / "data" / name)
    (folder / "data/inst2seg/inst2seg.json").write_text("{}")  # in another layout
    Path("mine.yaml").write_text(yaml.safe_dump(SUITE))
    return folder


def suite(*more: str) -> int:
    return main(["suite", "mine.yaml", "--systems", "toy-a,toy-b", "--limit", "12", "--out", "out", *more])


def test_what_is_there_is_run_and_the_rest_is_said(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite() == 4  # one of the files is in another layout
    out = capsys.readouterr().out
    text = Page(Path("out/suite.html").read_text()).text
    for said in (out, text):
        assert "Toys" in said and "ReasonSeg val" in said and "gIoU" in said and "mAP" in said
        assert "not there: data/refcoco/refs.p, data/images" in said and "from its publisher" in said
        assert "inst2seg.json: expected a JSON list" in " ".join(said.replace("\\", "").split())
    assert "2 benchmarks of 4 run" in text
    assert 'href="toys/report.html"' in Path("out/suite.html").read_text()
    for name in ("toys", "reasonseg"):
        assert Path("out", name, "report.html").exists()
    assert not Path("out/refcoco").exists()


def test_the_same_command_asks_only_what_has_no_answer(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("data/inst2seg")
    assert suite() == 0
    lines = Path("out/toys/toy/toy-a/predictions.jsonl").read_bytes()
    capsys.readouterr()
    assert suite("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["state"] for one in found["benchmarks"]} == {
        "toys": "done", "refcoco": "missing", "reasonseg": "done", "inst2seg": "missing",
    }  # fmt: skip
    assert found["benchmarks"][0]["results"]["benchmark"]["samples"] == 12
    assert Path("out/toys/toy/toy-a/predictions.jsonl").read_bytes() == lines


def test_a_system_that_cannot_be_made_stops_it_before_the_first_benchmark(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert suite("--systems", "toy-a,predictions", "--set", "predictions.file=nowhere.jsonl") == 2
    error = capsys.readouterr().err
    assert error.count("nowhere.jsonl") == 1
    assert not list(Path("out").glob("*/*/*/predictions.jsonl"))


def test_a_suite_without_files_needs_no_folder_of_data(workplace: Path) -> None:
    Path("mine.yaml").write_text(yaml.safe_dump({**SUITE, "benchmarks": [{"benchmark": "toy"}]}))
    assert suite("--root", "nowhere") == 0


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, ["--root", "nowhere"], "there is no folder nowhere"),
        ({"benchmarks": SUITE["benchmarks"][1:2]}, [], "data has the files of none of the benchmarks of mine; RefCOCO"),
        ({"benchmarks": [{"benchmark": "toy", "set": {"typo": 1}}]}, [], "mine: toy: unknown option of toy 'typo'"),
        ({"benchmarks": [{"benchmark": "tou"}]}, [], "mine: tou: unknown benchmark 'tou' (did you mean 'toy'?)"),
        ({}, ["--set", "toy-a.typo=1"], "unknown option of toy-a 'typo'"),
        ({}, ["--limit", "0"], "limit must be a whole number of at least 1"),
    ],
)
def test_what_does_not_fit_stops_it_before_anything_starts(
    workplace: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], arguments: list[str], message: str
) -> None:
    Path("mine.yaml").write_text(yaml.safe_dump({**SUITE, **change}))
    assert suite(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().rglob("predictions.jsonl"))
