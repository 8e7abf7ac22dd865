"""`workbench.compare`: a whole comparison from Python, with systems that are installed and systems that are not."""

from collections.abc import Callable
from pathlib import Path

import pytest

import workbench
from tests.conftest import Install
from tests.workbench.cli.installed import TOYS
from tests.workbench.toys import Threshold
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError


class Strict(Threshold):
    """A system that no one installed."""

    def __init__(self, threshold: int = 20) -> None:
        super().__init__(threshold, 0.0)


@pytest.fixture(autouse=True)
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install("toys", TOYS)
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_names_functions_and_options(workplace: Path) -> None:
    systems: dict[str, str | Callable[..., Strict]] = {"toy-a": "toy-a", "loose": "toy-a", "strict": Strict}
    options = {"loose": {"threshold": 300}, "strict": {"threshold": 7}, "toy": {"n_samples": 6}}
    run = workbench.compare(systems, "toy", "runs/mine", options=options)
    assert run.systems == ["toy-a", "loose", "strict"]
    assert [run.manifest.systems[name]["threshold"] for name in run.systems] == [60, 300, 7]
    assert run.manifest.options.makers == {
        "loose": "toy-a",
        "strict": f"python:{Strict.__module__}.Strict",
    }
    assert len(run.samples()) == 6
    report = (run.path / "report.html").read_text()
    assert "toy-a,loose=toy-a,strict=python:" in report
    assert not (workplace / "runs" / "mlflow.db").exists()


def test_a_list_of_names_and_a_tracking_uri(workplace: Path) -> None:
    run = workbench.compare(["toy-a", "toy-b"], "toy", "runs/mine", limit=4, tracking_uri="sqlite:///here.db")
    assert run.manifest.options.makers == {}
    assert run.results.mlflow.tracking_uri == "sqlite:///here.db"
    assert workbench.load_run("runs/mine").differences().equals(run.differences())


def test_the_command_line_gives_a_system_another_name(workplace: Path) -> None:
    systems = "strict=toy-a,loose=toy-a"
    settings = ["--set", "strict.threshold=7", "--set", "loose.threshold=300"]
    assert main(["compare", "--systems", systems, "--benchmark", "toy", "--out", "run", *settings]) == 0
    run = workbench.load_run("run")
    assert [run.manifest.systems[name]["threshold"] for name in ("strict", "loose")] == [7, 300]


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ({"mine": "toy-c"}, {}, "unknown system 'toy-c'"),
        ({"mine": Strict()}, {}, "mine: expected a name or a function, got Strict"),
        ({"../mine": Strict}, {}, "expected the name of a system to be letters"),
        ({"mine": Strict}, {"mine": {"delay": 1}}, "unknown option of mine 'delay'"),
        ({"mine": Strict}, {"mine": {"threshold": object()}}, r"mine\.threshold: expected a whole number, got <object"),
        ({"mine": Strict}, {"other": {"threshold": 1}}, "unknown name with options 'other'; known: mine, toy"),
    ],
)
def test_wrong_configuration_is_refused_before_any_work(
    workplace: Path, systems: dict[str, Callable[..., Strict]], options: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        workbench.compare(systems, "toy", "runs/mine", options=options)
    assert not (workplace / "runs").exists()
