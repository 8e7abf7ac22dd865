"""Inspects plugins in order to list and describe them: ours in this process, those of other distributions in a separate
process.

A plugin that crashes, prints, ends the program or never returns at import is therefore listed as broken and does no
other harm.
"""

import ast
import inspect
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from workbench.plugins.assignments import shown
from workbench.plugins.checks import definition_problem
from workbench.plugins.importing import (
    BrokenPluginError,
    HeavyImportError,
    heavy_imports_stopped,
    import_plugin,
    source_of,
)
from workbench.plugins.options import Option, described_options, options_of

OURS = "segmentation-workbench"
LIGHT_SECONDS, WHOLE_SECONDS = 5.0, 120.0
"""Seconds for one plugin of another distribution: to list it, and to import it completely."""
START_SECONDS = 60.0


@dataclass(frozen=True)
class Looked:
    """What is known about a plugin: the first line and the rest of its docstring, and why it cannot be used, or None.
    `options` (JSON types) are known only where it was imported completely; `generates` are the options for writing its
    files, see `Generated`.
    """

    summary: str = ""
    problem: str | None = None
    description: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    generates: list[dict[str, Any]] | None = None


def look(points: Sequence[tuple[str, EntryPoint]], whole: bool = False) -> list[Looked]:
    """Inspect plugins, each given as its group and entry point; results in the same order. Nothing is raised.

    Without `whole`, an import stops where a heavy package would be imported.
    """
    foreign = [(group, point) for group, point in points if not point.dist or point.dist.name != OURS]
    others = iter(_elsewhere(foreign, whole))
    return [
        next(others) if not point.dist or point.dist.name != OURS else look_here(group, point, whole)
        for group, point in points
    ]


def look_here(group: str, point: EntryPoint, whole: bool) -> Looked:
    """Inspect one plugin in this process."""
    try:
        with heavy_imports_stopped():
            return _described(group, import_plugin(point), whole)
    except HeavyImportError:
        if not whole:
            return Looked(_summary_in_source(point))
    except BrokenPluginError as error:
        return Looked(problem=str(error))
    try:
        return _described(group, import_plugin(point), whole)
    except BrokenPluginError as error:
        return Looked(problem=str(error))


def _described(group: str, plugin: Callable[..., Any], whole: bool) -> Looked:
    summary, _, rest = (inspect.getdoc(plugin) or "").partition("\n")
    problem = definition_problem(group, plugin)
    if problem or not whole:
        return Looked(summary, problem)
    generate = getattr(plugin, "generate", None) if group == "benchmarks" else None
    options = described_options(group, plugin)
    generates = None if generate is None else [_json(option) for option in options_of(generate) if option.name != "out"]
    return Looked(summary, None, rest.strip(), [_json(option) for option in options], generates)


def _json(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.kind,
        "range": option.range,
        "optional": option.optional,
        "required": option.required,
        "default": None if option.required or option.default is None else shown(option.default),
        "sentence": option.sentence,
    }


def _summary_in_source(point: EntryPoint) -> str:
    """First docstring line of a function or class, read from its file; empty where it is not defined there."""
    origin = source_of(point.module)
    try:
        tree = ast.parse(Path(origin).read_text(encoding="utf-8")) if origin else ast.Module([], [])
    except (OSError, ValueError, SyntaxError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _elsewhere(points: Sequence[tuple[str, EntryPoint]], whole: bool) -> list[Looked]:
    """Inspect plugins in another process. A plugin that ends or stalls that process is broken; a new process continues
    with the rest.
    """
    looked: list[Looked] = []
    while len(looked) < len(points):
        left = points[len(looked) :]
        seconds = WHOLE_SECONDS if whole else LIGHT_SECONDS
        ending = ""
        for answer in _answers([[group, point.name, point.value] for group, point in left], whole, seconds):
            if isinstance(answer, str):
                ending = answer
            else:
                looked.append(Looked(**answer))
        if ending:
            looked.append(Looked(problem=ending))
    return looked


def _answers(requests: list[list[str]], whole: bool, seconds: float) -> Iterator[dict[str, Any] | str]:
    """The answers of a process to requests, in order. If the process ended or stalled, the last answer is a text that
    says so.
    """
    command = [sys.executable, "-c", "from workbench.plugins.looking import main; main()", json.dumps(requests)]
    child = subprocess.Popen(
        [*command, "whole"] if whole else command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},  # noqa: PTH109
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        lines = _lines(child.stdout.fileno(), START_SECONDS, seconds)
        for _ in range(1 + len(requests)):
            line = next(lines)
            if isinstance(line, str):
                yield f"importing it ends the program ({_ending(child)})" if line == "ended" else line
                return
            if line:
                yield line
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.stdout.close()
        child.wait()


def _ending(child: "subprocess.Popen[bytes]") -> str:
    """How a process ended, for one that reports nothing itself."""
    try:
        code = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "it closed its output"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _lines(pipe: int, first: float, seconds: float) -> Iterator[dict[str, Any] | str]:
    """The JSON lines that arrive; a text where none came in time or the pipe is closed."""
    held, limit = b"", first
    while True:
        deadline = time.monotonic() + limit
        while b"\n" not in held:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                yield f"importing it takes longer than {limit:g} s"
                return
            chunk = os.read(pipe, 65536)
            if not chunk:
                yield "ended"
                return
            held += chunk
        line, _, held = held.partition(b"\n")
        yield json.loads(line)
        limit = seconds


def main() -> None:
    """The other process: answers the requests that are its first argument, a line each, after an empty first one."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what plugins print is no answer
    print("{}", file=answers, flush=True)
    for group, name, value in json.loads(sys.argv[1]):
        looked = look_here(group, EntryPoint(name, value, f"workbench.{group}"), "whole" in sys.argv[2:])
        print(json.dumps(asdict(looked)), file=answers, flush=True)
    os._exit(0)  # threads and exit functions of plugins are not waited for
