"""What has room in a cluster, by our own account; the nodes are written here, Ray itself is in `test_ray_team.py`."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from workbench.data.errors import ConfigurationError
from workbench.workers import ray_cluster
from workbench.workers.answers import Options
from workbench.workers.ray_cluster import Node, RayCluster, Room
from workbench.workers.wanted import Needs, Workers

Made = Callable[..., RayCluster]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A cluster of these nodes, without a connection."""

    def make(nodes: list[Node], mode: str = "throughput", **needs: Needs) -> RayCluster:
        cluster = object.__new__(RayCluster)
        monkeypatch.setattr(RayCluster, "nodes", lambda _: nodes)
        options: Any = {"mode": mode}
        cluster.setup(Workers(4, "auto", needs), Options(**options))
        return cluster

    return make


def node(name: str, cpu: float, gpu: float = 0.0) -> Node:
    return Node(name, f"host-{name}", cpu, gpu, 64.0)


def test_a_worker_takes_a_processor_and_a_gpu_where_there_are_any(made: Made) -> None:
    assert made([node("a", 4)]).needs("s") == Needs(1, 0)
    assert made([node("a", 4), node("b", 4, 2)]).needs("s") == Needs(1, 1)
    assert made([node("a", 4, 1)], s=Needs(2, 0.25)).needs("s") == Needs(2, 0.25)


def test_places_are_counted_on_each_machine(made: Made) -> None:
    cluster = made([node("a", 3), node("b", 2)], s=Needs(cpu=2))
    assert len(cluster.rooms("s")) == 2
    cluster.take("worker", Room(Needs(cpu=2), "a"))
    assert len(cluster.rooms("s")) == 1
    assert len(cluster.rooms("s", taken=False)) == 2
    cluster.take("another", Room(Needs(cpu=2)))
    assert cluster.rooms("s") == [], "one whose machine is not known yet takes the first place that it fits in"
    cluster.placed("another", "b")
    cluster.leave("worker")
    assert len(cluster.rooms("s")) == 1


def test_halves_of_a_gpu_are_shared(made: Made) -> None:
    cluster = made([node("a", 8, 2)], s=Needs(cpu=1, gpu=0.5))
    assert len(cluster.rooms("s")) == 4


@pytest.mark.parametrize(
    ("nodes", "rooms"),
    [
        ([node("a", 8)], [(8, 0, "a")]),
        ([node("a", 8), node("b", 2)], [(8, 0, "a"), (2, 0, "b")]),
        ([node("a", 8, 2)], [(1, 1, "a"), (1, 1, "a")]),
    ],
)
def test_latency_has_one_place_for_each_device(made: Made, nodes: list[Node], rooms: list[Any]) -> None:
    cluster = made(nodes, "latency", shared=Needs(gpu=0.5))
    found = cluster.rooms("shared" if nodes[0].gpu else "s")
    assert [(room.needs.cpu, room.needs.gpu, room.node) for room in found] == rooms


def test_what_is_missing_is_named(made: Made) -> None:
    cluster = made([node("a", 4, 1), node("b", 8)], s=Needs(cpu=2, gpu=2, memory=100))
    assert not cluster.possible("s")
    assert cluster.missing("s") == (
        "a worker takes cpu=2, gpu=2, memory=100; of 2 machines none has gpu=2 (of 1), memory=100 (of 64)"
    )
    apart = made([node("a", 2, 1), node("b", 8)], s=Needs(cpu=4, gpu=1))
    assert apart.missing("s") == "a worker takes cpu=4, gpu=1; of 2 machines none has all of it on one machine"
    assert "one machine have no further place" not in made([node("a", 1)]).missing("s")
    assert made([node("a", 1)]).missing("s") == "a worker takes cpu=1, and one machine has no further place for it"


def test_a_token_of_its_own_protects_a_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    ray_cluster._settings()
    assert os.environ["RAY_AUTH_MODE"] == "token" and len(os.environ["RAY_AUTH_TOKEN"]) == 64
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    ray_cluster._settings()
    assert "RAY_AUTH_TOKEN" not in os.environ, "what the user has decided stays"


@pytest.mark.parametrize("address", ["somewhere", "ray://host:1", "host:port"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match=f"no Ray cluster can be reached at {address}"):
        RayCluster(Workers(1, address), Options())
