"""A plugin that ends, crashes, prints or hangs at import is listed as broken, and stops nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Install
from workbench.data.errors import ConfigurationError
from workbench.plugins import importing, looking, registry
from workbench.plugins.details import details

GOOD = '''
from typing import Annotated
print("imported")
def good(size: Annotated[int, "Side."] = 3, name: str = ""):
    """Does it well.

    More about it.
    """
'''
BAD = {
    "exits": ("import sys; sys.exit(7)", "importing it ends the program (SystemExit: 7)"),
    "quits": ("import os; os._exit(7)", "importing it ends the program (exit code 7)"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "importing it ends the program (signal 9)"),
    "raises": ("class Odd(BaseException): pass\nraise Odd('no')", "Odd: no"),
    "hangs": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "takes longer than 2 s",
    ),
    "asks": ("input()", "EOFError"),
    "interrupts": ("raise KeyboardInterrupt", "importing it ends the program (signal 2)"),
    "unsayable": (
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
        "Odd: its message cannot be shown (ValueError)",
    ),
}


@pytest.fixture
def plugins(install: Install, monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Plugin]:
    monkeypatch.setattr(looking, "LIGHT_SECONDS", 2.0)
    points = {f"acme-{name}": f"acme_{name}:make" for name in BAD}
    modules = {f"acme_{name}": source for name, (source, _) in BAD.items()}
    install("acme", {"systems": {**points, "acme-good": "acme_good:good"}}, {**modules, "acme_good": GOOD})
    return {plugin.name: plugin for plugin in registry.plugins("systems")}


def test_each_is_listed_with_its_reason_and_the_others_as_ever(
    plugins: dict[str, registry.Plugin], capfd: pytest.CaptureFixture[str]
) -> None:
    for name, (_, reason) in BAD.items():
        assert reason in str(plugins[f"acme-{name}"].problem)
    good, ours = plugins["acme-good"], plugins["sam3-agent-tiny"]
    assert (good.summary, good.problem, ours.problem) == ("Does it well.", None, None)
    assert "acme_good" not in sys.modules
    assert capfd.readouterr().out == ""


def test_a_plugin_that_forks_changes_nothing_that_is_said_of_others(install: Install) -> None:
    modules = {f"acme_{i}": f'import os\nos.fork()\ndef make():\n    """Plugin {i}."""' for i in range(4)}
    install("acme", {"systems": {f"acme-{i}": f"acme_{i}:make" for i in range(4)}}, modules)
    found = {plugin.name: plugin for plugin in registry.plugins("systems")}
    assert [found[f"acme-{i}"].summary for i in range(4)] == [f"Plugin {i}." for i in range(4)]


NOISY = """
import os, sys
print("printed")
os.write(1, b"written")
sys.__stdout__.write("to the first output")
os.system("echo by another program")
sys.stdout = sys.stderr = None
if os.fork() == 0:
    print("by another process")
def make(): pass
"""


def test_nothing_that_an_import_does_reaches_the_output_of_a_command(install: Install) -> None:
    site = install("acme", {"systems": {"noisy": "acme_noisy:make"}}, {"acme_noisy": NOISY})
    code = "from workbench.plugins import registry\nregistry.load('systems', 'noisy')\nprint('loaded')"
    path = os.pathsep.join([str(site), str(Path(__file__).parents[3])])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.stdout == "loaded\n"
    assert all(text in done.stderr for text in ("printed", "written", "to the first output", "by another program"))


def test_a_broken_one_is_a_configuration_error_where_it_is_loaded(
    plugins: dict[str, registry.Plugin], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importing, "SECONDS", 1.0)
    for name in ("exits", "raises"):
        with pytest.raises(ConfigurationError, match=f"systems plugin 'acme-{name}' .* is broken: "):
            registry.load("systems", f"acme-{name}")
    assert callable(registry.load("systems", "acme-good"))
    assert capsys.readouterr().out == ""


def test_an_import_without_end_is_given_up(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "SECONDS", 1.0)
    install("acme", {"systems": {"slow": "acme_slow:make"}}, {"acme_slow": "while True: pass"})
    with pytest.raises(ConfigurationError, match="takes longer than 1 s; WORKBENCH_IMPORT_SECONDS=N allows more"):
        registry.load("systems", "slow")


def test_details_of_one_plugin(install: Install) -> None:
    install("acme", {"systems": {"acme-good": "acme_good:good"}}, {"acme_good": GOOD})
    (found,) = details("acme-good")
    assert (found.distribution, found.version, found.definition) == ("acme", "1.0", "acme_good:good")
    assert (found.summary, found.description) == ("Does it well.", "More about it.")
    assert found.options[0] == {
        "name": "size",
        "type": "a whole number",
        "range": "",
        "optional": False,
        "required": False,
        "default": "3",
        "sentence": "Side.",
    }


def test_a_name_in_several_groups_is_shown_for_each() -> None:
    assert [(one.group, bool(one.options)) for one in details("inst2seg")] == [("benchmarks", True), ("metrics", False)]


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown plugin 'tabletob' \(did you mean 'tabletop'\?\)"):
        details("tabletob")


def test_every_option_of_our_plugins_has_a_sentence() -> None:
    for group in ("systems", "benchmarks", "segmenters"):
        for name in registry.names(group):  # type: ignore[arg-type]
            for one in details(name):
                if one.group != group:
                    continue
                assert all(option["sentence"] for option in one.options), name
