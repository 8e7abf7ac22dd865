"""Several servers of one model: the least busy one is asked, and one that fails is left out and tried again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents import event_loop as background
from agents.language_models.interface import Message, ModelUnavailableError, PassingError, Reply
from agents.language_models.several_endpoints import SeveralEndpoints
from agents.options import TINY
from agents.systems import _agent
from tests.agents.endpoint import serving
from workbench.data.errors import ConfigurationError

ASK = [Message("user", ("hello",))]


class Server:
    """Answers with its name; `fails` raises first, `held` keeps requests open."""

    concurrency = 4

    def __init__(self, name: str) -> None:
        self.name, self.asked = name, 0
        self.fails: Callable[[], None] = lambda: None
        self.held: asyncio.Event | None = None

    def identity(self) -> dict[str, Any]:
        return {"model": "m"}

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        self.asked += 1
        self.fails()
        if self.held:
            await self.held.wait()
        return Reply(self.name, "stop", 1, 1)

    async def check(self) -> None:
        try:
            self.fails()
        except ModelUnavailableError as error:
            raise ConfigurationError(str(error)) from error


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def several(*names: str) -> tuple[SeveralEndpoints, list[Server], Clock]:
    servers, clock = [Server(name) for name in names], Clock()
    return SeveralEndpoints([(f"http://{one.name}", one) for one in servers], clock), servers, clock


def gone() -> None:
    raise PassingError("nobody there")


def ask(model: SeveralEndpoints, times: int = 1) -> list[str]:
    return [background.run(model.complete(ASK, 8)).text for _ in range(times)]


def test_together_they_take_what_each_takes_and_are_the_same_model() -> None:
    model, _, _ = several("a", "b", "c")
    assert model.concurrency == 12
    assert model.identity() == {"model": "m"}


def test_the_least_busy_one_gets_the_next_request() -> None:
    async def asked() -> list[str]:
        model, (first, second), _ = several("a", "b")
        first.held = asyncio.Event()
        open_ = [asyncio.create_task(model.complete(ASK, 8)) for _ in range(1)]
        await asyncio.sleep(0)
        quick = [(await model.complete(ASK, 8)).text for _ in range(3)]
        first.held.set()
        await asyncio.gather(*open_)
        assert second.asked == 3
        return quick

    assert background.run(asked()) == ["b", "b", "b"]


def test_a_request_that_fails_goes_to_the_next_server_and_the_failed_one_is_left_out_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, (first, second), clock = several("a", "b")
    first.fails = gone
    assert ask(model, 3) == ["b"] * 3
    assert first.asked == 1, "it is left out"
    assert "endpoint http://a is left out: nobody there" in capsys.readouterr().err
    clock.now = 2.5
    assert ask(model, 2) == ["b", "b"]
    assert first.asked == 2, "it is tried once, and left out twice as long"
    clock.now = 6.0
    ask(model)
    assert first.asked == 2
    first.fails = lambda: None
    clock.now = 7.0
    assert ask(model, 2) == ["a", "a"]
    assert second.asked == 6


def test_where_all_fail_the_failure_is_raised_and_the_one_that_is_due_first_is_asked() -> None:
    model, servers, clock = several("a", "b")
    for server in servers:
        server.fails = gone
    with pytest.raises(PassingError, match="nobody there"):
        ask(model)
    assert [server.asked for server in servers] == [1, 1]
    servers[1].fails = lambda: None
    clock.now = 0.5
    assert ask(model) == ["b"]


def test_what_a_server_asks_to_wait_is_waited() -> None:
    def busy() -> None:
        raise PassingError("busy", wait=30.0)

    model, (first, _), clock = several("a", "b")
    first.fails = busy
    ask(model)
    clock.now = 29.0
    ask(model)
    assert first.asked == 1


def test_a_failure_that_no_server_would_mend_is_raised_at_once() -> None:
    def refused() -> None:
        raise ModelUnavailableError("the key is refused")

    model, (first, second), _ = several("a", "b")
    first.fails = refused
    with pytest.raises(ModelUnavailableError, match="refused"):
        ask(model)
    assert second.asked == 0


def test_a_request_that_is_given_up_leaves_its_server_out() -> None:
    async def asked() -> str:
        model, (first, _), _ = several("a", "b")
        first.held = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await model.complete(ASK, 8)
        return (await model.complete(ASK, 8)).text

    assert background.run(asked()) == "b"


def test_before_the_first_sample_one_that_answers_is_enough() -> None:
    model, (first, second), _ = several("a", "b")
    first.fails = gone
    background.run(model.check())
    assert ask(model) == ["b"]
    second.fails = gone
    with pytest.raises(ConfigurationError, match="nobody there; and nobody there"):
        background.run(model.check())


def test_the_agent_takes_addresses_separated_by_commas() -> None:
    given = replace(TINY, checkpoint="", model="m", segmenter="sam3-tiny")
    with serving(lambda _: "one") as one, serving(lambda _: "two") as two:
        system = _agent(replace(given, endpoint=f"{one.url}, {two.url}", concurrency=3))
        assert system.at_once == 6
        replies = {background.run(system.model.complete(ASK, 8)).text for _ in range(4)}
        assert replies == {"one"}, "one after the other, the first is never busy"
        assert (
            system.identity()["language_model"] == _agent(replace(given, endpoint=one.url)).identity()["language_model"]
        )
    with pytest.raises(ConfigurationError, match="expected different addresses, separated by commas"):
        _agent(replace(given, endpoint="http://a/v1,http://a/v1"))
