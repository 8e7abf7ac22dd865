"""Text for the terminal."""

import json
from pathlib import Path

import pytest

from workbench.cli.main import main


def test_list_shows_one_plugin_with_its_options(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "toy-a"]) == 0
    shown = capsys.readouterr().out
    assert "toy-a (systems)\nFinds what has the colour that is asked for.\n" in shown
    assert "threshold  a whole number; default 60" in shown
    assert "from toys 1.0, tests.workbench.toys:threshold" in shown
    assert main(["list", "sam3-agent-tiny", "--json"]) == 0
    (agent,) = json.loads(capsys.readouterr().out)
    overlap = next(option for option in agent["options"] if option["name"] == "overlap")
    assert (overlap["type"], overlap["range"], overlap["default"]) == ("a number", "from 0 to 1", "0.3")
    assert "suppressed" in overlap["sentence"]
