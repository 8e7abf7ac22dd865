"""Someone else's package under one of our import names is recognised."""

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.plugins.import_names import NAMES, taken

ROOT = Path(__file__).parents[3]


def test_our_own_packages_are_found_under_their_names() -> None:
    assert taken() == {}


def test_a_package_of_the_same_name_that_comes_first_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("raise ImportError('never imported here')\n")
    loaded = {name: module for name, module in sys.modules.items() if name.split(".")[0] in NAMES}
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert taken() == {"agents": tmp_path / "agents"}


def test_a_package_that_was_written_over_ours_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("from .run import Runner\n" if name == "agents" else "")
    for name in [name for name in sys.modules if name.split(".")[0] in NAMES]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert taken(tmp_path) == {"agents": tmp_path / "agents" / "__init__.py"}


def test_the_command_says_so_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text("")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    command = [sys.executable, "-m", "workbench", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0
    done = subprocess.run([*command[:-1], "list"], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert f"Python finds the package `agents` in {tmp_path / 'agents.py'}" in done.stderr
    assert "sam3-phrase-tiny" in done.stdout
