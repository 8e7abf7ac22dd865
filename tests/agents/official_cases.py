"""Traces of the official loop (facebookresearch/sam3), what our graph makes of the same script, and where the two are
meant to differ. The differences follow from what a scenario holds, so they are known for scenarios of any name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from agents.language_models.interface import Message, Picture
from agents.loop import graph
from agents.loop.workspace import Workspace
from agents.options import Options
from agents.pictures import marks as canvas
from tests.agents.scripted import MARKERS, ScriptedModel, ScriptedSegmenter
from tests.golden_cases import HERE
from workbench.data.masks import Rle

OURS = HERE / "agent"


def load(path: Path) -> "Case":
    """A scenario's file, with the images and segmenter answers beside it or, where there are none, ours."""
    fixtures = path.parent / "fixtures"
    return Case(json.loads(path.read_text()), fixtures if fixtures.is_dir() else OURS / "fixtures")


class Case:
    """One scenario, and what our graph makes of it."""

    def __init__(self, golden: dict[str, Any], fixtures: Path) -> None:
        self.golden = golden
        with Pillow.open(fixtures / Path(self.golden["image"]).name) as file:
            self.image = np.asarray(file.convert("RGB"))
        raw = json.loads((fixtures / "segmenter.json").read_text())["phrases"]
        self.answers = {phrase: [(m["rle"], m["score"]) for m in masks] for phrase, masks in raw.items()}
        self.model = ScriptedModel(self.golden["llm_script"])
        self.segmenter = ScriptedSegmenter(self.answers)
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
                return str(reply.split("</tool>")[0] + "</tool>")
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
        found = [self.workspace.masks[index] for index in self.final["selected"]]
        return [(f.mask["counts"], f.score) for f in found]

    def official_answer(self) -> list[tuple[str, float]]:
        final = self.golden["outcome"]["final_outputs"]
        return list(zip(final["pred_masks"], final["pred_scores"], strict=True))

    def replies(self) -> list[str]:
        """What the model says in the main conversation, in order."""
        requests = [e for e in self.golden["events"] if e["type"] == "llm_request"]
        return [event["reply"] for event in requests if event["context"] == "main" and event["reply"] is not None]

    def masks_shown(self) -> list[int]:
        """For each main request, how many masks can be selected."""
        counts, count = [], 0
        for event in self.golden["events"]:
            if event["type"] == "segment_call":
                count = len((event["after_postprocess"] or {"pred_masks": []})["pred_masks"])
            elif event["context"] == "main":
                for part in event["messages"][-1]["parts"]:
                    kind = part.get("text_kind")
                    count = 0 if kind in ("zero_masks", "examined_all_rejected") else part.get("num_masks", count)
                counts.append(count)
        return counts

    def told_back(self) -> bool:
        """Whether the script ends with a selection that is no answer, which the official loop takes for one."""
        call = _call(self.replies()[-1])
        if call.get("name") != "select_masks_and_return":
            return False
        numbers = call["parameters"]["final_answer_masks"]
        whole = isinstance(numbers, list) and all(type(n) is int for n in numbers)
        return not whole or not numbers or not all(1 <= n <= self.masks_shown()[-1] for n in numbers)

    def other_road(self) -> int | None:
        """The main request from which on ours goes another way: the one after a phrase that differs from a former one
        in case or spaces alone, or after one that the segmenter does not know."""
        used: list[str] = []
        for number, reply in enumerate(self.replies()):
            call = _call(reply)
            phrase = (call.get("parameters") or {}).get("text_prompt") if call.get("name") == "segment_phrase" else None
            if isinstance(phrase, str):
                plain = " ".join(phrase.lower().split())
                if phrase not in self.answers or (plain in [p.lower() for p in used] and phrase not in used):
                    return number + 1
                used.append(phrase)
        return None

    def other_context(self) -> set[int]:
        """Main requests in which ours keeps what the official context loses: the masks after a phrase that was used
        before, a call without tags, or all before a reply that only speaks of segment_phrase."""
        differing, lost = set(), False
        requests = [e for e in self.golden["events"] if e["type"] == "llm_request" and e["context"] == "main"]
        shown = self.masks_shown()
        for number, event in enumerate(requests):
            kinds = [part.get("text_kind") for message in event["messages"] for part in message["parts"]]
            if lost or ("duplicate_phrase" in kinds and shown[number]):
                differing.add(number)
            reply = (event["reply"] or "").split("</tool>")[0]
            segments = _call(event["reply"] or "").get("name") == "segment_phrase"
            if "segment_phrase" in reply:
                lost = "<tool>" not in reply or not segments
        return differing

    def main_requests(self) -> list[int]:
        """Where the main requests are among all of the official ones."""
        requests = [e for e in self.golden["events"] if e["type"] == "llm_request"]
        return [number for number, event in enumerate(requests) if event["context"] == "main"]


def _call(reply: str) -> dict[str, Any]:
    """The call of a reply as the official loop reads it; empty where it cannot."""
    try:
        call = json.loads(reply.split("</tool>")[0].split("<tool>")[-1].strip().replace("}}}", "}}"))
    except ValueError:
        return {}
    return call if isinstance(call, dict) else {}


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
