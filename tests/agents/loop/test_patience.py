"""How long the agent waits before it asks again, and when it gives up."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.language_models.http_answer import retry_after
from agents.language_models.interface import Message, ModelUnavailableError, PassingError, Reply
from agents.loop import patience
from agents.loop.workspace import Workspace
from agents.options import Options
from tests.agents.scripted import MARKERS, THINGS, ScriptedModel, ScriptedSegmenter, plain
from workbench.data.predictions import Note


class Busy(ScriptedModel):
    """Fails with these errors, one after the other, and then replies."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(["reply"])
        self.errors = list(errors)

    async def complete(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        if self.errors:
            raise self.errors.pop(0)
        return await super().complete(messages, max_tokens)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, none of which takes time."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(patience.asyncio, "sleep", wait)
    return waited


def ask(model: Busy, **options: float) -> Workspace:
    work = Workspace(plain(), "things", model, ScriptedSegmenter(THINGS), MARKERS, Options(**options))  # type: ignore[arg-type]
    asyncio.run(patience.ask(work, [Message("user", ("hi",))], Note(request="main")))
    return work


def test_a_passing_failure_is_waited_for_twice_as_long_each_time(waits: list[float]) -> None:
    work = ask(Busy(*[PassingError("busy")] * 6), retries=6)
    assert waits == [0.5, 1, 2, 4, 8, 8]
    assert len(work.trace.calls) == 7


def test_after_its_retries_the_request_has_failed(waits: list[float]) -> None:
    with pytest.raises(ModelUnavailableError, match="busy, 3 times"):
        ask(Busy(*[PassingError("busy")] * 3), retries=2)


def test_a_wait_that_the_server_asks_for_is_kept_and_is_no_retry(waits: list[float]) -> None:
    ask(Busy(*[PassingError("busy", 3.0)] * 5), retries=0)
    assert waits == [3] * 5


def test_a_server_that_asks_for_no_wait_is_asked_again_as_often_as_any(waits: list[float]) -> None:
    with pytest.raises(ModelUnavailableError):
        ask(Busy(*[PassingError("busy", 0.0)] * 5), retries=2)
    assert waits == [0.5, 1]


def test_a_wait_beyond_the_samples_time_is_not_begun(waits: list[float]) -> None:
    with pytest.raises(ModelUnavailableError, match=r"busy; it is to be asked again after 90 s, and \d+\.\d s of the"):
        ask(Busy(PassingError("busy", 90.0)), time_limit=60.0)
    assert waits == []


def test_a_refusal_is_not_asked_again(waits: list[float]) -> None:
    with pytest.raises(ModelUnavailableError, match="no such model"):
        ask(Busy(ModelUnavailableError("no such model")))
    assert waits == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("-1", 0.0),
        ("Sat, 28 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 28 Nov 2026 13:00:30 +0100", 30.0),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 28, 12, tzinfo=UTC)) == seconds


def test_waiting_takes_time_for_real() -> None:
    begun = time.perf_counter()
    ask(Busy(PassingError("busy")))
    assert time.perf_counter() - begun >= 0.5
