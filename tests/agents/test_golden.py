"""The agent against traces of the official loop (facebookresearch/sam3): same requests, segmenter calls and answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from agents import canvas, graph
from agents.language_model import Message, Picture
from agents.options import Options
from agents.workspace import Workspace
from tests.agents.scripted import MARKERS, ScriptedModel, ScriptedSegmenter
from tests.golden_cases import golden_cases
from workbench.masks import Rle
from workbench.predictions import OUTCOMES

pytestmark = pytest.mark.golden

CASES = golden_cases("agent", "*.json")

# Deliberate differences where the official loop returns, with the outcome of ours when the script goes no further;
# docs/agent.md explains each.
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
    "14d_think_mentions_segment_phrase": {4},
}


class Case:
    """One scenario, and what our graph makes of it."""

    def __init__(self, path: Path) -> None:
        self.golden: dict[str, Any] = json.loads(path.read_text())
        fixtures = path.parent / "fixtures"
        with Pillow.open(fixtures / Path(self.golden["image"]).name) as file:
            self.image = np.asarray(file.convert("RGB"))
        raw = json.loads((fixtures / "segmenter.json").read_text())["phrases"]
        answers = {phrase: [(m["rle"], m["score"]) for m in masks] for phrase, masks in raw.items()}
        self.model = ScriptedModel(self.golden["llm_script"])
        self.segmenter = ScriptedSegmenter(answers)
        options = Options(max_generations=self.golden["max_generations"])
        self.workspace = Workspace(self.image, self.golden["query"], self.model, self.segmenter, MARKERS, options)
        self.final = graph.run(self.workspace)

    @property
    def name(self) -> str:
        return str(self.golden["scenario"])

    def official(self) -> list[list[list[Any]]]:
        """Every official request as lists of parts: marker texts, and images as bytes of what ours would draw."""
        requests = []
        shown: list[Rle] = []
        accepted = False
        for event in self.golden["events"]:
            if event["type"] == "segment_call":
                after = event["after_postprocess"] or {"pred_masks": []}
                size = list(self.image.shape[:2])
                shown = [{"size": size, "counts": counts} for counts in after["pred_masks"]]
                continue
            if event["context"] == "check_mask":
                accepted = True
            elif accepted:
                kept = [p["masks"] for m in event["messages"] for p in m["parts"] if p.get("kind") == "accepted_masks"]
                shown = [shown[number - 1] for number in (kept[0] if kept else [])]
                accepted = False
            requests.append([[self._part(p, shown) for p in m["parts"]] for m in event["messages"]])
        return requests

    def _part(self, part: dict[str, Any], shown: list[Rle]) -> Any:
        if part["type"] == "text":
            return self._text(part)
        match part["kind"]:
            case "raw":
                return self.image.tobytes()
            case "all_masks" | "accepted_masks":
                return canvas.all_masks(self.image, shown).tobytes()
            case "single_mask":
                return canvas.single_mask(self.image, shown[part["mask"] - 1]).tobytes()
        return canvas.zoom_pair(self.image, shown[part["mask"] - 1]).tobytes()

    def _text(self, part: dict[str, Any]) -> str:
        kind, query = part["text_kind"], self.golden["query"]
        used = ", ".join(f'"{phrase}"' for phrase in part.get("used_phrases", []))
        match kind:
            case "assistant_reply":
                reply = self.golden["llm_script"][part["reply_of"]]
                return str(reply.split("</tool>")[0] + ("</tool>" if "</tool>" in reply else ""))
            case "initial_query" | "examined_all_rejected" | "label_query":
                return f"{kind}|{query}"
            case "initial_query_with_used_phrases":
                return f"{kind}|{query}|{used}"
            case "masks_rendered" | "examined_masks_left":
                return f"{kind}|{query}|{part['num_masks']}"
            case "zero_masks":
                return f"{kind}|{query}|{part['phrase']}"
            case "duplicate_phrase":
                return f"{kind}|{part['phrase']}|{used}"
        return str(kind)

    def ours(self) -> list[list[list[Any]]]:
        """Our requests in the same form; texts that were joined are taken apart again."""
        return [[_parts(message) for message in request] for request in self.model.requests]

    def official_phrases(self) -> list[str]:
        return [e["phrase"] for e in self.golden["events"] if e["type"] == "segment_call" and e["after_postprocess"]]

    def answer(self) -> list[tuple[str, float]]:
        found = [self.workspace.found[index] for index in self.final["selected"]]
        return [(f.mask["counts"], f.score) for f in found]

    def official_answer(self) -> list[tuple[str, float]]:
        final = self.golden["outcome"]["final_outputs"]
        return list(zip(final["pred_masks"], final["pred_scores"], strict=True))


def _parts(message: Message) -> list[Any]:
    parts: list[Any] = []
    for part in message.parts:
        if isinstance(part, Picture):
            parts.append(part.pixels.tobytes())
        elif message.role == "assistant":
            parts.append(part)
        else:
            parts += part.split("\n")
    return parts


def _named(*names: str, outcome: str | None = None) -> list[Any]:
    cases = [p for p in CASES if (p.stem in names if names else True)]
    if outcome:
        cases = [p for p in cases if json.loads(p.read_text())["outcome"]["status"] == outcome]
    return [pytest.param(path, id=path.stem) for path in cases]


SAME = [p for p in _named(outcome="returned") if p.id not in {*TOLD_BACK, *OTHER_CONTEXT}]


def test_scenarios_are_there() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("path", SAME)
def test_a_run_that_returns_is_repeated_request_by_request(path: Path) -> None:
    case = Case(path)
    assert case.ours() == case.official()
    assert case.segmenter.phrases == case.official_phrases()
    assert case.final["ending"] is None
    assert case.answer() == case.official_answer()


@pytest.mark.parametrize("path", _named(outcome="returned"))
def test_masks_are_shown_as_officially_postprocessed(path: Path) -> None:
    case = Case(path)
    calls = [e["after_postprocess"] for e in case.golden["events"] if e["type"] == "segment_call"]
    official = [pair for after in calls for pair in zip(after["pred_masks"], after["pred_scores"], strict=True)]
    assert [(found.mask["counts"], found.score) for found in case.workspace.found] == official


@pytest.mark.parametrize("path", _named(outcome="raised"))
def test_a_run_that_dies_officially_ends_with_an_answer_or_a_named_outcome(path: Path) -> None:
    case = Case(path)
    ending = case.final["ending"]
    assert ending is None or (ending.outcome in OUTCOMES and ending.message)
    official = case.official() if case.name != "24_exif_rotated" else []
    assert case.ours()[: len(official)] == official


@pytest.mark.parametrize("path", _named(*TOLD_BACK))
def test_a_selection_that_is_no_answer_is_told_back(path: Path) -> None:
    case = Case(path)
    official = case.official()
    assert case.ours()[: len(official)] == official
    (told,) = case.ours()[-1][-1]
    assert told.startswith(f"mistake|{TOLD_BACK[case.name].replace('_', ' ')}|")
    assert case.final["ending"] is not None
    assert case.final["ending"].outcome == "model_unavailable"


@pytest.mark.parametrize("path", _named(*OTHER_CONTEXT))
def test_what_the_official_context_loses_is_kept(path: Path) -> None:
    case = Case(path)
    ours, official = case.ours(), case.official()
    assert len(ours) == len(official)
    assert {i for i, request in enumerate(ours) if request != official[i]} == OTHER_CONTEXT[case.name]
    assert case.final["ending"] is None
    assert case.answer() == case.official_answer()


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
    case = Case(path)
    assert case.final["ending"] is not None
    assert case.final["ending"].outcome == ENDINGS[case.name]


@pytest.mark.parametrize("path", _named("14c_examine_three_times", "24_exif_rotated"))
def test_runs_that_only_the_official_loop_cannot_finish(path: Path) -> None:
    case = Case(path)
    assert case.final["ending"] is None
    assert len(case.answer()) == 1


def test_the_duplicate_message_keeps_the_masks_in_view() -> None:
    (path,) = golden_cases("agent", "03c_duplicate_hides_masks.json")
    case = Case(path)
    last = case.model.requests[-1][-1]
    assert isinstance(last.parts[0], str) and last.parts[0].endswith("|shown 2")
    assert isinstance(last.parts[1], Picture)
    shown = [found.mask for found in case.workspace.found]
    assert np.array_equal(last.parts[1].pixels, canvas.all_masks(case.image, shown))
