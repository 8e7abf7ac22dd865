"""`workbench ask` as a user types it."""

import json
import shlex
import webbrowser
from pathlib import Path

import pytest

from tests.workbench.asking.asked import saved
from workbench.cli.main import main
from workbench.tracking.load import load_run

Output = pytest.CaptureFixture[str]


def ask(*words: str, systems: str = "toy-a,toy-b") -> int:
    return main(["ask", *words, "--systems", systems, "--out", "run"])


def test_the_answers_are_printed_and_drawn_and_reported(workplace: Path, capsys: Output) -> None:
    saved(workplace)
    assert ask("photo.png", "the red box") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("photo.png: “the red box”\n  toy-a: 1 instance in ")
    assert "20,15 20x15" in shown and "300" in shown and "6.2%" in shown and "report: run/report.html" in shown
    (folder,) = (workplace / "run" / "answers").iterdir()
    assert {one.name for one in folder.iterdir()} == {"answers.png", "toy-a", "toy-b"}
    page = (workplace / "run" / "report.html").read_text()
    assert "No verdict: no truth was given" in page and "mAP" not in page
    assert "workbench ask photo.png &#39;the red box&#39; --systems toy-a,toy-b" in page


def test_json_is_one_object_and_several_instructions_come_from_a_file(workplace: Path, capsys: Output) -> None:
    saved(workplace)
    (workplace / "asks.txt").write_text("\ufeffthe red box\n\nthe blue box\n", encoding="utf-8")  # as Notepad saves it
    assert ask("photo.png", "--asks", "asks.txt", "--ask", "the green box", "--json") == 0
    given = json.loads(capsys.readouterr().out)
    assert [one["instruction"] for one in given["asked"]] == ["the green box", "the red box", "the blue box"]
    assert given["warnings"] == [] and given["report"] == "run/report.html"
    red = given["asked"][1]["answers"][0]
    assert red["system"] == "toy-a" and red["outcome"] == "ok" and red["calls"] == 1
    assert red["instances"][0]["area"] == 300 and red["instances"][0]["segmentation"]["size"] == [60, 80]
    assert Path(red["folder"], "masks", "1.png").exists()


def test_pictures_of_one_name_are_told_apart_by_their_folders(workplace: Path, capsys: Output) -> None:
    for folder, colour in (("a", "red"), ("b", "blue")):
        (workplace / folder).mkdir()
        saved(workplace / folder, colour=colour)
    saved(workplace, "other.png", colour="green")
    pictures = ["a/photo.png", "b/photo.png", "other.png"]
    assert main(["ask", *pictures, "the red box", "--systems", "toy-a", "--out", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if "“the red box”" in line] == pictures


def test_an_instruction_may_stand_behind_an_option(workplace: Path, capsys: Output) -> None:
    saved(workplace)
    assert main(["ask", "photo.png", "--out", "run", "--systems", "toy-a", "the red box"]) == 0
    assert "“the red box”" in capsys.readouterr().out


def test_an_instruction_may_be_longer_than_names_of_files_and_begin_with_a_hyphen(workplace: Path) -> None:
    saved(workplace)
    long = "-the red box, " * 400
    assert main(["ask", "--out", "run", "--systems", "toy-a", "--", "photo.png", long]) == 0
    (command,) = load_run(workplace / "run").manifest.options.commands
    assert command == shlex.join(["workbench", "ask", "--systems", "toy-a", "--", "photo.png", long])


def test_open_shows_the_picture(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(workplace)
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert ask("photo.png", "the red box", "--open") == 0
    assert ask("photo.png", "--ask", "the blue box", "--ask", "the red box", "--open") == 0
    assert opened[0].endswith("answers.png") and opened[1].endswith("report.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo.png"], "ask: the instruction is missing; expected pictures and then what to look for, in quotes"),
        (["the red box"], "ask: the picture is missing"),
        (["photo.png", "photo.png"], "ask: 'photo.png' is a file, not an instruction"),
        (["photo.png", "the", "red", "box"], "ask: picture not found: the; expected"),
        (["photo.png", "the red box", "--ask", "the blue box"], "ask: picture not found: the red box"),
        (["the red box " * 400, "the red box"], "ask: picture not found: the red box the"),
        (["~nobody-of-this-name/photo.png", "the red box"], "ask: picture not found: ~nobody"),
        (["photo.png", " "], "ask: the instruction is empty"),
        (["photo.png", "--asks", "nowhere.txt"], "ask: nowhere.txt cannot be read"),
        (["text.png", "the red box"], "text.png: expected JPEG, PNG"),
        (["photo.png", "the red box", "--set", "toy-c.threshold=3"], "--set expects NAME.OPTION=VALUE"),
    ],
)
def test_a_wrong_command_says_what_to_do(workplace: Path, capsys: Output, words: list[str], message: str) -> None:
    saved(workplace)
    (workplace / "text.png").write_text("no picture")
    assert ask(*words) == 2
    assert message in capsys.readouterr().err
    assert not (workplace / "run").exists()
