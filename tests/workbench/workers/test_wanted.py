"""Which workers the commands ask for, and that `compare`, `suite`, `stress` and `schedule` all take and check it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.conftest import Install
from tests.workbench.cli.installed import TOYS
from tests.workbench.workers.clusters import Nodes, driven
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError
from workbench.regression.schedule import read_schedule
from workbench.workers.wanted import LOCAL, Needs, Workers, wanted_workers

SCHEDULE = {"cron": "0 3 * * *", "systems": ["toy-a"], "benchmark": "toy", "limit": 4, "tracking_uri": "none"}
AXIS = {"axes": [{"axis": "noise", "benchmark": "toy", "set": {"n_samples": 2}, "levels": [0, 3], "questions": 2}]}


@pytest.fixture
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install("toys", TOYS)
    folder = tmp_path / "workplace"
    (folder / "data").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    (folder / "suite.yaml").write_text(yaml.safe_dump({"benchmarks": [{"benchmark": "toy"}]}))
    (folder / "stress.yaml").write_text(yaml.safe_dump(AXIS))
    return folder


def test_what_is_asked_for_is_read() -> None:
    assert wanted_workers(None, None, [], ["a"]) is None
    assert wanted_workers(2, None, [], ["a"]) == Workers(2, LOCAL)
    assert wanted_workers(None, "auto", ["b: gpu=0.5, cpu=2", "a:memory=16"], ["a", "b"]) == Workers(
        None, "auto", {"b": Needs(cpu=2, gpu=0.5), "a": Needs(memory=16)}
    )


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (["toy-b:cpu=2"], r"unknown system with worker resources 'toy-b' \(did you mean 'toy-a'\?\)"),
        (["toy-a:cpus=2"], "worker resources: expected NAME:cpu=2,gpu=0.5,memory=16"),
        (["toy-a"], "worker resources: expected NAME:cpu=2,gpu=0.5,memory=16"),
        (["toy-a:cpu=1.2.3"], r"expected amounts as 2 or 0.5, got '1.2.3' in 'toy-a:cpu=1.2.3'"),
        (["toy-a:cpu=2", "toy-a:gpu=1"], "toy-a is named twice: give all in one"),
    ],
)
def test_resources_that_are_none_are_refused(resources: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        wanted_workers(2, None, resources, ["toy-a"])


COMMANDS = {
    "compare": ["compare", "--systems", "toy-a", "--benchmark", "toy"],
    "suite": ["suite", "suite.yaml", "--systems", "toy-a"],
    "stress": ["stress", "stress.yaml", "--systems", "toy-a"],
}


@pytest.mark.parametrize("command", [*COMMANDS, "schedule"])
@pytest.mark.parametrize(
    ("count", "address", "resources", "message"),
    [
        (0, None, [], "whole number of at least 1, got 0"),
        (None, None, ["toy-a:cpu=2"], "expected a number of workers or the address of a Ray cluster beside them"),
        (None, "somewhere", [], "no Ray cluster can be reached at somewhere"),
    ],
)
def test_what_does_not_fit_ends_every_command_before_any_work(
    workplace: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    count: int | None,
    address: str | None,
    resources: Sequence[str],
    message: str,
) -> None:
    assert main(_words(command, count, address, resources)) == 2
    assert message in capsys.readouterr().err
    assert not list(workplace.rglob("predictions.jsonl"))


def _words(command: str, count: int | None, address: str | None, resources: Sequence[str]) -> list[str]:
    given = {"workers": count, "ray": address, "worker_resources": resources or None}
    given = {key: value for key, value in given.items() if value is not None}
    if command == "schedule":
        Path("nightly.yaml").write_text(yaml.safe_dump({**SCHEDULE, **given}))
        return ["schedule", "nightly.yaml", "--once"]
    words = [*COMMANDS[command], "--out", "out"]
    words += ["--workers", str(count)] if count is not None else []
    words += ["--ray", address] if address is not None else []
    return words + [word for one in resources for word in ("--worker-resources", one)]


def test_a_schedule_passes_its_workers_on(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _words("schedule", 2, "auto", ["toy-a:cpu=2"])
    assert read_schedule(Path("nightly.yaml")).comparison.workers == Workers(2, "auto", {"toy-a": Needs(cpu=2)})
    Path("nightly.yaml").write_text(yaml.safe_dump({**SCHEDULE, "workers": 2, "repeats": 3}))
    assert main(["schedule", "nightly.yaml", "--once"]) == 2
    assert "nightly.yaml: repeats: repeats compare times in turns, in one process" in capsys.readouterr().err


def test_workers_answer_the_questions_of_a_suite(workplace: Path, nodes: Nodes) -> None:
    command = [*_words("stress", 1, nodes.address, []), "--mode", "throughput", "--no-reports"]
    driven(lambda: main(command))
    lines = Path("out/noise/stress-noise/toy-a/predictions.jsonl").read_text().splitlines()
    assert len(lines) == 2 * 2 and all(json.loads(line)["worker"] for line in lines)
