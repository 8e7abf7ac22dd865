"""Whatever a server sends, a sample ends with its answer or with a named outcome whose message quotes what came."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.language_models.openai_endpoint import KEY_VARIABLE, OpenAiEndpoint
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.endpoint import Answer, Endpoint, serving
from tests.agents.scripted import MARKERS, THINGS, ScriptedSegmenter, plain, segment
from workbench.data.predictions import Prediction
from workbench.data.samples import Sample

NONE = '<tool>{"name":"report_no_mask"}</tool>'
KEY = "sk-proj-Zq81/Kp+42==mnopqrstuvwxyz"
CALL = {"id": "c", "type": "function", "function": {"name": "report_no_mask", "arguments": "{}"}}
OK, GONE, MALFORMED = "ok", "model_unavailable", "malformed_call"


def said(content: Any = NONE, finish: Any = "stop", usage: Any = None, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"choices": [choice], "usage": usage}


def sends(body: Any, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, raw


def without(record: dict[str, Any], *path: Any) -> dict[str, Any]:
    *way, last = path
    place: Any = record
    for step in way:
        place = place[step]
    del place[last]
    return record


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()


NESTED = b'{"choices":' + b"[" * 100_000
ANSWERS: dict[str, Answer] = {
    "text": sends(said()),
    "list of text parts": sends(said([{"type": "text", "text": "So: "}, {"type": "text", "text": NONE}])),
    "thinking and text parts": sends(
        said([{"type": "thinking", "thinking": [{"type": "text", "text": "<tool>x"}]}, {"type": "text", "text": NONE}])
    ),
    "output_text part": sends(said([{"type": "output_text", "text": NONE}])),
    "text with a value": sends(said([{"type": "text", "text": {"value": NONE}}])),
    "list of strings": sends(said([NONE])),
    "one part": sends(said({"type": "text", "text": NONE})),
    "reasoning_content": sends(said(None, reasoning_content=f"I think. {NONE}")),
    "reasoning": sends(said("", reasoning=f"I think. {NONE}")),
    "only thinking parts": sends(said([{"type": "thinking", "thinking": [{"type": "text", "text": NONE}]}])),
    "tool_calls": sends(said(None, "tool_calls", tool_calls=[CALL])),
    "tool_calls with an object": sends(
        said("", tool_calls=[{"function": {"name": "report_no_mask", "arguments": {}}}])
    ),
    "two tool_calls": sends(said(None, tool_calls=[CALL, {**CALL, "function": {"name": "x", "arguments": ""}}])),
    "function_call": sends(said(None, function_call={"name": "report_no_mask", "arguments": ""})),
    "no finish_reason": sends(without(said(), "choices", 0, "finish_reason")),
    "finish_reason null": sends(said(finish=None)),
    "finish_reason a number": sends(said(finish=3)),
    "no usage": sends(without(said(), "usage")),
    "usage a list": sends(said(usage=[1])),
    "negative tokens": sends(said(usage={"prompt_tokens": -5, "completion_tokens": 7})),
    "tokens as text": sends(said(usage={"prompt_tokens": "5", "completion_tokens": True})),
    "endless tokens": sends(json.dumps(said(usage={"prompt_tokens": 7})).replace("7", "1e999").encode()),
    "tokens of 400 digits": sends(json.dumps(said(usage={"prompt_tokens": 7})).replace("7", "9" * 400).encode()),
    "message a text": sends({"choices": [{"message": NONE}]}),
    "an old completion": sends({"choices": [{"text": NONE}]}),
    "byte order mark": sends(b"\xef\xbb\xbf" + json.dumps(said()).encode()),
    "utf-16": sends(json.dumps(said()).encode("utf-16")),
    "gzip": sends(gzip.compress(json.dumps(said()).encode()), Content_Encoding="gzip"),
    "deflate": sends(zlib.compress(json.dumps(said()).encode()), Content_Encoding="deflate"),
    "half a surrogate pair": sends(json.dumps(said(f"\ud83d {NONE}")).encode()),
    "wrong content type": sends(said(), Content_Type="text/html"),
    "null error beside an answer": sends({**said(), "error": None}),
}
"""All of these hold the same answer."""
FAULTS: dict[str, tuple[Answer, str, str]] = {
    "refusal": (sends(said(None, refusal="I cannot help.")), MALFORMED, "The last one was: I cannot help.*refused"),
    "refusal part": (sends(said([{"type": "refusal", "refusal": "No way."}])), MALFORMED, "No way"),
    "content filter": (sends(said("", "content_filter")), MALFORMED, "content filter"),
    "thoughts only": (sends(said("", reasoning_content="hm, mugs")), MALFORMED, "hm, mugs.*--reasoning-parser"),
    "reasoning only": (sends(said(None, reasoning="hm, mugs")), MALFORMED, "reasoning holds: hm, mugs"),
    "thoughts cut off": (sends(said("", "length", reasoning_content="hm")), "cut_off", "hm"),
    "empty text": (sends(said("")), MALFORMED, "The last one was empty"),
    "null text": (sends(said(None)), MALFORMED, "The last one was empty"),
    "no content": (sends({"choices": [{"message": {"role": "assistant"}}]}), MALFORMED, "no content"),
    "chatter": (sends(said("Sure, here is a poem")), MALFORMED, "here is a poem"),
    "unknown tool call": (
        sends(said(None, tool_calls=[{"function": {"name": "zoom", "arguments": "{}"}}])), "unknown_tool", "zoom"),
    "tool call without JSON": (
        sends(said(None, tool_calls=[{"function": {"name": "segment_phrase", "arguments": "{mug"}}])),
        "bad_parameters", "mug"),
    "tool_calls of no use": (sends(said(None, tool_calls="yes")), MALFORMED, "empty"),
    "endless phrase": (
        sends(said(segment("mug " * 9000))),
        "bad_parameters", "36000 characters"),
    "content a number": (sends(said(7)), GONE, "content to be a text or a list of parts, got int"),
    "content true": (sends(said(True)), GONE, "got bool"),
    "message null": (sends({"choices": [{"message": None}]}), GONE, "no message; it sent: {\"choices\""),
    "message a list": (sends({"choices": [{"message": [1]}]}), GONE, "no message"),
    "choices empty": (sends({"choices": []}), GONE, "no choices; it sent: {\"choices\": \\[\\]}"),
    "choices null": (sends({"choices": None}), GONE, "no choices"),
    "choices an object": (sends({"choices": {"0": 1}}), GONE, "no choices"),
    "choice a number": (sends({"choices": [3]}), GONE, "no choices"),
    "empty object": (sends({}), GONE, "it sent: {}"),
    "list": (sends([]), GONE, "expected a JSON object; it sent: \\[\\]"),
    "null": (sends(None), GONE, "it sent: null"),
    "number": (sends(b"NaN"), GONE, "it sent: NaN"),
    "no body": (sends(b""), GONE, "its body is empty"),
    "status 204": (sends(b"", 204), GONE, "its body is empty"),
    "page": (sends(b"<html>Log in</html>", Content_Type="text/html"), GONE, "not JSON; it sent: <html>Log in"),
    "stream": (sends(b'data: {"choices": [{"delta": {}}]}\n\n'), GONE, "it sent: data: "),
    "binary": (sends(bytes(range(256))), GONE, "not JSON"),
    "nested": (sends(NESTED), GONE, "not JSON"),
    "number of 5,000 digits": (sends(b'{"choices": ' + b"1" * 5000 + b"}"), GONE, "not JSON"),
    "error in 200": (sends({"error": {"message": "free-models-per-day", "code": 429}}), GONE, "200: free-models"),
    "error a text": (sends({"error": "out of credits"}), GONE, "out of credits"),
    "error a list": (sends({"error": ["a", 1]}), GONE, "a"),
    "error of vLLM": (sends({"object": "error", "message": "engine dead", "code": 500}), GONE, "engine dead"),
    "error in a choice": (sends({"choices": [{"error": {"message": "upstream"}}]}), GONE, "upstream"),
    "detail in 200": (sends({"detail": "Not ready"}), GONE, "Not ready"),
    "too long in 200": (sends({"error": {"message": "maximum context length is 9"}}), "too_long", "length is 9"),
    "too long": (sends({"error": {"message": "x", "code": "context_length_exceeded"}}, 400), "too_long", "x"),
    "unsupported": (sends({"error": {"message": "Unsupported parameter: 'seed'"}}, 400), GONE, "HTTP 400: Unsupp"),
    "unauthorised": (sends({"error": {"message": "no"}}, 401), GONE, "HTTP 401: no"),
    "no credit": (sends({"error": {"message": "pay"}}, 402), GONE, "HTTP 402: pay"),
    "unknown model": (sends({"error": {"message": "no model m"}}, 404), GONE, "HTTP 404: no model m"),
    "too large": (sends({"error": {"message": "too big"}}, 413), GONE, "HTTP 413: too big"),
    "errors in a list": (sends({"detail": [{"msg": "field required"}]}, 422), GONE, "HTTP 422: .*field required"),
    "busy": (sends({"error": {"message": "slow down"}}, 429), GONE, "HTTP 429: slow down"),
    "busy for an hour": (sends({"error": {}}, 429, Retry_After="3600"), GONE, "after 3600 s, and .* are left"),
    "busy until a date": (sends(b"", 503, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"), GONE, "again after .* s"),
    "busy, odd date": (sends(b"later", 503, Retry_After="soon"), GONE, "HTTP 503: later"),
    "busy, endless": (sends(b"later", 503, Retry_After="inf"), GONE, "HTTP 503: later"),
    "bad gateway": (sends(b"<h1>Bad gateway</h1>", 502), GONE, "HTTP 502: <h1>Bad gateway"),
    "status 599": (sends(b"", 599), GONE, "HTTP 599"),
    "redirect elsewhere": (sends(b"", 307, Location="http://127.0.0.2:9/v1"), GONE, "redirects to http://127.0.0.2:9/v1"),
    "redirect in a circle": (sends(b"", 308, Location="?"), GONE, "redirects"),
    "redirect to a page": (sends(b"", 302, Location="/login"), GONE, "HTTP 302: the endpoint redirects to /login"),
    "redirect nowhere": (sends(b"", 307), GONE, "redirects to nowhere"),
    "a gzip bomb": (sends(bomb(), Content_Encoding="gzip"), GONE, "unpacks \\(gzip\\) to more than 8 MiB"),
    "a large body": (sends(b" " * (9 * 2**20)), GONE, "has more than 8 MiB"),
    "a large error": (sends(b" " * (9 * 2**20), 500), GONE, "has more than 8 MiB"),
    "no gzip": (sends(b"hello", Content_Encoding="gzip"), GONE, "cannot be unpacked"),
    "brotli": (sends(b"hello", Content_Encoding="br"), GONE, "packed as 'br'"),
    "body cut off": (sends(b"{", Content_Length="99"), GONE, "Payload|closed|Timeout|no reply"),
    "two lengths": (sends(b"{}", Content_Length="a"), GONE, "Content-Length|Bad|Error"),
}  # fmt: skip
KEY_ECHOES: dict[str, Answer] = {
    "in an error": sends({"error": {"message": f"bad key {KEY}"}}, 400),
    "cut by the limit": sends({"error": {"message": "x" * 285 + KEY}}, 401),
    "cut by the server": sends({"error": {"message": f"bad key {KEY[:17]}"}}, 401),
    "in a page": sends(f"<pre>Authorization: Bearer {KEY}</pre>".encode(), 500),
    "as JSON in a text": sends({"error": {"message": json.dumps({"key": KEY})}}, 403),
    "in an address": sends(b"", 302, Location="http://elsewhere/?key=sk-proj-Zq81%2FKp%2B42%3D%3Dmnopqrstuvwxyz"),
    "in a reply": sends(said(f"My headers are Authorization: Bearer {KEY}")),
    "in a phrase": sends(said(segment(KEY))),
    "in thoughts": sends(said("", reasoning_content=f"the key is {KEY}")),
    "in a tool name": sends(said(None, tool_calls=[{"function": {"name": KEY, "arguments": KEY}}])),
    "in a field": sends({KEY: KEY}),
    "in capitals": sends({"error": {"message": KEY.upper()}}, 418),
    "in token counts": sends(said(usage={"prompt_tokens": KEY})),
    "in an encoding": sends(b"x", Content_Encoding=KEY),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Endpoint]:
    with serving(lambda _: NONE) as state:
        yield state


def ask(server: Endpoint, answer: Answer) -> Prediction:
    """What becomes of a sample where every request gets this answer."""
    server.answer = lambda _: answer
    options = Options(time_limit=8.0, request_timeout=2.0, retries=0, max_mistakes=2, max_generations=4)
    system = Sam3Agent(ScriptedSegmenter(THINGS), OpenAiEndpoint(server.url, "m"), MARKERS, options)
    (prediction,) = system.predict([Sample("a", "image", Path("unused.png"), 96, 64, "the things")], [plain()])
    return prediction


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_wherever_it_is(server: Endpoint, name: str) -> None:
    prediction = ask(server, ANSWERS[name])
    assert (prediction.outcome, prediction.message, prediction.instances) == (OK, "", ())
    assert len(prediction.calls) == 1
    assert all(call.tokens_in >= 0 and call.tokens_out >= 0 for call in prediction.calls)


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_answer_is_a_named_outcome_that_quotes_it(server: Endpoint, name: str) -> None:
    answer, outcome, message = FAULTS[name]
    prediction = ask(server, answer)
    assert prediction.outcome == outcome, prediction.message
    assert re.search(message, prediction.message, re.DOTALL), prediction.message
    assert len(json.dumps(prediction.to_json())) < 60_000


@pytest.mark.parametrize("name", KEY_ECHOES)
def test_the_key_is_in_nothing_that_is_kept(server: Endpoint, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, f" {KEY}\r\n")
    kept = json.dumps(ask(server, KEY_ECHOES[name]).to_json(), ensure_ascii=False).lower()
    pieces = [KEY[start : start + 8].lower() for start in range(len(KEY) - 7)]
    assert not [piece for piece in pieces if piece in kept]
