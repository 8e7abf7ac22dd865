"""A language model rewrites instructions; what changes the targets is dropped and counted."""

import json
import re
from pathlib import Path

import pytest

from tests.agents.endpoint import Request, images, serving
from tests.workbench.instructions import photographed
from workbench.cli.main import main
from workbench.data import secrets

KEY = "sk-a-key-of-the-tests-0123456789"


def _text(request: Request) -> str:
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else "\n".join(p["text"] for p in content if p["type"] == "text")


def _is_check(request: Request) -> bool:
    return "Which of the objects" in request["messages"][0]["content"]


class Model:
    """Rewrites every instruction, and answers the check rightly, wrongly, or in no form, in turns."""

    def __init__(self) -> None:
        self.wanted: dict[str, list[int]] = {}
        self.turn = 0

    def reply(self, request: Request) -> str:
        if not _is_check(request):
            told = _text(request).splitlines()[-1]
            text = f"implicit words of kind {'abc'[len(self.wanted) % 3]}, the {len(self.wanted)}th"
            self.wanted[text] = json.loads(found[0]) if (found := re.findall(r"\[[\d, ]+\]", told)) else []
            return f'<think>{{"instruction": "a first try"}}</think> {json.dumps({"instruction": text})}'
        text = _text(request).splitlines()[-1].removeprefix("Instruction: ")
        if "kind a" in text:
            return json.dumps({"objects": self.wanted[text]})
        return json.dumps({"objects": [*self.wanted[text], 8]}) if "kind b" in text else "I do not know."


def _run(folder: Path, url: str, *more: str) -> int:
    given = [*photographed.write(folder), "--out", str(folder / "asked"), "--per-picture", "6", "--splits", "0,0,1"]
    return main(["instructions", *given, "--endpoint", url, "--model", "m", *more])


def test_what_keeps_its_targets_is_written_and_the_rest_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(Model().reply) as server:
        assert _run(tmp_path, server.url, "--concurrency", "1") == 0
        requests = list(server.requests)
    written = json.loads((tmp_path / "asked" / "test.json").read_text())
    asked = [one for entry in written for one in entry["annotation"]]
    counts = json.loads((tmp_path / "asked" / "instructions.json").read_text())["rewriting"]
    assert counts == {"model": "m", "rewritten": 4, "other_targets": 4, "unreadable": 4}
    rewritten = [one for one in asked if "plain" in one]
    assert len(rewritten) == 4 and all("implicit words of kind a" in one["text"] for one in rewritten)
    assert len(asked) == 12 and not [one for one in asked if "kind b" in one["text"]]
    assert len(requests) == 24 and all(images(request) == 1 for request in requests)
    checks = [request for request in requests if _is_check(request)]
    assert not any("asks for the objects" in _text(request) for request in checks), "the check is not told the targets"
    said = capsys.readouterr()
    assert "4: dropped: the second request named other objects" in said.out
    everything = said.out + said.err + "".join(p.read_text() for p in (tmp_path / "asked").glob("*.json"))
    assert KEY not in everything
    secrets.forget()


def test_a_model_without_eyes_gets_the_objects_as_text(tmp_path: Path) -> None:
    with serving(Model().reply) as server:
        assert _run(tmp_path, server.url, "--text-only", "--rewrite", "0.5") == 0
        assert 0 < len(server.requests) < 24
        assert all(isinstance(request["messages"][1]["content"], str) for request in server.requests)
        assert "1: bottle, 220 255" in _text(server.requests[0]) or "1: burts bees" in _text(server.requests[0])


def test_a_server_that_keeps_failing_leaves_plain_words_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(Model().reply) as server:
        server.fault = lambda _: "key"
        assert _run(tmp_path, server.url, "--concurrency", "1") == 5
        assert len(server.requests) == 5
    said = capsys.readouterr().err
    assert "no reply 5 times in a row (HTTP 401" in said and "written in plain words" in said and KEY not in said
    asked = [one for entry in json.loads((tmp_path / "asked" / "test.json").read_text()) for one in entry["annotation"]]
    assert len(asked) == 12 and not any("plain" in one for one in asked)
    secrets.forget()


@pytest.mark.parametrize("fault", ["html", "empty", "not json", "close", "503"])
def test_an_answer_that_is_none_is_counted(tmp_path: Path, fault: str) -> None:
    with serving(Model().reply) as server:
        first = iter([fault])
        server.fault = lambda _: next(first, "")  # type: ignore[arg-type,return-value]
        assert _run(tmp_path, server.url, "--concurrency", "1", "--text-only") == 0
    counts = json.loads((tmp_path / "asked" / "instructions.json").read_text())["rewriting"]
    assert counts["no_reply"] == 1 and sum(n for name, n in counts.items() if name != "model") == 12
