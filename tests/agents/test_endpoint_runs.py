"""`workbench compare` with an endpoint that fails and comes back: exit codes, what is asked again, what is kept."""

from pathlib import Path

import pytest

from agents.language_models.openai_endpoint import KEY_VARIABLE
from tests.agents.endpoint import Endpoint, Request, serving
from tests.conftest import Install
from workbench.cli.main import main
from workbench.runs.files import read_json, read_records

NONE = '<tool>{"name":"report_no_mask"}</tool>'
KEY = "sk-abcdefghijklmnopqrstuvwx"


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def workplace(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the agent and the toy benchmark installed."""
    systems = {"served": "tests.agents.served:agent"}
    install("toys", {"systems": systems, "benchmarks": {"toy": "tests.workbench.toys:rectangles"}}, {})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return tmp_path


def compare(server: Endpoint, *more: str, login: str = "") -> int:
    address = server.url.replace("://", f"://{login}")
    settings = ["--set", f"served.endpoint={address}", *more]
    return main(["compare", "--systems", "served", "--benchmark", "toy", "--limit", "2", "--out", "run", *settings])


def is_check(request: Request) -> bool:
    return "Say ok." in str(request)


def test_a_wrong_key_stops_before_the_first_sample_and_another_setting_goes_on(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda _: NONE) as server:
        server.fault = lambda _: "key"
        assert compare(server) == 2
        assert "it refuses the key: bad key [key]" in capsys.readouterr().err
        assert len(server.requests) == 1
        server.fault = lambda _: ""
        assert compare(server, "--set", "served.model=other") == 0


def test_a_server_that_fails_stops_the_run_and_the_same_command_asks_again_and_keeps_no_key(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = workplace / "run/toy/served/predictions.jsonl"
    with serving(lambda _: NONE) as server:
        server.fault = lambda request: "" if is_check(request) else "key"
        assert compare(server, "--stop-after", "2", login="me:a-password@") == 5
        said = capsys.readouterr()
        assert "served: stopped, because the infrastructure failed 2 times in a row: m: HTTP 401: bad key" in said.err
        assert "continue with the same command and --out run" in said.err
        assert [record["outcome"] for record in read_records(stored)] == ["model_unavailable"]
        server.fault = lambda _: ""
        assert compare(server, login="me:a-password@") == 0
        said_later = capsys.readouterr()
    assert [record["outcome"] for record in read_records(stored)] == ["model_unavailable", "ok", "ok"]
    assert read_records(stored)[1]["earlier"][0]["outcome"] == "model_unavailable"
    assert "[login]@" in read_json(workplace / "run/manifest.json")["options"]["set"][0]
    files = [path.read_bytes() for path in workplace.rglob("*") if path.is_file()]
    assert len(files) > 8
    for secret in (KEY, "a-password", "bWU6YS1wYXNzd29yZA"):
        assert not any(secret.encode() in content for content in files)
        assert secret not in "".join((*said, *said_later))
