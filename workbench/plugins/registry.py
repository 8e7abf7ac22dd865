"""Finds systems, benchmarks, segmenters, metrics, reporters, recipes, servers, commands and perturbations by entry
point; any package may provide them.

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

Group = Literal[
    "systems", "benchmarks", "segmenters", "metrics", "reporters", "recipes", "servers", "commands", "perturbations"
]
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
    """All plugins of a group by name. A broken plugin, and each of two with the same name, carries its `problem`;
    nothing is raised.

    Their modules are imported up to the first import of a heavy package, so that listing is quick. Plugins of other
    distributions are imported in a separate process, which may end, print or hang.
    """
    from workbench.plugins.looking import look

    points = sorted(entry_points(group), key=lambda point: (point.name, source(point)))
    listed = []
    for point, looked in zip(points, look([(group, point) for point in points]), strict=True):
        namesakes = [other for other in points if other.name == point.name]
        problem = _collision(group, point.name, namesakes) if len(namesakes) > 1 else looked.problem
        listed.append(Plugin(group, point.name, source(point), looked.summary, problem))
    return listed


def load(group: Group, name: str) -> Callable[..., Any]:
    """Import the plugin of that name and no other.

    Raises `ConfigurationError` where no plugin has the name (with the known names), where two have it, where the import
    fails, and where the plugin is not what its group requires.
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
    """Load a plugin and bind these options to it; raises `ConfigurationError` for an option that it does not have, and
    for a value that does not fit. `called`: the name to use in errors about options, if it is not the plugin's own.
    """
    factory = load(group, name)
    return Maker(group, _origin(group, _point(group, name)), factory, arguments(called or name, factory, options or {}))


def bind(
    name: str, factory: Callable[..., Any], options: Mapping[str, Any] | None = None, group: Group = "systems"
) -> Maker:
    """Bind options to a function that is not an installed plugin; `name` is the name under which its options are
    given.
    """
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
    """The entry points of all installed distributions."""
    return list(importlib.metadata.entry_points(group=f"workbench.{group}"))


def source(point: EntryPoint) -> str:
    """`distribution/module:attribute`"""
    return f"{point.dist.name if point.dist else 'unknown'}/{point.value}"


def _point(group: Group, name: str) -> EntryPoint:
    points = entry_points(group)
    named = [point for point in points if point.name == name]
    if not named:
        raise ConfigurationError(unknown(group.removesuffix("s"), name, sorted({p.name for p in points})))
    if len(named) > 1:
        raise ConfigurationError(_collision(group, name, named))
    return named[0]


def _origin(group: Group, point: EntryPoint) -> str:
    return f"{group} plugin {point.name!r} ({source(point)})"


def _collision(group: Group, name: str, points: list[EntryPoint]) -> str:
    sources = " and ".join(sorted(source(point) for point in points))
    return f"{group} plugin {name!r} is provided more than once, by {sources}: uninstall or rename all but one"
