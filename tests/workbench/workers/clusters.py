"""Real Ray clusters of several nodes on this machine, and comparisons that use them, each in a process of its own.

The processes of the tests never connect to Ray themselves: a comparison is a fork of one, which has all modules.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.forking import completed

KEEPER = """
import json, sys
from ray.cluster_utils import Cluster
cluster = Cluster()
nodes = []

def add(cpus):
    without = dict(include_dashboard=False, include_log_monitor=False, no_monitor=True)
    nodes.append(cluster.add_node(num_cpus=cpus, object_store_memory=80 * 1024**2, **without))

add(int(sys.argv[1]))
print(json.dumps(cluster.address), flush=True)
for line in sys.stdin:
    command, *words = line.split()
    if command == "add":
        add(int(words[0]))
    else:  # the last one, as if its machine had lost its power
        cluster.remove_node(nodes.pop(), allow_graceful=False)
    print(json.dumps(len(nodes)), flush=True)
cluster.shutdown()
"""
FAST = {
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_initial_delay_ms": "1000",
}


class Nodes:
    """A running cluster; `address` is what `--ray` takes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.address: str = self._answer()
        self.count = 1

    def add(self, cpus: int) -> None:
        """One more node."""
        self.count = self._tell(f"add {cpus}")

    def lose(self) -> None:
        """The node that was added last is gone, with all that ran there."""
        self.count = self._tell("lose")

    def _tell(self, command: str) -> Any:
        assert self._process.stdin
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the cluster did not start"
        return json.loads(line)


@contextmanager
def cluster(cpus: int, log: Path) -> Iterator[Nodes]:
    """A cluster of one node, which is protected by the token of this process and its children."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(cpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **FAST},
        )
        try:
            yield Nodes(process)
        finally:
            assert process.stdin
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait(60)


def driven(work: Callable[[], int | None], code: int = 0) -> str:
    """Do work, such as a comparison, in a fork of this process; returns what it printed."""
    import ray  # noqa: F401 - once, for all forks

    done = completed(work)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
