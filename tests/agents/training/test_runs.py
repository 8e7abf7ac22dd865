"""The agent's language model learns from a stored run: its masks, what it said rightly, and corrections of the rest."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench
from agents.language_models.qwen_chat import QwenChat
from agents.loop import tools
from agents.prompts.texts import load
from agents.training.episodes import Episodes, collect, open_stream
from agents.training.noisy import NoisyTruth, Remembering
from agents.training.runs import check_runs_apart, open_run, remembered
from agents.training.teacher import Taught
from agents.training.told import of_question
from agents.training.train import train
from tests.agents.training.taught import config
from workbench.data.errors import ConfigurationError
from workbench.data.masks import encode
from workbench.data.predictions import Call, Candidate, Instance, Note, Prediction
from workbench.data.samples import Sample
from workbench.foundations.training.data.questions import Picture
from workbench.foundations.training.data.sources import Ask
from workbench.plugins.interfaces import PhraseMasks
from workbench.tabletop.grammar import instructions
from workbench.tabletop.scenes import Scene, make_scene

SEGMENT = '<tool>{{"name": "segment_phrase", "parameters": {{"text_prompt": "{}"}}}}</tool>'
SELECT = '<tool>{{"name": "select_masks_and_return", "parameters": {{"final_answer_masks": [{}]}}}}</tool>'
CHECK = '<tool>{"name": "examine_each_mask", "parameters": {}}</tool>'


def scene_and_sample() -> tuple[Scene, Sample]:
    rng = np.random.default_rng(2)
    scene = make_scene(rng)
    asked = next(one for one in instructions(scene, rng, 8) if len(one.targets) == 1)
    height, width = scene.image.shape[:2]
    targets = tuple(encode(scene.objects[i].mask) for i in asked.targets)
    return scene, Sample("s", "i", Path("i.png"), width, height, asked.text, targets, phrase=asked.phrase)


def answered(scene: Scene, sample: Sample, *replies: str) -> Prediction:
    """An answer of the agent: `thing` found all objects, `bad` another one than the target."""
    masks = [encode(thing.mask) for thing in scene.objects]
    right = masks.index(sample.targets[0])
    wrong = next(mask for mask in masks if mask not in sample.targets)
    said = [Call("llm", 0.0, note=Note(request="main", reply=reply)) for reply in replies]
    ran = [Call("segment", 0.0, note=Note(phrase=phrase, masks=1)) for phrase in ("bad", "Thing")]
    dropped = [Candidate(wrong, 0.9, "replaced", "bad")]
    dropped += [Candidate(m, 0.5, "unselected", "Thing") for n, m in enumerate(masks) if n != right]
    return Prediction("s", (Instance(masks[right], 0.8),), calls=(*said, *ran), candidates=tuple(dropped))


def learned(scene: Scene, sample: Sample, *replies: str) -> list[Taught]:
    question = remembered(sample, answered(scene, sample, *replies))
    told = replace(of_question(Picture(scene.image, [question]), question), said=question.said)
    segmenter = Remembering(question.found, NoisyTruth(scene, np.random.default_rng(0), noise=0))
    return collect(told, np.random.default_rng(0), segmenter, load("tiny-v1"))


def calls(taught: list[Taught]) -> list[Any]:
    return [tools.parse(turn.reply, 99) for turn in taught if "<verdict>" not in turn.reply]


def test_masks_and_the_best_phrase_of_an_answer_are_remembered() -> None:
    scene, sample = scene_and_sample()
    question = remembered(sample, answered(scene, sample, "one", "two"))
    assert question.phrase == "thing" and question.said == ("one", "two")
    assert {phrase: len(found.masks) for phrase, found in question.found.items()} == {
        "bad": 1, "thing": len(scene.objects)
    }  # fmt: skip
    assert question.found["thing"].masks[0] == sample.targets[0]
    assert question.found["thing"].scores == sorted(question.found["thing"].scores, reverse=True)
    nothing = remembered(sample, Prediction("s"))
    assert nothing.phrase == sample.phrase and not nothing.found and not nothing.said


def test_what_the_model_said_rightly_is_learned_as_one_conversation() -> None:
    scene, sample = scene_and_sample()
    taught = learned(scene, sample, SEGMENT.format("thing"), SELECT.format(1))
    first, *_, last = calls(taught)
    assert first == tools.ToolCall("segment_phrase", phrase="thing")
    assert last.name == "select_masks_and_return"


def test_a_wrong_phrase_is_corrected_and_leads_on() -> None:
    scene, sample = scene_and_sample()
    taught = learned(scene, sample, SEGMENT.format("bad"), SELECT.format(1))
    first, second, *_, last = calls(taught)
    assert first == second == tools.ToolCall("segment_phrase", phrase="thing")
    assert any(isinstance(part, str) and '"bad"' in part for m in taught[1].messages for part in m.parts)
    assert last.name == "select_masks_and_return"


@pytest.mark.parametrize("wrong", [SELECT.format(2), '<tool>{"name": "report_no_mask", "parameters": {}}</tool>'])
def test_a_wrong_end_is_corrected_and_not_sent(wrong: str) -> None:
    scene, sample = scene_and_sample()
    last = calls(learned(scene, sample, SEGMENT.format("thing"), wrong))[-1]
    assert last.name == "select_masks_and_return" and len(last.masks) == 1


def test_a_needless_check_and_an_unreadable_reply_are_followed() -> None:
    scene, sample = scene_and_sample()
    taught = learned(scene, sample, "I do not know.", SEGMENT.format("thing"), CHECK)
    verdicts = [turn.reply for turn in taught if "<verdict>" in turn.reply]
    assert len(verdicts) == len(scene.objects) and sum("Accept" in one for one in verdicts) == 1
    assert calls(taught)[0] == calls(taught)[1] == tools.ToolCall("segment_phrase", phrase="thing")
    assert calls(taught)[-1].masks == (1,)


def test_other_phrases_than_the_runs_are_asked_of_the_segmenter() -> None:
    scene, _ = scene_and_sample()
    stored = PhraseMasks([], [])
    segmenter = Remembering({"red mug": stored}, NoisyTruth(scene, np.random.default_rng(0), noise=0))
    features = segmenter.encode(scene.image)
    mine, other = segmenter.segment(features, ["Red  mug", "object"])
    assert mine is stored and len(other.masks) == len(scene.objects)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the tiny agent on four instructions."""
    out = tmp_path_factory.mktemp("stored") / "run"
    workbench.compare(["sam3-agent-tiny"], "tabletop", out, limit=4, tracking_uri="none")
    return out


@pytest.mark.slow
def test_a_run_of_the_agent_is_learned_from(stored: Path, folder: Path, tmp_path: Path) -> None:
    source = open_run(0, {"from_run": str(stored), "weight": 2}, 20)
    assert source.system == "sam3-agent-tiny" and source.options.weight == 2
    picture = source.picture(0, np.random.default_rng(0), Ask(2, first=True))
    assert all(question.said and question.found for question in picture.questions)  # type: ignore[attr-defined]
    settings = config(
        folder, scenes=1, instructions=2, steps=2, rate=0.01, image_size=32, precision="float32", validation=1,
        data=[{"from_run": str(stored)}], tracking_uri="none", slip=0.0,
    )  # fmt: skip
    train(settings, tmp_path / "out")
    assert [json.loads(line)["step"] for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()][-1] == 2
    stream = open_stream(settings, tmp_path)
    one, other = (Episodes(settings, QwenChat(folder), stream).batch(1) for _ in range(2))
    assert (one.ids == other.ids).all() and one.report is not None and one.report.sources == ["run run"]
    with pytest.raises(ConfigurationError, match="is a run of the same benchmark"):
        check_runs_apart([source], [source.run.manifest.benchmark.identity])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"from_run": "no/such/folder"}, "no run folder"),
        ({"system": "other"}, r"data\[3\]\.system: .* has sam3-agent-tiny, got 'other'"),
        ({"weight": 0}, r"data\[3\]\.weight: expected a number above 0, got 0"),
        ({"benchmark": "coco"}, r"data\[3\]: expected from_run, system, weight, name"),
    ],
)
def test_a_wrong_entry_is_named(stored: Path, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_run(3, {"from_run": str(stored), **entry}, 20)
