"""Finds systems, benchmarks, segmenters, metrics, reporters, recipes and servers by entry point; any package may
provide them.

A plugin of group `workbench.<plural>` is a function (or class); for systems, segmenters and benchmarks it returns the
thing itself, and its keyword arguments with defaults are the options.
"""

import ast
import difflib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal, get_args

from workbench.data.errors import ConfigurationError

Group = Literal["systems", "benchmarks", "segmenters", "metrics", "reporters", "recipes", "servers"]
GROUPS: tuple[Group, ...] = get_args(Group)
HEAVY = frozenset(
    {"jax", "langgraph", "matplotlib", "mlflow", "openai", "pandas", "scipy", "tensorflow", "torch", "transformers"}
)
"""Packages that take long to import; listing goes without them."""


@dataclass(frozen=True)
class Plugin:
    """One entry point. `source` is `distribution/module:attribute`, `summary` the first line of the docstring;
    `problem` says why it cannot be used, or is None."""

    group: Group
    name: str
    source: str
    summary: str
    problem: str | None


def plugins(group: Group) -> list[Plugin]:
    """All plugins of a group by name. A broken one, or two of one name, carry their `problem`; nothing is raised.

    Their modules are imported up to the first import of a heavy package, so that listing stays quick.
    """
    points = sorted(_entry_points(group), key=lambda point: (point.name, _source(point)))
    return [_describe(group, point, [other for other in points if other.name == point.name]) for point in points]


def load(group: Group, name: str) -> Callable[..., Any]:
    """Import the one plugin of that name and no other.

    Raises `ConfigurationError` where no plugin has the name (with the known names), where two have it, and where its
    import fails.
    """
    points = _entry_points(group)
    found = [point for point in points if point.name == name]
    if not found:
        raise ConfigurationError(unknown(group.removesuffix("s"), name, sorted({p.name for p in points})))
    if len(found) > 1:
        raise ConfigurationError(_collision(group, name, found))
    try:
        return _callable(found[0])
    except Exception as error:
        raise ConfigurationError(f"{group} plugin {name!r} ({_source(found[0])}) is broken: {_why(error)}") from error


def prepare(group: Group, name: str, options: Mapping[str, Any] | None = None) -> Callable[[], Any]:
    """Load a plugin and bind these options to it; one that it does not have raises `ConfigurationError`."""
    return bind(name, load(group, name), options or {})


def bind(name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> Callable[[], Any]:
    """Bind options to what makes a plugin; raises `ConfigurationError` for one that it does not take."""
    if not callable(factory):
        raise ConfigurationError(f"{name}: expected a name or a function, got {type(factory).__name__}")
    parameters = inspect.signature(factory).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for option in options:
        if option not in known:
            raise ConfigurationError(unknown(f"option of {name}", option, known))
    return partial(factory, **options)


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """The message for a name that does not exist, with the closest one and all that do."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what} {name!r}{hint}; known: {', '.join(known) or 'none'}"


def _entry_points(group: Group) -> list[EntryPoint]:
    return list(importlib.metadata.entry_points(group=f"workbench.{group}"))


def _describe(group: Group, point: EntryPoint, namesakes: list[EntryPoint]) -> Plugin:
    summary, problem = "", None
    try:
        with _heavy_imports_stopped():
            plugin = _callable(point)
        summary = (inspect.getdoc(plugin) or "").partition("\n")[0]
    except _HeavyImport:
        summary = _summary_in_source(point)
    except Exception as error:
        problem = _why(error)
    if len(namesakes) > 1:
        problem = _collision(group, point.name, namesakes)
    return Plugin(group, point.name, _source(point), summary, problem)


class _HeavyImport(BaseException):
    """Not an `Exception`, so that a module that does without a missing package is not left as one that does."""


class _StopHeavyImports(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in HEAVY:
            raise _HeavyImport(fullname)


@contextmanager
def _heavy_imports_stopped() -> Iterator[None]:
    finder = _StopHeavyImports()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _summary_in_source(point: EntryPoint) -> str:
    """First docstring line of a function or class, read from its file; empty where it is not defined there."""
    try:
        with _heavy_imports_stopped():  # finding a module imports the packages around it
            spec = importlib.util.find_spec(point.module)
    except _HeavyImport:
        return ""
    tree = ast.parse(Path(spec.origin).read_text()) if spec and spec.origin else ast.Module([], [])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _callable(point: EntryPoint) -> Callable[..., Any]:
    plugin = point.load()
    if not callable(plugin):
        raise TypeError(f"expected a function, got {type(plugin).__name__}")
    return plugin  # type: ignore[no-any-return]


def _source(point: EntryPoint) -> str:
    return f"{point.dist.name if point.dist else 'unknown'}/{point.value}"


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _collision(group: Group, name: str, points: list[EntryPoint]) -> str:
    sources = " and ".join(sorted(_source(point) for point in points))
    return f"{group} plugin {name!r} is provided more than once, by {sources}: uninstall or rename all but one"
