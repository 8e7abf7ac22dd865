"""A server that answers as vLLM does, in the process that vLLM would have: it sees the colour of a picture, and fails
as servers in the wild did.
"""

import sys
from pathlib import Path

import pytest

FAKE = r"""
import base64, io, json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 170, 50), "blue": (40, 60, 220), "yellow": (235, 215, 40)}
reuses = "--no-enable-prefix-caching" not in sys.argv and "--reuse-wrongly" in sys.argv
kept, state = {}, {"healthy": True, "generates": True}


def colour(request):
    content = request["messages"][-1]["content"]
    url = next(part["image_url"]["url"] for part in content if part["type"] == "image_url")
    seen = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB").getpixel((0, 0))
    own = min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(seen, COLOURS[name])))
    return kept.setdefault(str(request["messages"][0]["content"])[:400], own) if reuses else own


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send(200 if state["healthy"] or self.path != "/health" else 500, {"data": [{"id": "m"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/end":
            os._exit(1)
        if self.path in ("/healthy", "/generates"):
            state[self.path[1:]] = False
            return self.send(200, {})
        if not state["generates"]:
            return self.send(500, {"error": {"message": "EngineDeadError"}})
        message = {"role": "assistant", "content": colour(json.loads(body))}
        self.send(200, {"choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": {}})

    def send(self, status, record):
        body = json.dumps(record).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

print("Loading shards:  10%\rLoading shards: 100%", flush=True)
print("arguments", *sys.argv, flush=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment whose vLLM is that server. A POST to `/end` ends its process, to `/healthy` makes it
    unhealthy, to `/generates` ends what generates; `--reuse-wrongly` is the fault of vllm#20261."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "fake.py").write_text(FAKE)
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "fake.py"} "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    return tmp_path
