"""Plugins of a third party, most of which break."""

import pytest

from tests.conftest import Install
from tests.workbench.plugins.bad import BAD, GOOD
from workbench.plugins import looking, registry


@pytest.fixture
def plugins(install: Install, monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Plugin]:
    monkeypatch.setattr(looking, "LIGHT_SECONDS", 2.0)
    points = {f"acme-{name}": f"acme_{name}:make" for name in BAD}
    modules = {f"acme_{name}": source for name, (source, _) in BAD.items()}
    install("acme", {"systems": {**points, "acme-good": "acme_good:good"}}, {**modules, "acme_good": GOOD})
    return {plugin.name: plugin for plugin in registry.plugins("systems")}
