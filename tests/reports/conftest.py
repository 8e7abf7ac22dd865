"""A run to draw and to describe, which no test changes."""

import pytest

from tests.reports import made_run
from workbench.runs.run import Run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run.make_run(tmp_path_factory.mktemp("made"), samples=36)
