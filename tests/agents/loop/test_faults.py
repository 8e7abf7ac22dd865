"""An endpoint that fails in every way: each sample ends with an answer or a named failure within its time limit, and
the run goes on when the endpoint returns."""

import time
from pathlib import Path
from typing import get_args

import pytest

from agents.language_models.openai_endpoint import KEY_VARIABLE, OpenAiEndpoint
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.endpoint import Endpoint, Fault, Request, images, serving
from tests.agents.scripted import ACCEPT, EXAMINE, MARKERS, THINGS, ScriptedSegmenter, plain, segment, select
from workbench.comparison.outages import Patience
from workbench.comparison.runner import run
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample

FAULTS = [fault for fault in get_args(Fault) if fault not in ("", "key")]
LIMIT = 12.0
SLACK = 4.0  # of a busy machine
ENDINGS = {"empty": "malformed_call", "huge": "malformed_call"}


def sensible(request: Request) -> str:
    """Ask for a phrase, have its masks checked, select the first; accept every mask."""
    if images(request) == 3:
        return ACCEPT
    if images(request) == 1:
        return segment("thing")
    last = request["messages"][-1]["content"]
    return select(1) if any("examined_masks_left" in part.get("text", "") for part in last) else EXAMINE


def agent(server: Endpoint, **options: float) -> Sam3Agent:
    settings = {"time_limit": LIMIT, "request_timeout": 3.0, "retries": 1, **options}
    model = OpenAiEndpoint(server.url, "m", concurrency=8)
    return Sam3Agent(ScriptedSegmenter(THINGS), model, MARKERS, Options(**settings))  # type: ignore[arg-type]


def predict(system: Sam3Agent, *names: str) -> tuple[list[Prediction], float]:
    samples = [Sample(name, "image", Path("unused.png"), 96, 64, "the things") for name in names]
    begun = time.perf_counter()
    predictions = system.predict(samples, [plain()] * len(names))
    return predictions, time.perf_counter() - begun


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What is imported on first use is not part of any sample's time."""
    with serving(sensible) as server:
        predict(agent(server, time_limit=600.0, request_timeout=600.0), "warm")


@pytest.mark.parametrize("where", ["first", "check"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_named_failure_in_time_and_the_next_sample_is_answered(fault: Fault, where: str) -> None:
    with serving(sensible) as server:
        system = agent(server)
        wanted = {"first": 1, "check": 3}[where]
        server.fault = lambda request: fault if images(request) == wanted else ""
        (failed,), seconds = predict(system, "a")
        assert seconds < LIMIT + SLACK
        expected = ENDINGS.get(fault, "model_unavailable")
        assert failed.outcome == (
            "unreadable_verdict" if (expected, where) == ("malformed_call", "check") else expected
        )
        assert failed.message and failed.instances == ()
        assert [call for call in failed.calls if call.kind == "llm"]
        server.fault = lambda _: ""
        (answered,), _ = predict(system, "b")
        assert answered.outcome == OK and len(answered.instances) == 1


@pytest.mark.parametrize("fault", ["silent", "429", "500", "close", "html"])
def test_a_fault_that_passes_costs_a_request_and_no_sample(fault: Fault) -> None:
    with serving(sensible) as server:
        system = agent(server)
        server.fault = lambda _: fault if len(server.requests) == 1 else ""
        (prediction,), _ = predict(system, "a")
        assert prediction.outcome == OK
        requests = [call for call in prediction.calls if call.kind == "llm"]
        assert requests[0].note.failed and requests[0].duration > 0
        assert requests[0].note.mistake == ("timed_out" if fault == "silent" else "model_unavailable")
        assert requests[1].note.reply


def test_the_time_limit_of_a_sample_holds_through_all_retries() -> None:
    with serving(sensible) as server:
        system = agent(server, time_limit=1.0, request_timeout=30.0, retries=5)
        server.fault = lambda _: "drip"
        (prediction,), seconds = predict(system, "a")
        assert prediction.outcome == "timed_out" and "1 s" in prediction.message
        assert seconds < 1.0 + SLACK


def test_samples_in_flight_survive_an_endpoint_that_is_gone_for_a_while() -> None:
    with serving(sensible) as server:
        system = agent(server, retries=0, request_timeout=60.0, time_limit=120.0)
        faults: list[Fault] = ["500", "close", "html", "429"]
        server.fault = lambda _: faults[len(server.requests) % 4] if 20 <= len(server.requests) < 40 else ""
        names = [f"s{n}" for n in range(24)]
        predictions, seconds = predict(system, *names)
        assert [p.sample_id for p in predictions] == names
        assert {p.outcome for p in predictions} == {OK, "model_unavailable"}
        assert sum(p.outcome == OK for p in predictions) >= 4
        assert predictions[-1].outcome == OK
        assert seconds < 120


def test_nobody_listens() -> None:
    with serving(sensible) as server:
        system = agent(server)
    (prediction,), seconds = predict(system, "a")
    assert prediction.outcome == "model_unavailable" and "Cannot connect" in prediction.message
    assert seconds < LIMIT + SLACK


def test_a_key_is_in_no_file_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.workbench.toys import Rectangles

    monkeypatch.setenv(KEY_VARIABLE, "very-secret")
    with serving(sensible) as server:
        server.fault = lambda request: "" if "Say ok." in str(request) else "key"  # its check goes well
        system = agent(server)
        run(
            {"agent": lambda: system},
            lambda: Rectangles(tmp_path / "data", 2),
            tmp_path / "run",
            patience=Patience(pause=0),
        )
        assert len(server.requests) >= 2
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"bad key [key]" in content for content in written)
    assert not any(b"very-secret" in content for content in written)
