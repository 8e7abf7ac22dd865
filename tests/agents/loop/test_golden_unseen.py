"""The agent on scenarios that the traces of the official loop do not hold: made of ours, by other names and words."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents.loop.test_golden import repeats
from tests.agents.official_cases import OURS, Case

pytestmark = pytest.mark.golden


def scenario(name: str, changes: dict[str, str]) -> dict[str, Any]:
    """One of our scenarios with other words in its script."""
    text = (OURS / f"{name}.json").read_text()
    golden: dict[str, Any] = json.loads(text)
    replies = {old: old for old in golden["llm_script"] if old is not None}
    for old in replies:
        for a, b in changes.items():
            replies[old] = replies[old].replace(a, b)
    golden["llm_script"] = [reply if reply is None else replies[reply] for reply in golden["llm_script"]]
    for event in golden["events"]:
        if event["type"] == "llm_request" and event["reply"] is not None:
            event["reply"] = replies[event["reply"]]
    return golden


# What the official loop does with these follows from its code as SAM3_AGENT.md describes it; each is a scenario of ours
# with one thing changed that does not change, or in a known way changes, what it does.
UNSEEN = {
    "other thoughts": ("05_examine_some", {"thinking.": 'Zwei Häuser 😀 {"a": 1}'}),
    "the selection's order": ("05_examine_some", {"[3, 1]": "[1, 3]"}),
    "a number twice": ("05_examine_some", {"[3, 1]": "[3, 1, 3]"}),
    "a longer verdict": ("05_examine_some", {"<verdict>Accept": "<verdict>Acceptable, not reject"}),
    "two verdicts": ("05_examine_some", {"<verdict>Accept": "<verdict>Reject</verdict> no: <verdict>Accept"}),
    "text after the call": ("01_segment_select_subset", {"</tool>": "</tool> and <tool>{}</tool>"}),
    "no closing tag": ("14_many_rounds_pruning", {"</tool>": ""}),
    "a call over several lines": ("01_segment_select_subset", {"<tool>": "<tool>\n\n  ", "</tool>": "\n</tool>"}),
}
TOLD = {
    "old numbers after a check": ("05_examine_some", {"[3, 1]": "[5, 1]"}),
    "a string among numbers": ("01_segment_select_subset", {'masks": [': 'masks": ["2", '}),
    "true for a number": ("01_segment_select_subset", {'masks": [': 'masks": [true, '}),
}


@pytest.mark.parametrize(("name", "changes"), UNSEEN.values(), ids=UNSEEN)
def test_scenarios_of_other_words_are_repeated(name: str, changes: dict[str, str]) -> None:
    golden = scenario(name, changes)
    assert golden["llm_script"] != json.loads((OURS / f"{name}.json").read_text())["llm_script"]
    case = Case(golden, OURS / "fixtures")
    assert not case.told_back()
    repeats(case)


@pytest.mark.parametrize(("name", "changes"), TOLD.values(), ids=TOLD)
def test_selections_that_are_an_answer_officially_alone_are_told_back(name: str, changes: dict[str, str]) -> None:
    case = Case(scenario(name, changes), OURS / "fixtures")
    assert case.told_back()
    repeats(case)


def test_a_phrase_in_other_letters_is_a_duplicate() -> None:
    case = Case(scenario("03_duplicate_phrase", {}), OURS / "fixtures")
    assert case.other_road() is None
    phrases = case.official_phrases()
    first, again = case.golden["llm_script"][0], phrases[0].upper()
    case = Case(case.golden | {"llm_script": [first, first.replace(phrases[0], f" {again}"), None]}, OURS / "fixtures")
    assert case.segmenter.phrases == phrases[:1]
    assert any(part.startswith(f"duplicate_phrase| {again}|") for part in case.ours()[2][-1] if isinstance(part, str))


DEADLY = {
    "a check after a duplicate": ["segment", "segment", "examine"],
    "four braces": ["brace"],
    "an unknown tool later": ["segment", "unknown"],
    "a reply that is cut off": ["segment", "cut"],
    "single quotes": ["quotes"],
    "nothing": [""],
    "no name": ["nameless"],
    "a phrase that is no text": ["number"],
    "lower case and both words": ["segment", "examine", "<verdict>accept or Reject, Accept</verdict>"],
    "no reply in the middle of checks": ["segment", "examine", "<verdict>Accept</verdict>", None],
    "a megabyte": ["x" * 1_000_000],
    "deep nesting": ["<tool>" + "[" * 100_000],
}
REPLIES = {
    "segment": '<tool>{"name": "segment_phrase", "parameters": {"text_prompt": "rectangle"}}</tool>',
    "examine": '<tool>{"name": "examine_each_mask"}</tool>',
    "brace": '<tool>{"name": "segment_phrase", "parameters": {"text_prompt": "rectangle"}}}}</tool>',
    "unknown": '<tool>{"name": "zoom", "parameters": {}}</tool>',
    "cut": '<think>so</think><tool>{"name": "select_masks_and_re',
    "quotes": "<tool>{'name': 'segment_phrase', 'parameters': {'text_prompt': 'rectangle'}}</tool>",
    "nameless": '<tool>{"parameters": {"text_prompt": "rectangle"}}</tool>',
    "number": '<tool>{"name": "segment_phrase", "parameters": {"text_prompt": 7}}</tool>',
}


@pytest.mark.parametrize("script", DEADLY.values(), ids=DEADLY)
def test_what_the_official_loop_dies_of_ends_by_name_or_goes_on(script: list[str | None]) -> None:
    golden = scenario("01_segment_select_subset", {})
    golden["llm_script"] = [reply and REPLIES.get(reply, reply) for reply in script]
    case = Case(golden, OURS / "fixtures")
    ending = case.final["ending"]
    assert ending is not None and ending.outcome == "model_unavailable"  # the end of the script, reached
    assert len(case.ours()) >= len(script) + (script[-1] is not None)


@pytest.mark.slow
def test_a_folder_of_a_few_scenarios_by_other_names_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "fixtures").symlink_to(OURS / "fixtures")
    for number, name in enumerate(["05_examine_some", "07c_select_empty_list", "03c_duplicate_hides_masks"]):
        (folder / f"{number}_new.json").write_text(json.dumps(scenario(name, {}) | {"scenario": f"{number}_new"}))
    command = [sys.executable, "-m", "pytest", "-q", "-m", "golden", str(Path(__file__).with_name("test_golden.py"))]
    environment = {**os.environ, "WORKBENCH_GOLDENS": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
