"""A server that is proved, watched, and started again where it fails."""

import shlex
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.language_models import canary, serving
from agents.language_models.serving import NOTHING_REUSED, Keeper
from agents.language_models.vllm_server import ServerError, VllmServer
from tests.agents.endpoint import until
from tests.agents.language_models.fake_vllm import environment as environment
from workbench.cli.main import main

CLIENT = """
import pathlib, sys, urllib.request as r
tries = pathlib.Path("tries")
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
if len(tries.read_text()) == 1:
    try:
        r.urlopen(r.Request(sys.argv[1].replace("/v1", "/end"), b"{}"))
    except OSError:
        sys.exit(5)
r.urlopen(sys.argv[1] + "/models")
"""
"""A command that ends the server the first time, and fails with it; the second time it does its work."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_TRIES", 1)
    monkeypatch.setattr(serving, "EVERY", 0.05)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def server(environment: Path) -> Iterator[VllmServer]:
    with VllmServer("m", log=environment / "log", environment=environment) as running:
        yield running


def tell(server: VllmServer, what: str) -> None:
    urllib.request.urlopen(urllib.request.Request(server.url.replace("/v1", what), b"{}"))


def test_a_server_that_mixes_up_pictures_is_started_again_without_reusing_them(
    environment: Path, said: list[str]
) -> None:
    log = environment / "log"
    with VllmServer("m", log=log, environment=environment, arguments=["--reuse-wrongly"]) as server:
        keeper, address = Keeper(server, said.append), server.url
        keeper.prove()
        assert keeper.restarts == 1
        assert server.url == address
        assert NOTHING_REUSED in log.read_text()
        assert f"started again with {NOTHING_REUSED}: it answers about pictures of other requests" in said[0]
        assert not keeper.mend()


def test_a_server_whose_engine_died_while_http_answers_is_started_again_until_that_is_given_up(
    server: VllmServer, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REPEATS", 1)
    keeper = Keeper(server, said.append)
    tell(server, "/generates")
    assert keeper.mend()
    assert "EngineDeadError" in said[0]
    assert not keeper.mend()
    tell(server, "/generates")
    with pytest.raises(ServerError, match=r"(?s)started again 1 times, and still: .*EngineDeadError.*Loading shards"):
        keeper.prove()


@pytest.mark.parametrize("what", ["/healthy", "/end"])
def test_what_ends_or_is_not_healthy_is_started_again_while_others_use_it(
    server: VllmServer, said: list[str], what: str
) -> None:
    keeper = Keeper(server, said.append)
    watching = keeper.watch()
    try:
        tell(server, what)
    except OSError:
        assert what == "/end"
    until(lambda: len(said) == 2, 60)
    keeper.stop()
    watching.join(60)
    assert said[1] == f"ready again: {server.url}"
    assert keeper.restarts == 1


def test_the_command_beside_it_runs_again_when_the_server_failed_it(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(environment)
    then = shlex.join([sys.executable, "-c", CLIENT, "{endpoint}"])
    assert main(["serve", "m", "--environment", ".", "--log", "log", "--port", "0", "--then", then]) == 0
    assert Path("tries").read_text() == "xx"
    assert "ended with exit code 5 while the server failed: it runs again" in capfd.readouterr().err


def test_a_command_that_fails_by_itself_does_not_run_again(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(environment)
    then = shlex.join([sys.executable, "-c", "import sys; open('ran', 'a').write('x'); sys.exit(4)"])
    assert main(["serve", "m", "--environment", ".", "--log", "log", "--port", "0", "--then", then]) == 4
    assert Path("ran").read_text() == "x"
