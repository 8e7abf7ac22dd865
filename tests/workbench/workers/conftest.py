"""A Ray cluster for all tests of workers in a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workbench.workers.clusters import Nodes, cluster


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """One node with two places; a test may add another, and has to lose it again."""
    with cluster(2, Path(tmp_path_factory.mktemp("ray")) / "cluster.log") as started:
        yield started
