"""Finds systems, benchmarks, segmenters, metrics, reporters and recipes by entry point; any package may provide them.

A plugin of group `workbench.<plural>` is a function (or class); for systems, segmenters and benchmarks it returns the
thing itself, and its keyword arguments with defaults are the options. Listing imports the modules that the entry
points name, so these keep heavy imports inside their functions.
"""

import difflib
import importlib.metadata
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from workbench.errors import ConfigurationError

Group = Literal["systems", "benchmarks", "segmenters", "metrics", "reporters", "recipes"]
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
    """All plugins of a group by name. A broken one, or two of one name, carry their `problem`; nothing is raised."""
    points = sorted(_entry_points(group), key=lambda point: (point.name, _source(point)))
    shared = Counter(point.name for point in points)
    return [_describe(group, point, points if shared[point.name] > 1 else []) for point in points]


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
    factory, options = load(group, name), options or {}
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


def _entry_points(group: Group) -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group=f"workbench.{group}"))


def _describe(
    group: Group, point: importlib.metadata.EntryPoint, points: list[importlib.metadata.EntryPoint]
) -> Plugin:
    rivals = [other for other in points if other.name == point.name]
    try:
        plugin = _callable(point)
    except Exception as error:
        return Plugin(group, point.name, _source(point), "", _why(error))
    summary = (inspect.getdoc(plugin) or "").partition("\n")[0]
    return Plugin(group, point.name, _source(point), summary, _collision(group, point.name, rivals) if rivals else None)


def _callable(point: importlib.metadata.EntryPoint) -> Callable[..., Any]:
    plugin = point.load()
    if not callable(plugin):
        raise TypeError(f"expected a function, got {type(plugin).__name__}")
    return plugin  # type: ignore[no-any-return]


def _source(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name if point.dist else 'unknown'}/{point.value}"


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _collision(group: Group, name: str, points: list[importlib.metadata.EntryPoint]) -> str:
    sources = " and ".join(sorted(_source(point) for point in points))
    return f"{group} plugin {name!r} is provided more than once, by {sources}: uninstall or rename all but one"
