"""Finds systems, benchmarks, segmenters, metrics, reporters, recipes and servers by entry point; any package may
provide them.

A plugin of group `workbench.<plural>` is a function (or class); for systems, segmenters and benchmarks it returns the
thing itself, and what it takes are its options, see `workbench.plugins.options`.
"""

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args

from workbench.data.errors import ConfigurationError
from workbench.plugins.checks import Maker, definition_problem
from workbench.plugins.importing import BrokenPluginError, import_plugin
from workbench.plugins.names import unknown
from workbench.plugins.options import arguments

Group = Literal["systems", "benchmarks", "segmenters", "metrics", "reporters", "recipes", "servers"]
GROUPS: tuple[Group, ...] = get_args(Group)


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

    Their modules are imported up to the first import of a heavy package, so that listing stays quick; those of other
    distributions in a process of their own, which may end, print or hang.
    """
    from workbench.plugins.looking import look

    points = sorted(entry_points(group), key=lambda point: (point.name, source(point)))
    found = []
    for point, looked in zip(points, look([(group, point) for point in points]), strict=True):
        namesakes = [other for other in points if other.name == point.name]
        problem = _collision(group, point.name, namesakes) if len(namesakes) > 1 else looked.problem
        found.append(Plugin(group, point.name, source(point), looked.summary, problem))
    return found


def load(group: Group, name: str) -> Callable[..., Any]:
    """Import the one plugin of that name and no other.

    Raises `ConfigurationError` where no plugin has the name (with the known names), where two have it, where its
    import fails, and where it is not what the group asks for.
    """
    point = _point(group, name)
    try:
        plugin = import_plugin(point)
        problem = definition_problem(group, plugin)
    except BrokenPluginError as error:
        raise ConfigurationError(f"{_origin(group, point)} is broken: {error}") from error
    if problem:
        raise ConfigurationError(f"{_origin(group, point)} is broken: {problem}")
    return plugin


def prepare(group: Group, name: str, options: Mapping[str, Any] | None = None, called: str = "") -> Maker:
    """Load a plugin and bind these options to it; raises `ConfigurationError` for one that it does not have, and for a
    value that does not fit. `called`: the name that errors about options give it, where it has another one."""
    factory = load(group, name)
    return Maker(group, _origin(group, _point(group, name)), factory, arguments(called or name, factory, options or {}))


def bind(
    name: str, factory: Callable[..., Any], options: Mapping[str, Any] | None = None, group: Group = "systems"
) -> Maker:
    """The same for a function that makes a plugin and is not installed; `name` is what its options are given by."""
    if not callable(factory):
        raise ConfigurationError(f"{name}: expected a name or a function, got {type(factory).__name__}")
    if problem := definition_problem(group, factory):
        raise ConfigurationError(f"{name}: {problem}")
    origin = f"{name} (python:{factory.__module__}.{getattr(factory, '__qualname__', type(factory).__name__)})"
    return Maker(group, origin, factory, arguments(name, factory, options or {}))


def check_name(group: Group, name: str) -> None:
    """Raises `ConfigurationError` where not exactly one plugin has the name; nothing is imported."""
    _point(group, name)


def names(group: Group) -> list[str]:
    """The names of all plugins of a group, in order; nothing is imported."""
    return sorted({point.name for point in entry_points(group)})


def entry_points(group: Group) -> list[EntryPoint]:
    """Those of all installed distributions."""
    return list(importlib.metadata.entry_points(group=f"workbench.{group}"))


def source(point: EntryPoint) -> str:
    """`distribution/module:attribute`"""
    return f"{point.dist.name if point.dist else 'unknown'}/{point.value}"


def _point(group: Group, name: str) -> EntryPoint:
    points = entry_points(group)
    found = [point for point in points if point.name == name]
    if not found:
        raise ConfigurationError(unknown(group.removesuffix("s"), name, sorted({p.name for p in points})))
    if len(found) > 1:
        raise ConfigurationError(_collision(group, name, found))
    return found[0]


def _origin(group: Group, point: EntryPoint) -> str:
    return f"{group} plugin {point.name!r} ({source(point)})"


def _collision(group: Group, name: str, points: list[EntryPoint]) -> str:
    sources = " and ".join(sorted(source(point) for point in points))
    return f"{group} plugin {name!r} is provided more than once, by {sources}: uninstall or rename all but one"
