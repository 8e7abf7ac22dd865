"""Systems that can be asked on the page."""

import pytest

from tests.conftest import Install
from tests.workbench.asking.asked import boxes
from tests.workbench.demo.toys import SYSTEMS
from workbench.data.errors import ConfigurationError
from workbench.demo.shelf import Shelf
from workbench.demo.side import Side


@pytest.fixture(autouse=True)
def installed(install: Install) -> None:
    install("toys", {"systems": SYSTEMS})


def ask(shelf: Shelf, names: tuple[str, ...], place: int, said: list[str]) -> Side:
    return shelf.ask(names, place, boxes(), "photo.png", "the red box", said.append)


def test_every_system_that_needs_no_option_can_be_chosen() -> None:
    names = Shelf({"mine": "agent"}, {}).names
    assert names[0] == "mine" and {"agent", "broken", "instructsam-tiny"} <= set(names)
    assert "needy" not in names
    with pytest.raises(ConfigurationError, match="needy"):
        Shelf({"needy": "needy"}, {})


def test_a_system_stays_loaded_and_warns_once(capsys: pytest.CaptureFixture[str]) -> None:
    shelf, said = Shelf({"agent": "agent"}, {}), list[str]()
    first, second = (ask(shelf, ("agent", "x"), 0, said) for _ in range(2))
    again = "1 of 2: asking agent"
    assert said == ["1 of 2: loading agent", f"{again} (its first answer takes longer)", again]
    assert first.first and not second.first and (first.threshold, first.known_from) == (0.3, 0.05)
    assert capsys.readouterr().err.count("What agent knows: boxes only") == 1
    assert shelf.again(first).answer.colour != first.answer.colour


def test_a_system_that_fails_or_cannot_be_loaded_is_an_answer() -> None:
    shelf = Shelf({}, {})
    broken = ask(shelf, ("broken", "unloadable"), 0, [])
    assert broken.answer.outcome == "crashed" and "the model is <broken>" in broken.answer.message
    missing = ask(shelf, ("broken", "unloadable"), 1, [])
    assert missing.answer.outcome == "crashed" and "no checkpoint in nowhere" in missing.answer.message
    assert missing.shown == [] and missing.answer.system == "unloadable"
