"""Workers of a real Ray cluster give what one process gives."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.workers.clusters import Nodes, driven
from tests.workbench.workers.compared import answers, ask, results, sessions
from tests.workbench.workers.sleepers import Sleeper, Streamer, Whole, refused
from workbench.data.errors import ConfigurationError
from workbench.scoring.finish import finish
from workbench.workers.wanted import Needs, Workers


def test_any_number_of_workers_gives_what_one_process_gives(tmp_path: Path, nodes: Nodes) -> None:
    systems = {"a": partial(Whole, 0.0, 2), "b": partial(Streamer, 0.01)}
    quarters = dict.fromkeys(systems, Needs(cpu=0.25))
    ask(tmp_path, tmp_path / "whole", systems)
    finish(tmp_path / "whole")

    def work() -> None:
        for count in (1, 2, 3):
            out, marks = tmp_path / str(count), tmp_path / f"marks{count}"
            marks.mkdir()
            all_at_work = {**systems, "a": partial(Whole, 0.0, 2, marks=str(marks), together=count)}
            ask(tmp_path, out, all_at_work, Workers(count, nodes.address, quarters))
            finish(out)

    driven(work)
    for count in (1, 2, 3):
        out = tmp_path / str(count)
        for name in systems:
            assert answers(out, name) == answers(tmp_path / "whole", name)
        assert results(out) == results(tmp_path / "whole")
        asked = [json.loads(line)["worker"] for line in (out / "toy/a/predictions.jsonl").open()]
        told = {one["worker"]: (one["node"], one["device"]) for one in sessions(out, "a")}
        assert set(asked) == set(told) and all(node and device for node, device in told.values())
        assert len(told) == count


def test_latency_is_that_of_one_worker_a_device_inside_the_worker(tmp_path: Path, nodes: Nodes) -> None:
    systems = {name: partial(Sleeper, 0.05) for name in "ab"}
    said = driven(partial(ask, tmp_path, tmp_path / "out", systems, Workers(2, nodes.address), "latency", samples=4))
    for name in systems:
        records = [json.loads(line) for line in (tmp_path / f"out/toy/{name}/predictions.jsonl").open()]
        assert all(0.05 <= one["latency"] < 5 for one in records)
        assert len({one["worker"] for one in records}) == 1
    assert "one worker a device is timed: 1 of 2" in said


@pytest.mark.parametrize(
    ("system", "needs", "message"),
    [
        (partial(Sleeper, 0.3, own=True), {}, "became another one when it was made again on .*: process was"),
        (refused, {}, "its checkpoint is missing"),
        (
            Sleeper,
            {"a": Needs(gpu=1)},
            "a has no place: a worker takes cpu=1, gpu=1; of one machine none has gpu=1",
        ),
    ],
)
def test_what_cannot_be_made_alike_stops_before_any_answer(
    tmp_path: Path, nodes: Nodes, system: Any, needs: Mapping[str, Needs], message: str
) -> None:
    def work() -> None:
        with pytest.raises(ConfigurationError, match=message):
            ask(tmp_path, tmp_path / "out", {"a": system}, Workers(2, nodes.address, needs), samples=40)

    driven(work)


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    def work() -> None:
        with pytest.raises(ConfigurationError, match=r"no Ray cluster can be reached at 127\.0\.0\.1:1"):
            ask(tmp_path, tmp_path / "out", {"a": Sleeper}, Workers(1, "127.0.0.1:1"))

    driven(work)
