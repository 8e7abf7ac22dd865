import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.options import TINY, Options
from agents.prompts.texts import load
from agents.systems import Sam3Agent, sam3_agent_tiny
from tests.agents import tiny_qwen
from tests.agents.endpoint import serving
from tests.agents.scripted import EXAMINE, MARKERS, THINGS, ScriptedModel, ScriptedSegmenter, plain, segment, select
from workbench.data.errors import ConfigurationError
from workbench.data.predictions import OK, Prediction
from workbench.data.samples import Sample
from workbench.data.vocabulary import OUTCOMES
from workbench.foundations.checkpoints import digest
from workbench.foundations.sam3.segmenter import TINY as SAM3

SEGMENTER = """
from tests.agents.scripted import THINGS, ScriptedSegmenter

def toy():
    return ScriptedSegmenter(THINGS)
"""


def sample(name: str = "s1") -> Sample:
    return Sample(name, "image", Path("unused.png"), 96, 64, "the boxes")


def agent(script: list[Any], **options: Any) -> Sam3Agent:
    return Sam3Agent(ScriptedSegmenter(THINGS), ScriptedModel(script), MARKERS, Options(**options))


def test_a_prediction_holds_instances_phrases_trace_and_latency() -> None:
    (prediction,) = agent([segment("thing"), select(2)]).predict([sample()], [plain()])
    assert prediction.outcome == OK and prediction.sample_id == "s1"
    assert [i.score for i in prediction.instances] == [0.8]
    assert prediction.phrases == ("thing",)
    assert {c.dropped for c in prediction.candidates} == {"unselected"}
    assert prediction.latency is not None
    assert prediction.latency >= sum(c.duration for c in prediction.calls) > 0
    assert Prediction.from_json(json.loads(json.dumps(prediction.to_json()))) == prediction


def test_a_selected_mask_below_the_threshold_is_a_candidate() -> None:
    (prediction,) = agent([segment("thing"), select(1, 2)], threshold=0.85).predict([sample()], [plain()])
    assert [i.score for i in prediction.instances] == [0.9]
    assert [(c.score, c.dropped) for c in prediction.candidates if c.dropped == "low_score"] == [(0.8, "low_score")]
    system = agent([], threshold=0.85)
    assert (system.conditions().threshold, system.conditions().threshold_option) == (0.85, "threshold")
    assert system.identity() != agent([]).identity()
    assert "threshold" not in agent([]).identity()["options"], "as before there was this option"


def test_a_failure_is_an_outcome_without_instances() -> None:
    (prediction,) = agent([segment("thing"), EXAMINE]).predict([sample()], [plain()])
    assert prediction.outcome == "model_unavailable" and prediction.message
    assert prediction.instances == ()


def test_several_samples_are_answered_in_order_and_not_timed() -> None:
    system = agent([])
    system.model.complete = ScriptedModel([segment("box"), select(1)] * 3).complete  # type: ignore[method-assign]
    names = ["a", "b", "c"]
    predictions = system.predict([sample(n) for n in names], [plain()] * 3)
    assert [p.sample_id for p in predictions] == names
    assert all(p.outcome == OK and len(p.instances) == 1 and p.latency is None for p in predictions)


def test_all_that_decides_an_answer_is_in_the_identity() -> None:
    base = agent([]).identity()
    json.dumps(base)
    assert agent([], overlap=0.4).identity() != base
    assert agent([], describe_masks=True).identity() != base
    other = Sam3Agent(ScriptedSegmenter(THINGS), ScriptedModel([]), replace(MARKERS, none_left="no"), Options())
    assert other.identity() != base


@pytest.mark.parametrize(
    "options", [{"max_mistakes": 0}, {"max_generations": -1}, {"time_limit": 0}, {"max_tokens": 0}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a (whole )?number"):
        agent([], **options)


def test_importing_the_module_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'langgraph', 'aiohttp', 'scipy'}"
    code = f"import sys, agents.systems; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tiny_agent_runs_with_any_segmenter_and_checkpoint_by_name(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    install("toys", {"segmenters": {"toy": "toy_segmenter:toy"}}, {"toy_segmenter": SEGMENTER})
    system = sam3_agent_tiny(
        replace(TINY, segmenter="toy", checkpoint=str(tiny_qwen.build(tmp_path / "lm")), max_tokens=12)
    )
    (prediction,) = system.predict([sample()], [plain()])
    assert prediction.outcome in OUTCOMES and prediction.outcome not in (OK, "crashed")  # random weights say nothing
    assert all(call.tokens_in > 4 for call in prediction.calls)
    identity = system.identity()
    assert identity["prompts"] == {"version": "tiny-v1", "digest": load("tiny-v1").digest()}
    assert identity["language_model"]["checkpoint"] == "lm"


def test_a_slow_reply_holds_up_no_other_sample() -> None:
    held = threading.Event()

    def reply(request: Any) -> str:
        if "slow" in str(request):
            held.wait(60)
        return '<tool>{"name":"report_no_mask"}</tool>'

    with serving(reply) as server:
        model = OpenAiEndpoint(server.url, "m", concurrency=2)
        system = Sam3Agent(ScriptedSegmenter({}), model, MARKERS, Options())
        assert system.at_once == 2
        slow = system.start(replace(sample("s0"), instruction="the slow things"), plain())
        others = [system.start(sample(f"s{n}"), plain()).result(60) for n in range(1, 5)]
        assert [one.sample_id for one in others] == ["s1", "s2", "s3", "s4"] and not slow.done()
        held.set()
        assert slow.result(60).outcome == OK
        given_up = system.start(replace(sample("s5"), instruction="the slow things"), plain())
        given_up.cancel()
        assert system.start(sample("s6"), plain()).result(60).outcome == OK


def test_an_endpoint_needs_a_model_name(install: Callable[..., Path]) -> None:
    install("toys", {"segmenters": {"toy": "toy_segmenter:toy"}}, {"toy_segmenter": SEGMENTER})
    with pytest.raises(ConfigurationError, match="name of a model"):
        sam3_agent_tiny(replace(TINY, segmenter="toy", endpoint="http://127.0.0.1:9/v1"))
    system = sam3_agent_tiny(replace(TINY, segmenter="toy", endpoint="http://127.0.0.1:9/v1", model="m"))
    assert system.batch_size > 1
    assert system.identity()["language_model"]["model"] == "m"


def test_the_segmenter_takes_the_weights_and_threshold_that_are_given(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    copytree(SAM3, folder)
    given = replace(TINY, endpoint="http://127.0.0.1:9/v1", model="m", segmenter_checkpoint=str(folder))
    identity = sam3_agent_tiny(replace(given, segmenter_threshold=0.6, segmenter_device="cpu")).identity()
    assert (identity["segmenter"]["segmenter"], identity["segmenter"]["threshold"]) == ("other", 0.6)
    assert identity["segmenter"]["digest"] == digest(SAM3)
    with pytest.raises(ConfigurationError, match="only a hub name has revisions"):
        sam3_agent_tiny(replace(given, segmenter_revision="main"))


def test_a_segmenter_refuses_an_option_that_it_does_not_have(install: Callable[..., Path]) -> None:
    install("toys", {"segmenters": {"toy": "toy_segmenter:toy"}}, {"toy_segmenter": SEGMENTER})
    with pytest.raises(ConfigurationError, match=r"toy.*threshold"):
        sam3_agent_tiny(replace(TINY, segmenter="toy", segmenter_threshold=0.5))


def test_a_limit_of_pictures_is_part_of_the_identity() -> None:
    assert "max_side" not in agent([]).identity()["options"], "as before there was this option"
    assert agent([], max_side=512).identity()["options"]["max_side"] == 512
