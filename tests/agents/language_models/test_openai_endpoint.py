"""The endpoint client against a small HTTP server on this machine."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from agents import event_loop as background
from agents.language_models import openai_endpoint
from agents.language_models.interface import (
    Message,
    ModelUnavailableError,
    PassingError,
    Picture,
    PromptTooLongError,
    Reply,
)
from agents.language_models.openai_endpoint import KEY_VARIABLE, OpenAiEndpoint
from tests.agents.endpoint import completion
from workbench.data.errors import ConfigurationError

Answer = tuple[int, Any]
ASK = [Message("user", ("hello",))]


class Server:
    """Answers request i with `answers[i]` (the last one from then on) and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.bodies: list[Any] = []
        self.keys: list[str] = []
        self.before: Callable[[], None] = lambda: None


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            state.keys.append(self.headers["Authorization"])
            state.before()
            status, answer = state.answers[min(len(state.bodies), len(state.answers)) - 1]
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{http.server_port}/v1"  # type: ignore[attr-defined]
    yield state
    http.shutdown()
    http.server_close()


def client(server: Server, **options: Any) -> OpenAiEndpoint:
    return OpenAiEndpoint(server.url, "m", **options)  # type: ignore[attr-defined]


def complete(model: OpenAiEndpoint, messages: list[Message], max_tokens: int) -> Reply:
    return background.run(model.complete(messages, max_tokens))


def test_a_reply_comes_with_its_tokens_and_how_it_ended(server: Server) -> None:
    server.answers = [(200, completion("hi")), (200, completion("hi", "length"))]
    model = client(server)
    first, second = complete(model, ASK, 33), complete(model, ASK, 33)
    assert (first.text, first.finish_reason, first.tokens_in, first.tokens_out) == ("hi", "stop", 11, 7)
    assert second.finish_reason == "length"
    assert server.bodies[0]["max_completion_tokens"] == 33
    assert "temperature" not in server.bodies[0]
    complete(client(server, temperature=0.0), ASK, 33)
    assert server.bodies[2]["temperature"] == 0


@pytest.mark.parametrize("picture_format", ["png", "bmp"])
def test_pictures_are_sent_losslessly_in_their_place_and_encoded_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, picture_format: str
) -> None:
    server.answers = [(200, completion("hi"))]
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    picture = Picture(pixels)
    encoded = []
    original = Pillow.Image.save
    monkeypatch.setattr(Pillow.Image, "save", lambda *a, **k: (encoded.append(1), original(*a, **k))[1])
    messages = [Message("system", ("rules",)), Message("user", ("before", picture, "after", picture))]
    model = client(server, picture_format=picture_format)
    complete(model, messages, 10)
    complete(model, messages, 10)
    system, user = server.bodies[1]["messages"]
    assert system == {"role": "system", "content": "rules"}
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "text", "image_url"]
    url = user["content"][1]["image_url"]["url"]
    sent = Pillow.open(io.BytesIO(base64.b64decode(url.removeprefix(f"data:image/{picture_format};base64,"))))
    assert sent.format == picture_format.upper()
    assert np.array_equal(np.asarray(sent), pixels)
    assert len(encoded) == 1


def test_jpeg_is_sent_where_it_is_asked_for_and_is_part_of_the_identity(server: Server) -> None:
    server.answers = [(200, completion("hi"))]
    pixels = np.full((64, 48, 3), (200, 30, 30), np.uint8)
    model = client(server, picture_format="jpeg")
    complete(model, [Message("user", ("see", Picture(pixels)))], 10)
    url = server.bodies[0]["messages"][0]["content"][1]["image_url"]["url"]
    sent = Pillow.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
    assert sent.format == "JPEG" and np.abs(np.asarray(sent).astype(int) - pixels).max() < 6
    assert model.identity() == {**client(server).identity(), "picture_format": "jpeg, quality 90"}
    assert client(server, picture_format="bmp").identity() == client(server).identity()


def test_an_unknown_picture_format_is_refused_at_once(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="png, bmp or jpeg, got 'gif'"):
        client(server, picture_format="gif")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_may_pass_is_told_apart(server: Server, status: int) -> None:
    server.answers = [(status, {"error": {"message": "broken inside"}})]
    with pytest.raises(PassingError, match=rf"HTTP {status}: .*broken inside"):
        complete(client(server), ASK, 10)
    assert len(server.bodies) == 1


def test_a_refusal_does_not_pass(server: Server) -> None:
    server.answers = [(404, {"error": {"message": "no such model"}})]
    with pytest.raises(ModelUnavailableError, match="no such model") as caught:
        complete(client(server), ASK, 10)
    assert not isinstance(caught.value, PassingError)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "too many tokens", "code": "context_length_exceeded"},
        {"message": "This model's maximum context length is 1024 tokens.", "code": 400},
    ],
)
def test_a_prompt_that_does_not_fit_is_told_apart(server: Server, error: dict[str, Any]) -> None:
    server.answers = [(400, {"error": error})]
    with pytest.raises(PromptTooLongError):
        complete(client(server), ASK, 10)


@pytest.mark.parametrize("answer", ["<html>hello</html>", {"choices": []}, {"choices": [{"message": None}]}, {}, []])
def test_an_answer_that_is_no_completion_is_a_model_that_is_unavailable(server: Server, answer: Any) -> None:
    server.answers = [(200, answer)]
    with pytest.raises(ModelUnavailableError, match="no chat completion"):
        complete(client(server), ASK, 10)


def test_a_reply_without_text_is_empty(server: Server) -> None:
    server.answers = [(200, completion(None))]
    assert complete(client(server), ASK, 10).text == ""


def test_nobody_there_is_a_model_that_is_unavailable() -> None:
    with pytest.raises(ModelUnavailableError, match="ClientConnectorError"):
        complete(OpenAiEndpoint("http://127.0.0.1:9/v1", "m"), ASK, 10)


def test_the_key_is_sent_and_shown_nowhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "very-secret")
    server.answers = [(401, {"error": {"message": "bad key very-secret"}})]
    model = client(server)
    with pytest.raises(ModelUnavailableError) as caught:
        complete(model, ASK, 10)
    assert server.keys == ["Bearer very-secret"]
    assert "very-secret" not in str(caught.value)
    assert "very-secret" not in json.dumps(model.identity()) + repr(vars(model))


def check(model: OpenAiEndpoint) -> None:
    background.run(model.check())


def test_a_check_is_one_small_request_with_a_picture(server: Server) -> None:
    server.answers = [(200, completion("ok", "length"))]
    check(client(server))
    (body,) = server.bodies
    assert body["max_completion_tokens"] <= 16
    assert [part["type"] for part in body["messages"][0]["content"]] == ["text", "image_url"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            (401, {"error": {"message": "bad key"}}),
            "refuses the key: bad key; no key was sent, because OPENAI_API_KEY is",
        ),
        ((403, {"detail": "not yours"}), "refuses the key: not yours"),
        ((404, {"error": {"message": "no model m"}}), "HTTP 404: no model m; expected the address of"),
        ((400, {"error": {"message": "image input is not supported"}}), "HTTP 400: image input is not supported"),
        ((500, "broken"), "HTTP 500: broken"),
        ((302, ""), "redirects to nowhere"),
        ((200, "<html>Log in</html>"), "it sent: <html>Log in"),
        ((200, {"error": {"message": "who are you", "code": 401}}), "who are you"),
    ],
)
def test_a_check_says_what_stands_in_the_way(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: Answer, reason: str
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    server.answers = [answer]
    with pytest.raises(ConfigurationError, match=rf"agent: endpoint http://127.0.0.1:\d+/v1: .*{reason}"):
        check(client(server))


@pytest.mark.parametrize(
    "answer",
    [
        (429, {"error": {"message": "slow down"}}),
        (200, {"error": {"message": "slow down", "code": 429}}),
        (400, {"error": {"message": "could not finish because max_tokens was reached"}}),
        (200, completion(None)),
    ],
)
def test_a_server_that_is_only_busy_passes_its_check(server: Server, answer: Answer) -> None:
    server.answers = [answer]
    check(client(server))


def test_a_check_of_nobody_says_so() -> None:
    with pytest.raises(
        ConfigurationError, match=r"http://127.0.0.1:9/v1: .*Cannot connect.*; start it, or give another"
    ):
        check(OpenAiEndpoint("http://127.0.0.1:9/v1", "m"))


def test_a_check_of_a_silent_server_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_endpoint, "CHECK_LIMIT", 0.2)
    done = threading.Event()
    server.answers, server.before = [(200, completion("late"))], lambda: bool(done.wait(5)) and None
    with pytest.raises(ConfigurationError, match=r"no reply to a small request within 0\.2 s"):
        check(client(server))
    done.set()


@pytest.mark.parametrize(
    "url", ["localhost:8001/v1", "ftp://host/v1", "http://", "host", "http://a b/v1", "http://h:x/v1"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected endpoint to be an address such as http://localhost:8001/v1"):
        OpenAiEndpoint(url, "m")


def test_a_login_in_the_address_is_sent_and_shown_nowhere(server: Server) -> None:
    server.answers = [(401, {"error": {"message": "not you, me:s3cret-word"}})]
    model = OpenAiEndpoint(server.url.replace("://", "://me:s3cret-word@"), "m")  # type: ignore[attr-defined]
    with pytest.raises(ModelUnavailableError) as caught:
        complete(model, ASK, 10)
    assert server.keys == ["Basic " + base64.b64encode(b"me:s3cret-word").decode()]
    assert "s3cret" not in str(caught.value) + repr(vars(model))


def test_white_space_around_the_key_is_stripped_and_a_line_break_inside_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, " sk-abcdefgh\r\n")
    server.answers = [(200, completion("hi"))]
    complete(client(server), ASK, 10)
    assert server.keys == ["Bearer sk-abcdefgh"]
    monkeypatch.setenv(KEY_VARIABLE, "sk-abc\ndef")
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY: .* a line break") as caught:
        client(server)
    assert "abc" not in str(caught.value)
