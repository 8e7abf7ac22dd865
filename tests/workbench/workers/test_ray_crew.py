"""What becomes of samples whose workers are killed, hang or lose their machine, on a real Ray cluster."""

import threading
from functools import partial
from pathlib import Path

import pytest

from tests.workbench.workers.clusters import Nodes, driven
from tests.workbench.workers.compared import answers, ask, outcomes, sessions
from tests.workbench.workers.sleepers import Sleeper, Streamer, Whole
from workbench.workers import ray_seats
from workbench.workers.ray_cluster import RayCluster
from workbench.workers.wanted import Needs, Workers


def test_a_killed_worker_is_replaced_and_its_samples_are_asked_elsewhere(tmp_path: Path, nodes: Nodes) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    ask(tmp_path, tmp_path / "one", {"a": partial(Whole, 0.0, 4)})
    system = partial(Whole, 0.02, 4, griefs="s5=killed once,s9=killed once", marks=str(marks))
    said = driven(partial(ask, tmp_path, tmp_path / "out", {"a": system}, Workers(1, nodes.address)))
    assert answers(tmp_path / "out", "a") == answers(tmp_path / "one", "a")
    assert said.count("is gone: its process ended") == 2
    assert "4 samples of it are asked again elsewhere" in said
    assert len(sessions(tmp_path / "out", "a")) == 3


@pytest.mark.parametrize("kind", [Sleeper, Streamer])
def test_a_sample_that_takes_two_workers_down_has_crashed_and_the_others_go_on(
    tmp_path: Path, nodes: Nodes, kind: type[Sleeper]
) -> None:
    system = partial(kind, 0.01, 2, griefs="s3=killed")
    said = driven(partial(ask, tmp_path, tmp_path / "out", {"a": system}, Workers(2, nodes.address), samples=8))
    assert outcomes(tmp_path / "out") == {"ok": 7, "crashed": 1}, said
    (crashed,) = [one for one in answers(tmp_path / "out", "a") if one["outcome"] == "crashed"]
    assert crashed["sample_id"] == "s3"
    assert "workers down with it: its process ended" in crashed["message"]


def test_a_worker_that_is_out_of_memory_is_replaced_and_a_sample_that_takes_all_has_crashed(
    tmp_path: Path, nodes: Nodes
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    ask(tmp_path, tmp_path / "one", {"a": partial(Whole, 0.0, 4)})
    leaking = {
        "a": partial(Whole, 0.0, 4, griefs="s5=leaks once", marks=str(marks)),
        "b": partial(Streamer, 0.0, griefs="s5=leaks"),
    }
    said = driven(partial(ask, tmp_path, tmp_path / "out", leaking, Workers(1, nodes.address)))
    assert answers(tmp_path / "out", "a") == answers(tmp_path / "one", "a"), said
    assert "4 samples of it are asked again elsewhere" in said
    assert outcomes(tmp_path / "out", "b") == {"ok": 11, "crashed": 1}, said
    (crashed,) = [one for one in answers(tmp_path / "out", "b") if one["outcome"] == "crashed"]
    assert crashed["sample_id"] == "s5"
    assert "workers down with it: out of memory (MemoryError" in crashed["message"]


def test_a_worker_that_hangs_past_the_time_limit_is_replaced(tmp_path: Path, nodes: Nodes) -> None:
    def work() -> None:
        ray_seats.GRACE = 1.0
        system = partial(Sleeper, 0.0, 1, griefs="s2=hangs,s4=idles")
        ask(tmp_path, tmp_path / "out", {"a": system}, Workers(2, nodes.address), samples=6, time_limit=1.0)

    said = driven(work)
    assert outcomes(tmp_path / "out") == {"ok": 4, "timed_out": 2}
    assert said.count("did not come back after the time limit, and was replaced") == 1, "the other was interrupted"


def test_what_has_no_place_any_more_is_said_and_goes_on_when_there_is_one(tmp_path: Path, nodes: Nodes) -> None:
    """The only machine with three processors is lost, and another one comes."""
    ask(tmp_path, tmp_path / "one", {"a": partial(Sleeper, 0.0, 2)}, samples=20)
    nodes.add(3)
    out = tmp_path / "out"

    def work() -> None:
        missing, said = RayCluster.missing, threading.Event()

        def telling(cluster: RayCluster, system: str) -> str:
            said.set()
            return missing(cluster, system)

        def lose() -> None:
            stored = out / "toy/a/predictions.jsonl"
            while not stored.exists() or not stored.read_bytes():
                said.wait(0.01)
            nodes.lose()
            said.wait()
            nodes.add(3)

        RayCluster.missing = telling  # type: ignore[method-assign]
        threading.Thread(target=lose, daemon=True).start()
        needs = {"a": Needs(cpu=3)}
        ask(tmp_path, out, {"a": partial(Sleeper, 0.05, 2)}, Workers(1, nodes.address, needs), samples=20)

    try:
        said = driven(work)
    finally:
        nodes.lose()
    assert answers(out, "a") == answers(tmp_path / "one", "a")
    assert "0 of 1 worker: a worker takes cpu=3; of one machine none has cpu=3 (of 2)" in said
