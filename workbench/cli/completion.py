"""Completion of commands, options and names in a shell, by argcomplete.

For bash: `eval "$(register-python-argcomplete workbench)"`; for other shells see argcomplete's own help.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from workbench.plugins.registry import GROUPS, Group, entry_points


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what could come next, and end the process; do nothing otherwise."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    by_option: dict[str, Callable[..., list[str]]] = {
        "systems": several("systems"),
        "benchmark": names("benchmarks"),
        "protocol": names("metrics"),
        "reporter": names("reporters"),
        "name": names(*GROUPS),
    }
    for name, command in subcommands(parser).items():
        known = {**by_option, "config": recipes} if name == "train" else by_option
        for action in command._actions:
            if action.dest in known and not action.choices:
                setattr(action, "completer", known[action.dest])  # noqa: B010 (argcomplete's name for it)
    argcomplete.autocomplete(parser)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    return {
        name: one
        for action in parser._actions
        if isinstance(action.choices, dict)
        for name, one in action.choices.items()
    }


def names(*groups: Group) -> Callable[..., list[str]]:
    """A completer for the name of a plugin of these groups; none is imported."""
    return lambda **_: sorted({point.name for group in groups for point in entry_points(group)})


def recipes(prefix: str, **_: object) -> list[str]:
    """A completer for the configuration of a recipe: one that comes with a recipe, or a file."""
    from workbench.plugins.recipes import configurations

    folder = prefix[: prefix.rfind("/") + 1]
    beside = Path(folder or ".").iterdir() if Path(folder or ".").is_dir() else ()
    files = [folder + one.name for one in beside if one.suffix in (".yaml", ".yml")]
    return [*sorted(configurations()), *sorted(files)]


def several(group: Group) -> Callable[..., list[str]]:
    """A completer for names separated by commas: the last of them is completed."""

    def completer(prefix: str, **_: object) -> list[str]:
        before, comma, _last = prefix.rpartition(",")
        return [f"{before}{comma}{name}" for name in names(group)()]

    return completer
