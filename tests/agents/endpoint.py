"""A small chat-completions server on this machine whose answers a test writes, and which can fail in every way."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal[
    "",
    "silent",
    "drip",
    "429",
    "500",
    "503",
    "close",
    "half",
    "html",
    "502 html",
    "empty",
    "no body",
    "huge",
    "not json",
    "key",
]
Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


def completion(text: str | None, finish: str = "stop") -> dict[str, Any]:
    """A chat completion with a text."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def images(request: Request) -> int:
    """How many pictures a request has."""
    parts = [p for m in request["messages"] if isinstance(m["content"], list) for p in m["content"]]
    return sum(part["type"] == "image_url" for part in parts)


class Endpoint:
    """`reply` makes a text of a request, `fault` says which requests fail and how; `requests` are all that came.
    `answer` makes status, headers and body of a request, in place of both; None leaves it to them."""

    def __init__(self, reply: Callable[[Request], str]) -> None:
        self.reply = reply
        self.fault: Callable[[Request], Fault] = lambda _: ""
        self.answer: Callable[[Request], Answer | None] = lambda _: None
        self.requests: list[Request] = []
        self.url = ""
        self.closed = threading.Event()


@contextmanager
def serving(reply: Callable[[Request], str]) -> Iterator[Endpoint]:
    """Serve until the end of the block."""
    state = Endpoint(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(request)
            if answer := state.answer(request):
                self.raw(*answer)
                return
            fault = state.fault(request)
            match fault:
                case "silent":
                    state.closed.wait(30)
                case "drip":
                    self.head(200, 10_000)
                    while not state.closed.wait(0.02):
                        try:
                            self.wfile.write(b" ")
                            self.wfile.flush()
                        except OSError:
                            return
                case "close":
                    self.connection.shutdown(socket.SHUT_RDWR)
                case "half":
                    self.head(200, 10_000)
                    self.wfile.write(b'{"id": "1", "choices": [')
                    self.close_connection = True
                case "429" | "500" | "503":
                    self.send(int(fault), json.dumps({"error": {"message": "not now"}}))
                case "key":
                    self.send(401, json.dumps({"error": {"message": f"bad key {self.headers['Authorization'][7:]}"}}))
                case "html":
                    self.send(200, "<html><body>Welcome</body></html>", "text/html")
                case "502 html":
                    self.send(502, "<html><body>Bad gateway</body></html>", "text/html")
                case "no body":
                    self.send(200, "")
                case "not json":
                    self.send(200, "{'choices': [")
                case "empty":
                    self.send(200, json.dumps(completion("")))
                case "huge":
                    self.send(200, json.dumps(completion("x" * 1_000_000)))
                case _:
                    self.send(200, json.dumps(completion(state.reply(request))))

        def head(self, status: int, length: int, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def send(self, status: int, text: str, kind: str = "application/json") -> None:
            self.head(status, len(text.encode()), kind)
            self.wfile.write(text.encode())

        def raw(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # a client that takes no more
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass  # a client that gave up

    http = Quiet(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield state
    finally:
        state.closed.set()
        http.shutdown()
        http.server_close()


def until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
