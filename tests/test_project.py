"""What the project says of itself is the same everywhere."""

import tomllib
from pathlib import Path

import pytest
import yaml

import workbench
from workbench.cli.main import main

ROOT = Path(__file__).parents[1]


def test_one_version_stands_in_all_places(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert workbench.__version__ == project["version"] == citation["version"]
    assert f"## {workbench.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"workbench {workbench.__version__}\n"


def test_the_licence_is_named_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert project["license"] == citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_every_folder_of_the_tree_in_the_readme_is_there_and_every_package_is_in_the_tree() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("    workbench/ "))
    tree = lines[start : lines.index("", start)]
    inner = [line.split()[0].rstrip("/") for line in tree if line.startswith("      ")]
    packages = {path.parent.name for path in (ROOT / "workbench").glob("*/*.py")}
    assert set(inner) == packages
    outer = {line.split()[0].rstrip("/") for line in tree if not line.startswith("      ")}
    assert all((ROOT / name).is_dir() for name in outer)
    assert {"workbench", "agents", "e2e", "reports", "speed", "notebooks", "tests"} <= outer
