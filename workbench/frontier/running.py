"""Runs the variants of a system, each in a process of its own, and makes one run of them.

In a process of its own the load time and the memory at the peak are those of the variant. All write into one run
folder, whose first system is the variant that the others are compared with.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.comparison.comparison import Comparison, predicted
from workbench.comparison.memory import peak_gpu_memory, peak_memory
from workbench.data.errors import OutageError, StoppedError
from workbench.data.manifest import Manifest
from workbench.runs.files import held, read_json, write_json
from workbench.runs.inputs import manifest_in
from workbench.runs.run import Run
from workbench.scoring.finish import finish
from workbench.scoring.one_system import MEMORY

STOPPED = 5
Ask = Callable[[str], int]
"""Answers all samples with the variant of this name, in a process of its own; returns that process's exit code."""


def answer_variant(comparison: Comparison, name: str, out: Path) -> None:
    """Answer the samples with one variant, in this process, and note the memory that the process held at its peak.

    Raises as `workbench.comparison.comparison.predicted`.
    """
    alone = replace(comparison, systems={name: comparison.makers()[name]}, settings=_of(comparison, name))
    with predicted(alone, out):
        file = out / manifest_in(out).benchmark.name / name / MEMORY
        before = read_json(file) if file.exists() else {}
        now = {"peak_memory": peak_memory(), "peak_gpu_memory": peak_gpu_memory()}
        write_json(file, {key: _larger(value, before.get(key)) for key, value in now.items()})


def run_frontier(comparison: Comparison, system: str, out: Path, ask: Ask, command: Sequence[str]) -> Run:
    """Have all variants answered, score them, and return the run. `comparison` has them as its systems, all made by the
    plugin `system`; `command` is how the run is made again.

    Raises `ConfigurationError` before any work, and `StoppedError` where a variant's process failed: what it answered
    is kept, and the same command goes on.
    """
    comparison.plugins()
    manifests: list[Manifest] = []
    for name in comparison.makers():
        code = ask(name)
        if code:
            error = OutageError if code == STOPPED else StoppedError
            raise error(f"{name}: its process ended with exit code {code}; the answers so far are in {out}")
        manifests.append(manifest_in(out))
    notes: dict[str, Any] = {**comparison.notes(), "frontier": system, "commands": [shlex.join(command)]}
    first = manifests[0]
    whole = first.model_copy(
        update={
            "systems": {name: value for one in manifests for name, value in one.systems.items()},
            "conditions": {name: value for one in manifests for name, value in one.conditions.items()},
            "options": first.options.model_copy(update=notes),
        }
    )
    with held(out):
        write_json(out / "manifest.json", whole.to_json())
        return finish(out)


def in_a_process(words: Sequence[str]) -> int:
    """Run a command of `workbench` in a new process; returns its exit code."""
    return subprocess.run([sys.executable, "-m", "workbench", *words]).returncode


def _of(comparison: Comparison, name: str) -> Mapping[str, Mapping[str, Any]]:
    names = (name, comparison.benchmark)
    return {key: value for key, value in comparison.settings.items() if key in names}


def _larger(now: int | None, before: int | None) -> int | None:
    known = [value for value in (now, before) if value is not None]
    return max(known) if known else None
