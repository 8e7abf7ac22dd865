"""The README's commands and its lines of Python, as a newcomer types them."""

import json
import os
import re
import sys
import venv
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests import forked_commands
from tests.forking import completed
from tests.test_own_data import MODULES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    ((?:make setup|source|workbench) .*|make setup)$", README, re.MULTILINE)
METRICS = {"mAP", "AP50", "AP75", "gIoU", "cIoU", "N_acc", "T_acc"}
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the commands need of a clone, with an environment in `.venv` that is set up. Its `workbench` is the command
    of this process, see `tests.forked_commands`."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("docs", "Makefile", "pyproject.toml", "constraints.txt"):
        (clone / name).symlink_to(ROOT / name)
    venv.create(clone / ".venv")
    (clone / ".venv" / "installed").touch()
    for name in (*MODULES, "mlflow.pyfunc"):
        import_module(name)
    return clone


def opened(clone: Path) -> Callable[[], None]:
    """A browser that keeps what it is asked to open."""

    def prepare() -> None:
        import webbrowser

        webbrowser.open = lambda address: bool((clone / "opened.txt").write_text(address))  # type: ignore[assignment]

    return prepare


@pytest.mark.slow
def test_the_commands_work_one_after_the_other(clone: Path, tmp_path: Path) -> None:
    assert [command.split()[0] for command in COMMANDS] == ["make", "source", *["workbench"] * 3]
    assert re.findall(r"^    (make \w+)", README, re.MULTILINE) == ["make setup", "make compare", "make test"]
    # all that `make compare` does, about fewer samples; `make test` is what runs this test
    script = "\n".join(["set -eux", *COMMANDS, "make compare LIMIT=2"])

    def bash(client: Path) -> list[str]:
        (clone / ".venv" / "bin" / "workbench").symlink_to(client)
        return ["env", "PATH=/usr/bin:/bin", "bash", "-c", script]

    code, output = forked_commands.run(bash, clone, tmp_path, opened(clone))
    assert code == 0, output
    assert "instructsam-tiny: 3 instances" in output and "sam3-agent-tiny: 2 instances" in output
    assert "| mAP" in output.partition("+ make compare")[0], "from the report"
    assert (clone / "opened.txt").read_text().endswith("answers.png")
    assert (clone / "runs/first/report.html").stat().st_size > 100_000
    assert "sam3-phrase-tiny: 2/2 samples" in output.partition("+ make compare")[2]
    results = json.loads((clone / "runs/first/results.json").read_text())
    assert set(results["systems"]) == {"instructsam-tiny", "sam3-agent-tiny"}
    for name, system in results["systems"].items():
        assert system["samples"] == 12
        assert set(system["metrics"]) >= METRICS
        assert {"p50", "p90", "p95", "p99"} <= set(system["latency"])
        encoded = system["latency"]["by_call"]["encode"]["calls_per_sample"]
        assert encoded == 1, "no system keeps image features from one sample to the next"
        assert {"duplicate", "missed", "wrong_instance"} <= set(system["diagnosis"])
        assert (clone / "runs/first/tabletop" / name / "predictions.jsonl").exists()


@pytest.mark.slow
def test_the_lines_of_python_work(clone: Path) -> None:
    (text,) = PYTHON
    assert len([line for line in text.splitlines() if line.strip()]) <= 6

    def work() -> None:
        os.chdir(clone)
        exec(compile(text, "README.md", "exec"), {})

    done = completed(work)
    assert done.returncode == 0, done.stderr
    assert "(3, 128, 128)" in done.stdout and "mAP" in done.stdout


def test_no_command_mixes_the_two_ways_of_starting_it() -> None:
    """The environment is activated once; no command names its folder."""
    assert ".venv/bin/workbench" not in README and sys.prefix not in README
