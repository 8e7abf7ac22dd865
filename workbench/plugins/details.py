"""One plugin in detail: what it is, its options, where it comes from."""

from dataclasses import dataclass
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.plugins.looking import look
from workbench.plugins.names import unknown
from workbench.plugins.registry import GROUPS, Group, entry_points


@dataclass(frozen=True)
class Details:
    """A plugin by name. `definition` is `module:attribute`; `options` have the keys name, type, range, optional,
    required, default (as one writes it in `--set`) and sentence; `generates` the same of a benchmark whose files can
    be written, else None; `problem` says why it cannot be used, or is None."""

    group: Group
    name: str
    summary: str
    description: str
    distribution: str
    version: str
    definition: str
    problem: str | None
    options: list[dict[str, Any]]
    generates: list[dict[str, Any]] | None


def details(name: str) -> list[Details]:
    """All plugins of that name, in all groups. They are imported, but nothing is made.

    Raises `ConfigurationError` where there is none, with the closest names.
    """
    points = [(group, point) for group in GROUPS for point in entry_points(group)]
    asked = [(group, point) for group, point in points if point.name == name]
    if not asked:
        raise ConfigurationError(unknown("plugin", name, sorted({point.name for _, point in points})))
    cards = []
    for (group, point), looked in zip(asked, look(asked, whole=True), strict=True):
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
        cards.append(
            Details(
                group,
                point.name,
                looked.summary,
                looked.description,
                distribution,
                version,
                point.value,
                looked.problem,
                looked.options,
                looked.generates,
            )
        )
    return cards
