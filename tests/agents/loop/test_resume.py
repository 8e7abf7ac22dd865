"""A run that is killed goes on inside a sample: nothing that was answered is asked again."""

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.loop.resume import thread_of
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.endpoint import images, serving, until
from tests.agents.loop.test_faults import sensible
from tests.agents.scripted import MARKERS, THINGS, ScriptedModel, ScriptedSegmenter, plain, segment, select
from workbench.comparison.runner import run
from workbench.data.predictions import OK
from workbench.data.samples import Sample
from workbench.plugins.interfaces import KeepsSteps, Resumable, Streaming

PROCESS = """
import json, sys
from pathlib import Path
from agents.language_models.openai_endpoint import OpenAiEndpoint
from agents.options import Options
from agents.systems import Sam3Agent
from tests.agents.scripted import MARKERS, THINGS, ScriptedSegmenter, plain
from workbench.data.samples import Sample

url, folder = sys.argv[1:]
system = Sam3Agent(ScriptedSegmenter(THINGS), OpenAiEndpoint(url, "m"), MARKERS, Options())
system.resume_in(Path(folder))
sample = Sample("s", "image", Path("unused.png"), 96, 64, "the things")
print(json.dumps(system.predict([sample], [plain()])[0].to_json()))
"""


def start(url: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROCESS, url, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def written(folder: Path, channel: str) -> int:
    """How often a channel of the graph's state has been written to disk."""
    try:
        with sqlite3.connect(f"file:{folder / 'unfinished.sqlite'}?mode=ro", uri=True) as database:
            query = "select count(*) from writes where channel = ?"
            return int(database.execute(query, [channel]).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.slow
def test_a_killed_process_goes_on_with_the_one_check_that_was_not_answered(tmp_path: Path) -> None:
    with serving(sensible) as server:
        checks: list[Any] = []

        def second_check_is_never_answered(request: Any) -> Any:
            if images(request) == 3:
                checks.append(request)
            return "silent" if images(request) == 3 and len(checks) == 2 else ""

        server.fault = second_check_is_never_answered
        first = start(server.url, tmp_path)
        until(lambda: written(tmp_path, "verdicts") >= 3)  # the empty start, and two checks
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = len(server.requests)
        assert before == 5  # segment, examine, three checks
        server.fault = lambda _: ""
        output, _ = start(server.url, tmp_path).communicate(timeout=300)
        assert [images(request) for request in server.requests[before:]] == [3, 2]
        assert server.requests[before] == checks[1]
    answer = json.loads(output)
    assert answer["outcome"] == OK and [i["score"] for i in answer["instances"]] == [0.9]
    assert answer["resumed"] and answer["latency"] is None
    requests = [call for call in answer["calls"] if call["kind"] == "llm" and "reply" in call["note"]]
    assert [call["note"]["request"] for call in requests].count("check_mask") == 3
    assert [call["note"].get("tool") for call in requests if call["note"]["request"] == "main"] == [
        "segment_phrase",
        "examine_each_mask",
        "select_masks_and_return",
    ]


def agent(script: list[str]) -> Sam3Agent:
    return Sam3Agent(ScriptedSegmenter(THINGS), ScriptedModel(script), MARKERS, Options())


def sample(name: str = "s", text: str = "the things") -> Sample:
    return Sample(name, "image", Path("unused.png"), 96, 64, text)


def test_an_answer_that_may_not_be_stored_yet_is_given_again_without_a_request(tmp_path: Path) -> None:
    first = agent([segment("thing"), select(2)])
    first.resume_in(tmp_path)
    (answered,) = first.predict([sample()], [plain()])
    again = agent([])
    again.resume_in(tmp_path)
    (repeated,) = again.predict([sample()], [plain()])
    assert repeated.instances == answered.instances and repeated.resumed and not answered.resumed
    assert [c.kind for c in repeated.calls] == [c.kind for c in answered.calls]
    assert repeated.candidates == answered.candidates


def test_steps_are_forgotten_once_the_next_sample_is_asked_for(tmp_path: Path) -> None:
    system = agent([segment("thing"), select(2), segment("box"), select(1)])
    system.resume_in(tmp_path)
    system.predict([sample("a")], [plain()])
    system.predict([sample("b")], [plain()])
    with sqlite3.connect(tmp_path / "unfinished.sqlite") as database:
        threads = {row[0] for row in database.execute("select distinct thread_id from checkpoints")}
    assert threads == {thread_of("b", "the things", plain())}


def test_of_samples_side_by_side_steps_are_kept_until_the_answer_is_stored(tmp_path: Path) -> None:
    def kept() -> set[str]:
        with sqlite3.connect(tmp_path / "unfinished.sqlite") as database:
            return {row[0] for row in database.execute("select distinct thread_id from checkpoints")}

    system = agent([segment("thing"), select(2), segment("box"), select(1)])
    assert isinstance(system, KeepsSteps) and isinstance(system, Streaming)
    system.resume_in(tmp_path)
    for name in ("a", "b"):
        assert system.start(sample(name), plain()).result(30).outcome == OK
    threads = {name: thread_of(name, "the things", plain()) for name in ("a", "b")}
    assert kept() == set(threads.values())
    system.stored(["a"])
    until(lambda: kept() == {threads["b"]}, 30)


def test_another_image_or_instruction_is_another_sample() -> None:
    names = {
        thread_of("a", "x", plain()),
        thread_of("b", "x", plain()),
        thread_of("a", "y", plain()),
        thread_of("a", "x", plain() + 1),
        thread_of("a", "x", plain((96, 64))),
    }
    assert len(names) == 5


def test_the_runner_keeps_the_steps_in_the_folder_of_the_system(tmp_path: Path) -> None:
    from tests.workbench.toys import Rectangles

    system = agent([segment("box"), select(1)] * 5)
    assert isinstance(system, Resumable)
    run({"agent": lambda: system}, lambda: Rectangles(tmp_path / "data", 2), tmp_path / "run")
    assert (tmp_path / "run" / "toy" / "agent" / "unfinished.sqlite").exists()


@pytest.mark.parametrize("content", [b"garbage" * 2000, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_steps_that_cannot_be_read_are_set_aside_and_taken_again(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unfinished.sqlite").write_bytes(content)
    system = agent([segment("box"), select(1)])
    system.resume_in(tmp_path)
    (answered,) = system.predict([sample()], [plain()])
    assert answered.outcome == OK and not answered.resumed
    assert (tmp_path / "unfinished.sqlite.damaged").read_bytes() == content
    assert "samples that were begun are begun anew" in capsys.readouterr().err
