"""Reads chat completions from OpenAI-compatible servers. Servers put the answer in different places, and a proxy in
front of them may send anything. A body that holds no answer is an error that quotes it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agents.language_models.interface import ModelUnavailableError, PassingError, PromptTooLongError, Reply
from workbench.data.secrets import hide

TEXT_LIMIT = 200_000
"""Characters of a reply that are read."""
QUOTE_LIMIT = 300
"""Characters of what a server sent that a message shows."""
TOKENS_LIMIT = 10**9
_ANSWERS = ("<tool>", "<verdict>")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_TEXT_PARTS = ("text", "output_text")
_LENGTHS = ("length", "max_tokens", "model_length")
_BUSY = (408, 409, 425, 429)
_FOR_GOOD = ("invalid_api_key", "model_not_found", "insufficient_quota", "unsupported", "permission", "authentication")
_TOO_LONG = ("context length", "max_model_len", "context_length_exceeded", "maximum context", "context window")


def read(body: bytes, model: str) -> Reply:
    """The reply in the body of an answer with status 200.

    Raises `PassingError`, `ModelUnavailableError` or `PromptTooLongError` for anything else.
    """
    try:
        body_json = json.loads(body)
    except (RecursionError, ValueError):
        raise _none(model, body, "it is not JSON") from None
    if not isinstance(body_json, dict):
        raise _none(model, body, "expected a JSON object")
    choices = body_json.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = next((box["error"] for box in (body_json, choice) if isinstance(box, dict) and box.get("error")), None)
    if error is None and choice is None and (body_json.get("object") == "error" or "detail" in body_json):
        error = body_json
    if error is not None:
        raise refusal(error, model, "the endpoint sent an error with status 200")
    if not isinstance(choice, dict):
        raise _none(model, body, "it has no choices")
    message = choice.get("message", choice.get("delta"))
    if isinstance(message, str) or (message is None and isinstance(choice.get("text"), str)):
        message = {"content": message or choice["text"]}
    if not isinstance(message, dict):
        raise _none(model, body, "its choice has no message")
    text, remarks = _text(message, body, model)
    return _reply(text, choice, body_json, remarks)


def refusal(error: object, model: str, how: str, status: int = 0) -> ModelUnavailableError | PromptTooLongError:
    """The exception for an error that a server reports. `how`: the way in which it was reported; `status`: the HTTP
    status, 0 for an error inside an answer.
    """
    fields: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    code = fields.get("code") if isinstance(fields.get("code"), str | int) else ""
    words = fields.get("message") or fields.get("detail") or fields
    reason = quoted(words if isinstance(words, str) else _json(words))
    numbers = [value for value in (code, fields.get("status")) if str(value).isdecimal() and len(str(value)) == 3]
    status = status or int(str(numbers[0]) if numbers else 0)
    text = f"{words} {code}".lower()
    if status in (0, 400, 413, 422) and any(sign in text for sign in _TOO_LONG):
        return PromptTooLongError(f"{model}: {how}: {reason}")
    passing = status in _BUSY or status >= 500 or (status == 0 and not any(sign in text for sign in _FOR_GOOD))
    return (PassingError if passing else ModelUnavailableError)(f"{model}: {how}: {reason}")


def quoted(text: str | bytes) -> str:
    """What a server sent, on one line and without keys, cut to `QUOTE_LIMIT` characters."""
    if isinstance(text, bytes):
        text = text[: 100 * QUOTE_LIMIT].decode(errors="replace")
    words = " ".join(hide(text.encode("utf-8", "replace").decode()).split())
    printable = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return printable if len(printable) <= QUOTE_LIMIT else printable[: QUOTE_LIMIT - 3] + "..."


def _none(model: str, body: bytes, problem: str) -> PassingError:
    came = f"it sent: {quoted(body)}" if body.strip() else "its body is empty"
    return PassingError(f"{model}: the endpoint sent no chat completion: {problem}; {came}")


def _text(message: Mapping[str, Any], body: bytes, model: str) -> tuple[str, list[str]]:
    """The text of the answer, wherever the server put it, and a remark where that place is unusual."""
    content = message.get("content")
    parts = [content] if isinstance(content, str | dict) else content
    if content is not None and not isinstance(parts, list):
        raise _none(model, body, f"expected content to be a text or a list of parts, got {type(content).__name__}")
    text = "\n".join(_texts(parts or [], _TEXT_PARTS))
    if text.strip():
        return text, []
    if (call := _tool_call(message)) is not None:
        return call, [
            "the answer came in tool_calls, not in the text: start the server without a parser of tool calls (vLLM: "
            "--enable-auto-tool-choice and --tool-call-parser)"
        ]
    if refused := message.get("refusal") or "\n".join(_texts(parts or [], ("refusal",))):
        return str(refused), [f"the model refused: {quoted(str(refused))}"]
    thoughts = {name: "\n".join(_texts([message.get(name)], (*_TEXT_PARTS, *_THOUGHTS))) for name in _THOUGHTS}
    thoughts["content of type thinking"] = "\n".join(_texts(parts or [], _THOUGHTS))
    for name, thought in thoughts.items():
        if thought.strip():
            advice = (
                f"the text is empty and {name} holds: {quoted(thought)}. Start the server without a parser of "
                "reasoning (vLLM: --reasoning-parser), or raise max_tokens"
            )
            if any(sign in thought for sign in _ANSWERS):
                return thought, [
                    f"the answer was read from {name}; a server's parser of reasoning (vLLM: "
                    "--reasoning-parser) puts it there"
                ]
            return "", [advice]
    return text, [] if "content" in message else [f"the message has no content: {quoted(_json(message))}"]


def _texts(parts: list[Any], kinds: tuple[str, ...]) -> Iterator[str]:
    """The texts of all parts of the given kinds. A part is a string, or an object with a type and a text. The text is
    under `text` or under the name of the type, and may be a list of parts again.
    """
    for part in parts:
        if isinstance(part, str) and "text" in kinds:
            yield part
        elif isinstance(part, dict) and part.get("type", "text") in kinds:
            inner = part.get("text", part.get(str(part.get("type"))))
            inner = inner.get("value") if isinstance(inner, dict) else inner
            yield from [inner] if isinstance(inner, str) else ()
            if isinstance(inner, list):
                yield from (
                    item["text"] for item in inner if isinstance(item, dict) and isinstance(item.get("text"), str)
                )
        elif isinstance(part, list) and "text" in kinds:
            yield from (item["text"] for item in part if isinstance(item, dict) and isinstance(item.get("text"), str))


def _tool_call(message: Mapping[str, Any]) -> str | None:
    """The first tool call that a server has taken out of the text, written back in the form that the agent's prompts
    ask for.
    """
    calls = message.get("tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    function = first.get("function", first) if isinstance(first, dict) else message.get("function_call")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (RecursionError, ValueError):
            arguments = arguments[:QUOTE_LIMIT]  # the agent says what is wrong with it
    call = {"name": function["name"], **({"parameters": arguments} if arguments else {})}
    return f"<tool>{_json(call)}</tool>"


def _reply(text: str, choice: Mapping[str, Any], completion: Mapping[str, Any], remarks: list[str]) -> Reply:
    if len(text) > TEXT_LIMIT:
        remarks = [*remarks, f"the reply has {len(text):,} characters; the first {TEXT_LIMIT:,} were read"]
    reason, given = choice.get("finish_reason"), completion.get("usage")
    usage = given if isinstance(given, dict) else {}
    if reason == "content_filter":
        remarks = [*remarks, "the server's content filter ended the reply"]
    counts = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
    for name, count in counts.items():
        if count is not None and _tokens(count) is None:
            remarks = [*remarks, f"the server's {name} is {quoted(_json(count))}, which is no number of tokens"]
    return Reply(
        text=hide(text[:TEXT_LIMIT]),
        finish_reason="length" if reason in _LENGTHS else "stop",
        tokens_in=_tokens(counts["prompt_tokens"]) or 0,
        tokens_out=_tokens(counts["completion_tokens"]) or 0,
        remark="; ".join(remarks),
    )


def _tokens(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= TOKENS_LIMIT:
        return None
    return int(value) if value == int(value) else None


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a deeply nested value"
