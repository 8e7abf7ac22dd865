"""`workbench samples` and `workbench generate`."""

import json
from pathlib import Path

import pytest

from tests import photos
from workbench.cli.main import main


def test_samples_are_printed_one_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos.write(Path("own"))
    with Path("own/instructions.csv").open("a") as table:
        table.write("none.jpg,what is not there,\n")
    assert main(["samples", "folder", "--annotations", "own"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["sample_id"] for line in lines] == [str(n) for n in range(len(photos.INSTRUCTIONS))]
    assert lines[0] == {
        "sample_id": "0", "image": "own/canteen.jpg", "width": 500, "height": 375, "instruction": "the bottle",
    }  # fmt: skip
    assert "left out: instructions.csv: sample 44: row 46: image" in err
    assert main(["samples", "folder", "--set", "folder.annotations=own", "--limit", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder", "--annotations", "none"], "there is no annotation file none"),
        (["folders"], "did you mean 'folder'?"),
        (["tabletop", "--annotations", "here"], "unknown option of tabletop 'annotations'"),
        (["tabletop", "--limit", "0"], "--limit expects a whole number of at least 1, got 0"),
    ],
)
def test_wrong_questions_for_samples_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["samples", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_generate_says_what_it_wrote_and_a_command_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "tabletop", "--out", "made", "--scenes", "1", "--size", "64"]) == 0
    out, err = capsys.readouterr()
    assert out == "made\n"
    assert "1 pictures with 4 instructions each: made/train/train.json, made/val/val.json, made/test/test.json" in err
    command = err.splitlines()[-1].partition("workbench compare ")[2].split()
    settings = command[command.index("--benchmark") + 2 :]
    assert main(["samples", "inst2seg", *settings]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
