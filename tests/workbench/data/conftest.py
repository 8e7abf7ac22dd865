"""Results of an earlier version."""

import json
from typing import Any

import pytest

from tests.workbench.data.old import OLD


@pytest.fixture
def old() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OLD.read_text())
    return found
