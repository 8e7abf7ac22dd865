import json
import random

import pytest

from agents.loop import tools
from agents.loop.tools import Mistake, ToolCall, parse, parse_verdict

SEGMENT = '{"name": "segment_phrase", "parameters": {"text_prompt": "red mug"}}'


def select(numbers: object) -> str:
    call = {"name": "select_masks_and_return", "parameters": {"final_answer_masks": numbers}}
    return f"<tool>{json.dumps(call)}</tool>"


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>hm</think><tool>{SEGMENT}</tool>",
        f"Sure.<tool>{SEGMENT}</tool> and <tool>not this</tool>",
        f"<think>I use <tool> now</think><tool>{SEGMENT}</tool>",
        f"<tool>{SEGMENT}}}</tool>",
        f"<tool>\n {SEGMENT} \n",
        SEGMENT,
    ],
    ids=["plain", "text around", "tag in thinking", "extra brace", "not closed", "no tag"],
)
def test_a_phrase_is_read_from(reply: str) -> None:
    assert parse(reply, 0) == ToolCall("segment_phrase", phrase="red mug")


def test_selected_numbers_are_unique_and_ascending() -> None:
    assert parse(select([3, 1, 3]), 3) == ToolCall("select_masks_and_return", masks=(1, 3))


@pytest.mark.parametrize("name", ["examine_each_mask", "report_no_mask"])
def test_tools_without_parameters_need_no_parameters_key(name: str) -> None:
    assert parse(f'<tool>{{"name": "{name}"}}</tool>', 2) == ToolCall(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "kind", "word"),
    [
        ("I think there is nothing to do.", "malformed_call", "JSON"),
        ("", "malformed_call", "JSON"),
        (f"<tool>```json\n{SEGMENT}\n```</tool>", "malformed_call", "JSON"),
        (f"<think>ends with </tool></think><tool>{SEGMENT}</tool>", "malformed_call", "JSON"),
        (f"<tool>[{SEGMENT}]</tool>", "malformed_call", "object"),
        ('<tool>{"parameters": {}}</tool>', "malformed_call", "name"),
        ('<tool>{"name": ["x"], "parameters": {}}</tool>', "malformed_call", "name"),
        ("<tool>" + "[" * 100_000 + "</tool>", "malformed_call", "JSON"),
        ("<tool>" + "9" * 5000 + "</tool>", "malformed_call", "JSON"),
        ('<tool>{"name": "zoom_in", "parameters": {}}</tool>', "unknown_tool", "zoom_in"),
        ('<tool>{"name": "segment_phrase"}</tool>', "bad_parameters", "text_prompt"),
        ('<tool>{"name": "segment_phrase", "arguments": {"text_prompt": "x"}}</tool>', "bad_parameters", "text_prompt"),
        ('<tool>{"name": "segment_phrase", "parameters": {"text_prompt": 3}}</tool>', "bad_parameters", "3"),
        ('<tool>{"name": "segment_phrase", "parameters": {"text_prompt": " "}}</tool>', "bad_parameters", "noun"),
        ('<tool>{"name": "segment_phrase", "parameters": {"text_prompt": "\\ud800"}}</tool>', "bad_parameters", "noun"),
        (
            '<tool>{"name": "segment_phrase", "parameters": {"text_prompt": "a", "why": 1}}</tool>',
            "bad_parameters",
            "ex",
        ),
        (select([]), "bad_parameters", "report_no_mask"),
        (select([1, 4]), "bad_parameters", "[4]"),
        (select([0]), "bad_parameters", "1 to 3"),
        (select([1.0]), "bad_parameters", "1.0"),
        (select([True]), "bad_parameters", "true"),
        (select("12"), "bad_parameters", "12"),
        (select([[1]]), "bad_parameters", "[[1]]"),
        (select(2), "bad_parameters", "2"),
    ],
)
def test_a_reply_that_cannot_be_carried_out_is_named_and_explained(reply: str, kind: str, word: str) -> None:
    mistake = parse(reply, 3)
    assert isinstance(mistake, Mistake)
    assert mistake.kind == kind
    assert word in mistake.problem


@pytest.mark.parametrize("reply", [select([1]), '<tool>{"name": "examine_each_mask"}</tool>'])
def test_tools_that_need_masks_come_after_masks(reply: str) -> None:
    mistake = parse(reply, 0)
    assert isinstance(mistake, Mistake) and mistake.kind == "wrong_order"


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        ("<think>I would Reject it</think><verdict>Accept</verdict>", True),
        ("<verdict>Accept</verdict> no: <verdict>Reject</verdict>", False),
        ("<verdict> accept. </verdict>", True),
        ("I Accept this mask.", True),
        ("Rejected", False),
    ],
)
def test_the_last_verdict_counts(reply: str, accepted: bool) -> None:
    assert parse_verdict(reply) is accepted


@pytest.mark.parametrize("reply", ["", "<think>The mask covers", "I would not Reject it, so Accept.", "acceptable"])
def test_a_verdict_that_is_not_one_word_is_unreadable(reply: str) -> None:
    verdict = parse_verdict(reply)
    assert isinstance(verdict, Mistake) and verdict.kind == "unreadable_verdict"


def test_no_text_makes_the_parser_raise() -> None:
    rng = random.Random(0)
    pieces = [
        *["<tool>", "</tool>", "<think>", "</think>", "<verdict>", "Accept", "{", "}", "}}}", "[", "]", '"', ":", ","],
        *['"name"', '"parameters"', '"text_prompt"', '"final_answer_masks"', *(f'"{name}"' for name in tools.TOOLS)],
        *["1", "-3", "1e999", "NaN", "null", "true", "\\u0000", "\ud800", "é", "\n", " ", "0" * 50, SEGMENT],
    ]
    for _ in range(3000):
        reply = "".join(rng.choice(pieces) for _ in range(rng.randrange(30)))
        assert isinstance(parse(reply, rng.randrange(4)), ToolCall | Mistake)
        assert isinstance(parse_verdict(reply), bool | Mistake)


def test_phrases_that_differ_in_case_and_spaces_are_the_same() -> None:
    assert tools.normalised(" Red  MUG ") == tools.normalised("red mug") != tools.normalised("mug red")
