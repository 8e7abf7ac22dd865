"""Options of plugins as they are written: `NAME.OPTION=VALUE` and `KEY=VALUE`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.errors import ConfigurationError

if TYPE_CHECKING:
    pass
if TYPE_CHECKING:
    pass


def _keys(assignments: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` (YAML values); raises `ConfigurationError` for anything else."""
    import yaml

    keys: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"--set expects KEY=VALUE, got {assignment!r}")
        try:
            keys[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"--set {assignment}: the value is not YAML: {error}") from error
    return keys


def settings_by_name(assignments: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read `name.option=value` (YAML values), by name; raises `ConfigurationError` for anything else."""
    import yaml

    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    for assignment in assignments:
        target, equals, value = assignment.partition("=")
        name, _, option = target.rpartition(".")
        if not equals or not option or name not in settings:
            raise ConfigurationError(
                f"--set expects NAME.OPTION=VALUE with a name among {', '.join(names)}, got {assignment!r}"
            )
        try:
            settings[name][option] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"--set {assignment}: the value is not YAML: {error}") from error
    return settings


def assignments(options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Options by name as the assignments that `settings_by_name` reads."""
    return [f"{name}.{option}={_yaml(value)}" for name, given in options.items() for option, value in given.items()]


def _yaml(value: Any) -> str:
    try:
        return json.dumps(str(value) if isinstance(value, Path) else value, allow_nan=False)  # YAML reads JSON
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"expected an option to be a plain value, got {value!r}: {error}") from error
