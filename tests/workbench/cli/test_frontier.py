"""`workbench frontier`."""

import json
from pathlib import Path

import pytest

from tests.conftest import Install
from workbench.cli.main import main
from workbench.runs.files import read_json

POINTS = {
    "systems": {"toy": "tests.workbench.toys:threshold"},
    "benchmarks": {"toy-boxes": "tests.workbench.toys:rectangles"},
}


@pytest.fixture(autouse=True)
def site(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with the toy system, also for the processes that are started."""
    monkeypatch.setenv("PYTHONPATH", f"{install('toys', POINTS)}:{Path(__file__).parents[3]}")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_command_has_a_process_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "variants.yaml"
    file.write_text(json.dumps({"wide": {}, "blind": {"threshold": 0}}))
    words = ["frontier", "toy", "--variants", str(file), "--benchmark", "toy-boxes", "--limit", "4", "--out", "run"]
    assert main([*words, "--set", "toy.threshold=90", "--tracking-uri", "none"]) == 0
    said = capsys.readouterr().out
    assert "against wide (points)" in said
    assert "Of 1 variant of toy" in said
    manifest = read_json(tmp_path / "run" / "manifest.json")
    assert [one["threshold"] for one in manifest["systems"].values()] == [90, 0]
    assert manifest["options"]["commands"] == [
        f"workbench frontier toy --variants {file} --benchmark toy-boxes --limit 4 --mode latency --seed 0 "
        "--set toy.threshold=90 --out run"
    ]
    assert "Variants, each answered in a process of its own" in (tmp_path / "run" / "report.html").read_text()
    assert main([*words, "--only", "wrong"]) == 2
    assert "unknown variant 'wrong'" in capsys.readouterr().err
