"""What is said where there is no vLLM, without one."""

import shlex
import sys
from pathlib import Path

import pytest

from agents.language_models import readiness, vllm_server
from agents.language_models.readiness import LogProgress
from agents.language_models.serving import serve
from agents.language_models.vllm_server import ServerError, VllmServer, _settings
from tests.agents.language_models.fake_vllm import environment as environment
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError


def test_an_environment_without_vllm_is_named_with_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no vLLM in .*nothing.*--install"):
        serve("m", environment=tmp_path / "nothing")


def test_a_server_that_ends_gives_its_log(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    with pytest.raises(ServerError, match=r"(?s)ended \(exit code 1\).*No module named.*vllm"):
        VllmServer("m", log=tmp_path / "log", environment=tmp_path).__enter__()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    import socket

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is taken"):
            VllmServer("m", log=tmp_path / "log", environment=tmp_path, port=port)


def test_the_server_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    assert "very-secret" not in _settings().values()


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "m", "--environment", str(tmp_path / "nothing"), "--arguments=--max-model-len 64"]) == 2
    assert "--install" in capsys.readouterr().err


def test_the_files_that_the_server_is_given_are_there() -> None:
    folder = Path(vllm_server.__file__).parent
    assert (folder / "chatml.jinja").is_file() and (folder / "vllm_site" / "sitecustomize.py").is_file()


def test_a_command_runs_beside_the_server_which_then_ends(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(environment)
    code = "import sys, urllib.request as r; r.urlopen(sys.argv[1] + '/models'); print(sys.argv[2]); sys.exit(3)"
    then = shlex.join([sys.executable, "-c", code, "{endpoint}", "{model}"])
    options = ["--environment", str(environment), "--log", "log", "--gpu-memory-utilization", "0.6", "--port", "0"]
    assert main(["serve", "m", *options, "--then", then]) == 3
    said = capfd.readouterr()
    assert said.out.splitlines()[-1] == "m"
    assert "  arguments" in said.err, "the newest line of the log"
    assert "--gpu-memory-utilization=0.6" in Path("log").read_text()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--gpu-memory-utilization=1.5", "expects a share above 0 and up to 1, got 1.5"),
        ("--then=echo 'x", "--then expects words as in a shell"),
        ("--then=/nowhere/command", "--then: /nowhere/command cannot be run: No such file"),
    ],
)
def test_what_cannot_be_served_so_is_refused(
    environment: Path, option: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--environment", str(environment), "--log", str(environment / "log"), "--port", "0"]
    assert main(["serve", "m", *arguments, option]) == 2
    assert words in capsys.readouterr().err


def test_the_newest_line_of_the_log_is_shown_once_and_not_too_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    log = tmp_path / "log"
    log.write_text("starting\n")
    progress = LogProgress(log, shown.append)
    progress.look()
    with log.open("a") as file:
        file.write("model.safetensors:  10%|#   \rmodel.safetensors:  20%|##  \x1b[A\n\n")
    progress.look()
    assert shown == ["starting"]
    monkeypatch.setattr(readiness, "EVERY", 0.0)
    progress._next = 0.0
    progress.look()
    progress.look()
    assert shown == ["starting", "model.safetensors:  20%|##"]
