"""The canary, against real servers on this machine that misbehave as servers in the wild did."""

import base64
import io
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import pytest
from PIL import Image

from agents import event_loop as background
from agents.language_models import canary
from agents.language_models.canary import COLOURS, Findings, look
from agents.language_models.openai_endpoint import OpenAiEndpoint
from tests.agents.endpoint import Endpoint, Request, serving
from workbench.cli.main import main
from workbench.data.errors import ConfigurationError

Serve = Callable[[Callable[[Request], str]], AbstractContextManager[Endpoint]]


def colour(request: Request) -> str:
    """The name of the colour of a request's picture: a model that sees."""
    (part,) = (p for p in request["messages"][-1]["content"] if p["type"] == "image_url")
    pixels = Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].partition(",")[2])))
    seen = np.asarray(pixels)[0, 0].astype(int)
    return min(COLOURS, key=lambda name: int(np.abs(seen - COLOURS[name]).sum()))


class PrefixCache:
    """A server that reuses what it computed for a request with the same words before the picture, picture and all: the
    fault of vllm#20261. `only_at_once`: only where another request with these words is in flight."""

    def __init__(self, only_at_once: bool = False) -> None:
        self.only_at_once = only_at_once
        self.kept: dict[str, str] = {}
        self.flying: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> str:
        words = str(request["messages"][0]["content"])[:400]
        with self.lock:
            reuse = not self.only_at_once or words in self.flying
            first = self.kept.setdefault(words, colour(request))
            self.flying.append(words)
        time.sleep(0.02)
        with self.lock:
            self.flying.remove(words)
        return f"It is {first}." if reuse else f"It is {colour(request)}."


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_TRIES", 2)


def looked(server: Endpoint, limit: float = 10.0) -> Findings:
    return background.run(look(OpenAiEndpoint(server.url, "m"), limit=limit))


@pytest.fixture(params=["short", "thinking", "nonsense"])
def sound(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """Servers whose model sees, and says so in its way."""
    says = {
        "short": lambda asked: colour(asked).upper(),
        "thinking": lambda asked: f"<think>Let me see. All of it is {colour(asked)}, so",
        "nonsense": lambda asked: f"<tool>{len(colour(asked)) * 7}</tool>",  # the same for no two colours
    }
    with serving(says[request.param]) as server:
        yield server


def test_nothing_is_found_in_a_server_that_is_sound(sound: Endpoint) -> None:
    found = looked(sound)
    assert (found.trouble, found.blind, found.failed) == ("", False, [])
    assert found.asked == len(sound.requests) == 4 + 4 + 16
    texts = [request["messages"][0]["content"] for request in sound.requests]
    assert len(set(texts)) == 5, "four requests begin with words of their own, all others with the same"


@pytest.mark.parametrize("only_at_once", [False, True])
def test_a_picture_of_another_request_is_found(only_at_once: bool) -> None:
    with serving(PrefixCache(only_at_once)) as server:
        found = looked(server)
    assert found.mixed
    assert {one.when for one in found.mixed} <= {"one by one", "with 16 at once"}
    if only_at_once:
        assert {one.when for one in found.mixed} == {"with 16 at once"}
    assert "answers about pictures of other requests" in found.trouble
    assert "--no-enable-prefix-caching" in found.trouble


def test_a_model_whose_answers_change_by_themselves_is_not_accused() -> None:
    draw = random.Random(0)
    with serving(lambda _: draw.choice(("red", "blue", "green"))) as server:
        found = looked(server)
    assert found.unsteady
    assert (found.mixed, found.trouble) == ([], "")


def test_a_model_that_says_the_same_of_every_picture_is_called_blind() -> None:
    with serving(lambda _: "a picture") as server:
        found = looked(server)
    assert found.blind
    assert not found.mixed


def test_a_server_whose_engine_died_is_told_from_one_that_refuses() -> None:
    with serving(colour) as server:
        server.fault = lambda _: "500"
        dead = looked(server)
        server.fault = lambda _: "silent"
        hangs = looked(server, limit=0.2)
        server.fault = lambda _: "key"
        refused = looked(server)
    assert dead.dead and "has died, so restart it" in dead.trouble
    assert hangs.dead and "no answer within 0.2 s" in hangs.trouble
    assert not refused.dead and refused.failed


def test_the_first_request_of_a_run_looks_once() -> None:
    with serving(PrefixCache()) as server:
        model = OpenAiEndpoint(server.url, "m", canary=True)
        with pytest.raises(ConfigurationError, match="answers about pictures of other requests"):
            background.run(model.check())
        asked = len(server.requests)
        background.run(model.check())
        assert len(server.requests) == asked + 1
        background.run(OpenAiEndpoint(server.url, "m").check())
        assert len(server.requests) == asked + 2


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    async def names(self: OpenAiEndpoint) -> list[str]:
        return ["m"]

    monkeypatch.setattr(OpenAiEndpoint, "_listed", names)


@pytest.mark.usefixtures("served")
def test_the_command_says_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(colour) as server:
        assert main(["check-endpoint", server.url]) == 0
        said = capsys.readouterr().out
        assert "Each picture got its own answer, one by one and with 16 requests at once." in said
        server.reply = PrefixCache()
        assert main(["check-endpoint", server.url, "--json", "--at-once", "4"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["mixed"] and found["model"] == "m" and found["trouble"]
        server.fault = lambda _: "503"
        assert main(["check-endpoint", server.url, "--model", "m"]) == 1
        assert "what generates behind it has died" in capsys.readouterr().out
        assert main(["check-endpoint", server.url, "--model", "other"]) == 2
        assert "serves m, got 'other'" in capsys.readouterr().err


def test_an_address_where_nothing_listens_is_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-endpoint", "http://127.0.0.1:9/v1"]) == 2
    assert "it names no models" in capsys.readouterr().err
