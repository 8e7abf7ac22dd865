"""The agent's text protocol: read a tool call or a verdict out of whatever a model writes. Nothing here raises.

The reading is that of the public code of the SAM 3 agent (facebookresearch/sam3, `sam3/agent/agent_core.py`): the reply
ends at the first `</tool>`, the call is the JSON after the last `<tool>` before it, one extra brace at its end is
repaired. What that code answers with an exception is a `Mistake` here, in words that the model can be told.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

ToolName = Literal["segment_phrase", "examine_each_mask", "select_masks_and_return", "report_no_mask"]
TOOLS: tuple[ToolName, ...] = get_args(ToolName)
CLOSE = "</tool>"
PHRASE_LIMIT = 500
"""Characters of a phrase; a segmenter reads far fewer."""
_OPEN = "<tool>"


@dataclass(frozen=True)
class ToolCall:
    """A call that can be carried out; `phrase` belongs to segment_phrase, `masks` (1-based, unique, ascending) to
    select_masks_and_return."""

    name: ToolName
    phrase: str = ""
    masks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mistake:
    """What was wrong with a reply: a key of `workbench.data.vocabulary.OUTCOMES`, and a sentence for the model."""

    kind: str
    problem: str


def parse(reply: str, shown: int, *, checks: bool = True) -> ToolCall | Mistake:
    """Read the tool call of a reply. `shown`: masks 1 to `shown` can be selected (0: there are none). `checks`: whether
    masks may be checked.
    """
    text = cut(reply).split(_OPEN)[-1].strip().replace("}}}", "}}")
    try:
        call = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        return Mistake("malformed_call", f"Between {_OPEN} and {CLOSE} stood no readable JSON{reason}.")
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return Mistake("malformed_call", 'The call must be one JSON object with the keys "name" and "parameters".')
    name = call["name"]
    if name not in TOOLS:
        return Mistake("unknown_tool", f"There is no tool {short(name)}; the tools are {', '.join(TOOLS)}.")
    if name == "examine_each_mask" and not checks:
        return Mistake("unknown_tool", "examine_each_mask cannot be used here: judge the masks from their picture.")
    if name == "segment_phrase":
        return _segment(call.get("parameters"))
    if name == "report_no_mask":
        return ToolCall("report_no_mask")
    if not shown:
        return Mistake("wrong_order", f"{name} needs masks, and there are none now: call segment_phrase first.")
    if name == "examine_each_mask":
        return ToolCall("examine_each_mask")
    return _select(call.get("parameters"), shown)


def _segment(parameters: Any) -> ToolCall | Mistake:
    if not isinstance(parameters, dict) or list(parameters) != ["text_prompt"]:
        return Mistake("bad_parameters", 'segment_phrase takes exactly {"text_prompt": a noun phrase}.')
    phrase = parameters["text_prompt"]
    if not isinstance(phrase, str) or not phrase.strip() or not _encodable(phrase):
        return Mistake("bad_parameters", f"text_prompt must be a noun phrase, got {short(phrase)}.")
    if len(phrase) > PHRASE_LIMIT:
        problem = f"text_prompt must be a short noun phrase, got one of {len(phrase)} characters: {short(phrase)}."
        return Mistake("bad_parameters", problem)
    return ToolCall("segment_phrase", phrase=phrase)


def _select(parameters: Any, shown: int) -> ToolCall | Mistake:
    if not isinstance(parameters, dict) or list(parameters) != ["final_answer_masks"]:
        return Mistake("bad_parameters", 'select_masks_and_return takes exactly {"final_answer_masks": [numbers]}.')
    numbers = parameters["final_answer_masks"]
    if not isinstance(numbers, list) or not all(type(n) is int for n in numbers):
        return Mistake("bad_parameters", f"final_answer_masks must be a list of whole numbers, got {short(numbers)}.")
    if not numbers:
        return Mistake("bad_parameters", "final_answer_masks is empty: if no mask fits, call report_no_mask.")
    outside = [n for n in numbers if not 1 <= n <= shown]
    if outside:
        return Mistake("bad_parameters", f"The masks are numbered 1 to {shown}; there is no {short(outside)}.")
    return ToolCall("select_masks_and_return", masks=tuple(sorted(set(numbers))))


def parse_verdict(reply: str) -> bool | Mistake:
    """Whether a mask check accepts the mask: the word accept or reject in the last `<verdict>`, or in the whole reply
    if it has none. Accept and Reject are looked for as in the SAM 3 agent, also inside longer words; if neither is
    there, in any case.
    """
    verdict = reply.split("<verdict>")[-1].split("</verdict>")[0]
    official = {word for word in ("Accept", "Reject") if word in verdict}
    if len(official) == 1:
        return official == {"Accept"}
    words = {word.lower() for word in re.findall(r"\b(accept|reject)(?:s|ed)?\b", verdict, re.IGNORECASE)}
    if len(words) == 1:
        return words == {"accept"}
    found = "both words" if words else "neither word"
    return Mistake("unreadable_verdict", f"Expected Accept or Reject inside <verdict>, found {found}.")


def cut(reply: str) -> str:
    """The part of a reply that counts: all before the first `</tool>`."""
    return reply.split(CLOSE, 1)[0]


def normalised(phrase: str) -> str:
    """A phrase in lower case with single spaces. Two phrases that are then equal are duplicates."""
    return " ".join(phrase.lower().split())


def short(value: object, limit: int = 60) -> str:
    """A value quoted as JSON and cut to `limit` characters, for messages."""
    try:
        text = json.dumps(value)
    except RecursionError:
        text = "a deeply nested value"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _encodable(text: str) -> bool:
    # JSON escapes can spell half of a surrogate pair, which no tokenizer and no file takes
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
