"""What the project says of itself is the same everywhere."""

import tomllib
from pathlib import Path

import pytest
import yaml

import workbench
from workbench.cli.main import main

ROOT = Path(__file__).parents[1]
PACKAGES = ("workbench", "agents", "e2e", "reports", "speed")
OF_SOME_WEIGHT = 100
"""Lines from which on a module has a test file of its name."""


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


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_of_some_weight_has_a_test_file_of_its_name(package: str) -> None:
    modules = [
        path.relative_to(ROOT)
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py" and len(path.read_text(encoding="utf-8").splitlines()) >= OF_SOME_WEIGHT
    ]
    assert modules
    expected = [Path("tests") / module.with_name(f"test_{module.name}") for module in modules]
    assert [str(path) for path in expected if not (ROOT / path).exists()] == []
