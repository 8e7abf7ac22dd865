"""The agent against traces of the official loop (facebookresearch/sam3): same requests, segmenter calls and answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.language_models.interface import Picture
from agents.pictures import marks as canvas
from tests.agents.official_cases import OURS, Case, load
from tests.golden_cases import golden_cases
from workbench.data.vocabulary import OUTCOMES

pytestmark = pytest.mark.golden

CASES = golden_cases("agent", "*.json")


def _named(*names: str, outcome: str | None = None) -> list[Any]:
    cases = [p for p in CASES if (p.stem in names if names else True)]
    if outcome:
        cases = [p for p in cases if json.loads(p.read_text())["outcome"]["status"] == outcome]
    return [pytest.param(path, id=path.stem) for path in cases]


def test_scenarios_are_there() -> None:
    assert CASES and len(list(OURS.glob("*.json"))) >= 50


@pytest.mark.parametrize("path", _named(outcome="returned"))
def test_a_run_that_returns_is_repeated_request_by_request(path: Path) -> None:
    repeats(load(path))


def repeats(case: Case) -> None:
    """Ours makes the official requests and gives the official answer, but for the deliberate differences."""
    _same_requests(case)
    ending, road = case.final["ending"], case.other_road()
    if road is not None:
        return
    assert case.segmenter.phrases == case.official_phrases()
    if case.told_back():
        (told,) = case.ours()[-1][-1]
        assert told.startswith(("mistake|bad parameters|", "mistake|wrong order|"))
        assert ending is not None and ending.outcome == "model_unavailable"  # the script goes no further
    else:
        assert len(case.ours()) == len(case.official())
        assert ending is None
        assert case.answer() == case.official_answer()


def _same_requests(case: Case) -> None:
    ours, official, main = case.ours(), case.official(), case.main_requests()
    road = case.other_road()
    if road is not None and road < len(main):
        official = official[: main[road]]
    other = {main[number] for number in case.other_context()}
    assert len(ours) >= len(official)
    for number, request in enumerate(official):
        assert (ours[number] != request) == (number in other), f"request {number}"


@pytest.mark.parametrize("path", _named(outcome="returned"))
def test_masks_are_shown_as_officially_postprocessed(path: Path) -> None:
    case = load(path)
    calls = [e["after_postprocess"] for e in case.golden["events"] if e["type"] == "segment_call"]
    official = [
        pair for after in calls if after for pair in zip(after["pred_masks"], after["pred_scores"], strict=True)
    ]
    found = [(found.mask["counts"], found.score) for found in case.workspace.masks]
    assert found == official if case.other_road() is None else found == official[: len(found)]


@pytest.mark.parametrize("path", _named(outcome="raised"))
def test_a_run_that_dies_officially_ends_with_an_answer_or_a_named_outcome(path: Path) -> None:
    survives(load(path))


def survives(case: Case) -> None:
    """Ours makes the official requests, as far as they went, and ends with an answer or a named outcome."""
    ending = case.final["ending"]
    assert ending is None or (ending.outcome in OUTCOMES and ending.message)
    if "exif" not in case.golden["image"]:
        _same_requests(case)


TOLD_BACK = {
    "07_select_out_of_range_repeats": "bad_parameters",
    "07c_select_empty_list": "bad_parameters",
    "07d_select_all_out_of_range": "bad_parameters",
    "07g_select_string": "bad_parameters",
    "17c_select_after_zero": "wrong_order",
    "18d_overlap_above": "bad_parameters",
}
OTHER_CONTEXT = {
    "03c_duplicate_hides_masks": {2},
    "14_many_rounds_pruning": {3},
    "13e_no_tool_tag": {1},
    "14d_think_mentions_segment_phrase": {2},
}


def test_the_deliberate_differences_are_those_that_the_docs_name() -> None:
    cases = [load(path) for path in sorted(OURS.glob("*.json"))]
    returned = [case for case in cases if case.golden["outcome"]["status"] == "returned"]
    assert {case.name for case in returned if case.told_back()} == set(TOLD_BACK)
    assert {case.name: case.other_context() for case in returned if case.other_context()} == OTHER_CONTEXT
    assert not [case.name for case in returned if case.other_road()]


@pytest.mark.parametrize("name", TOLD_BACK)
def test_a_selection_that_is_no_answer_is_told_back_by_its_name(name: str) -> None:
    (told,) = load(OURS / f"{name}.json").ours()[-1][-1]
    assert told.startswith(f"mistake|{TOLD_BACK[name].replace('_', ' ')}|")


ENDINGS = {
    "08_malformed_json": "model_unavailable",
    "11_llm_none_first": "model_unavailable",
    "11c_llm_none_in_check": "model_unavailable",
    "12_max_generations": "budget_spent",
    "12c_max_generations_zero": "budget_spent",
    "20_segmenter_fails": "segmenter_failed",
}


@pytest.mark.parametrize("path", _named(*ENDINGS))
def test_an_ending_without_an_answer_has_its_name(path: Path) -> None:
    case = load(path)
    assert case.final["ending"] is not None
    assert case.final["ending"].outcome == ENDINGS[case.name]


@pytest.mark.parametrize("path", _named("14c_examine_three_times", "24_exif_rotated"))
def test_runs_that_only_the_official_loop_cannot_finish(path: Path) -> None:
    case = load(path)
    assert case.final["ending"] is None
    assert len(case.answer()) == 1


def test_the_duplicate_message_keeps_the_masks_in_view() -> None:
    case = load(OURS / "03c_duplicate_hides_masks.json")
    last = case.model.requests[-1][-1]
    assert isinstance(last.parts[0], str) and last.parts[0].endswith("|shown 2")
    assert isinstance(last.parts[1], Picture)
    shown = [found.mask for found in case.workspace.masks]
    assert np.array_equal(last.parts[1].pixels, canvas.all_masks(case.image, shown))
