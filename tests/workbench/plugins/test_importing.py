"""Importing a plugin cannot end, block or print into the workbench."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Install
from workbench.data.errors import ConfigurationError
from workbench.plugins import importing, registry


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
