"""Options as they are written on the command line and in schedules: `NAME.OPTION=VALUE` and `KEY=VALUE`."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.data.errors import ConfigurationError
from workbench.plugins.values import Written


def settings_by_name(assignments: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read `NAME.OPTION=VALUE`, by name; values stay as written until the option's type is known."""
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for assignment in assignments:
        target, equals, value = assignment.partition("=")
        name, _, option = target.rpartition(".")
        if not equals or not option or name not in settings:
            raise ConfigurationError(
                f"--set expects NAME.OPTION=VALUE with a name among {', '.join(names)}, got {assignment!r}"
            )
        settings[name][option] = Written(value)
    return settings


def keys_and_values(assignments: Sequence[str]) -> dict[str, Any]:
    """Read `KEY=VALUE`; values stay as written until the key's type is known."""
    keys: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"--set expects KEY=VALUE, got {assignment!r}")
        keys[key] = Written(value)
    return keys


def as_assignments(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Options by name as they are written for `--set`, for people to read and repeat."""
    return [f"{name}.{key}={shown(value)}" for name, given in settings.items() for key, value in given.items()]


def shown(value: Any) -> str:
    """A value in the form in which it is written in `--set`."""
    if isinstance(value, Written):
        return value.text
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)
