"""`workbench instructions` on two photographs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.instructions import photographed
from workbench.benchmarks.inst2seg import read
from workbench.cli.main import main

LOOKED_AT = Path(__file__).parents[1] / "instructions" / "looked_at.json"
"""All that is written about the photographs: each picture was looked at with its instruction and its masks. Where this
list changes, `workbench instructions ... --verify 1` draws what is to be looked at again."""


def _written(file: Path) -> dict[str, list[list[Any]]]:
    """Text and numbers of the targets, by picture."""
    found = {}
    for entry in json.loads(file.read_text()):
        masks = [thing["mask"] for thing in entry["objects"]]
        found[entry["image"]] = [[a["text"], [masks.index(m) for m in a.get("mask", [])]] for a in entry["annotation"]]
    return found


def test_what_is_written_about_the_photographs_is_what_was_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "asked"
    given = [*photographed.write(tmp_path), "--out", str(out), "--per-picture", "24", "--splits", "0,0,1"]
    assert main(["instructions", *given, "--verify", "0.25"]) == 0
    assert _written(out / "test.json") == json.loads(LOOKED_AT.read_text())
    samples = list(read(out / "test.json", tmp_path))
    assert len(samples) == 48 and not any(sample.problem for sample in samples)
    said = capsys.readouterr().out
    assert "test.json: 48 about 2 pictures" in said
    assert "categories of pictures left out: 1, because an instance covers less than 0.2% of the picture" in said
    assert "12 are marked to be verified" in said
    manifest = json.loads((out / "instructions.json").read_text())
    assert manifest["splits"]["test"]["to_verify"] == len(list((out / "verify").glob("*.png"))) == 12
    assert manifest["left_out"]["categories"] == {"tiny": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--splits", "0.5,0.6,0.1"], "--splits expects three shares that add up to 1, as in 0.8,0.1,0.1"),
        (["--splits", "1"], "--splits expects three shares"),
        (["--per-picture", "0"], "--per-picture expects a whole number of 1 to 100, got 0"),
        (["--verify", "2"], "--verify expects a share from 0 to 1, got 2.0"),
        (["--model", "m"], "--endpoint and --model belong together"),
        (["--endpoint", "here", "--model", "m"], "expected --endpoint to be an address such as"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], message: str
) -> None:
    assert main(["instructions", "tabletop", "--out", str(tmp_path / "out"), *given]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["instructions", "tabletop", "--out", str(tmp_path)]) == 2
    assert "holds something else than instructions" in capsys.readouterr().err
