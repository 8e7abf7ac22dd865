"""What is said where there is no vLLM, without one."""

import sys
from pathlib import Path

import pytest

from agents.language_models import vllm_server
from agents.language_models.vllm_server import ServerError, VllmServer, _settings, serve
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
