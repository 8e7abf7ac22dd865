"""A plugin that is not what its group asks for is named with its definition, when it loads or when it is made."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Install
from workbench.data.errors import ConfigurationError
from workbench.plugins import registry
from workbench.plugins.checks import checked_identity, made_problem

SYSTEM = """
class System:
    batch_size = 1
    def identity(self): return {}
    def predict(self, samples, images): return []
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def make(): pass", r"its function returned None; a system has `batch_size`, `identity\(\)` and `predict"),
        ("def make(): return 3", r"\(int\) has no `identity\(\)`"),
        (SYSTEM + "del System.identity\nmake = System", r"what it makes \(System\) has no `identity\(\)`"),
        (SYSTEM + "del System.batch_size\nmake = System", r"has no `batch_size`"),
        (
            SYSTEM + "System.batch_size = 0\nmake = System",
            "expected `batch_size` of what it makes to be a whole number",
        ),
        (SYSTEM + "System.batch_size = '4'\nmake = System", "expected `batch_size`"),
        (
            SYSTEM + "System.predict = lambda self, samples: []\nmake = System",
            r"`predict` of what it makes takes \(samples\), not \(samples, images\)",
        ),
        (SYSTEM + "def make(): return System", r"`identity` of what it makes takes \(self\), not \(\)"),
        ("def make(): raise RuntimeError('no GPU')", r"cannot be made: RuntimeError: no GPU \(acme_x.py, line 1\)"),
        ("import sys\ndef make(): sys.exit(3)", r"cannot be made: it ends the program \(3\)"),
    ],
)
def test_what_a_plugin_makes_is_checked(install: Install, source: str, message: str) -> None:
    install("acme", {"systems": {"acme": "acme_x:make"}}, {"acme_x": source})
    make = registry.prepare("systems", "acme")
    with pytest.raises(ConfigurationError, match=rf"^systems plugin 'acme' \(acme/acme_x:make\).*{message}"):
        make()


@pytest.mark.parametrize(
    ("group", "source", "message"),
    [
        ("systems", "def make(a, /): pass", "its argument 'a' cannot be given by name"),
        ("systems", "async def make(): pass", "it is a coroutine function"),
        ("metrics", "def make(): pass", "it is not made to be called with the joined samples"),
        ("metrics", "def make(a, b): pass", "it is not made to be called with the joined samples: missing"),
        ("reporters", "def make(run): pass", "it is not made to be called with a run and a path"),
        ("recipes", "def make(config): pass", "it is not made to be called with a configuration and a folder"),
        ("servers", "def make(): pass", "it is not made to be called with the name of a model"),
    ],
)
def test_a_wrong_definition_is_refused_when_it_loads_and_listed_as_broken(
    install: Install, group: registry.Group, source: str, message: str
) -> None:
    install("acme", {group: {"acme": "acme_x:make"}}, {"acme_x": source})
    with pytest.raises(ConfigurationError, match=f"is broken: {message}"):
        registry.load(group, "acme")
    (acme,) = (plugin for plugin in registry.plugins(group) if plugin.name == "acme")
    assert message in str(acme.problem)


@pytest.mark.parametrize("identity", [None, [], {"a": object()}, {"a": float("nan")}, {("a",): 1}])
def test_an_identity_holds_json_types(identity: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^acme: expected `identity\(\)` to "):
        checked_identity("acme", identity)


def test_a_benchmark_can_name_a_folder() -> None:
    class Made:
        protocol = "inst2seg"
        identity: Callable[[], Any] = dict
        samples: Callable[[], Any] = list
        image_root: Callable[[], Any] = str

        def __init__(self, name: Any) -> None:
            self.name = name

    assert made_problem("benchmarks", Made("mine")) is None
    for name in ("", "..", "a/b", 3):
        assert "expected `name` of what it makes to be a text that can name a folder" in str(
            made_problem("benchmarks", Made(name))
        )
