"""Which samples a limit takes."""

from typing import Literal, get_args

from workbench.data.errors import ConfigurationError

Choice = Literal["first", "random"]


def check_choice(limit: int | None, choice: object) -> None:
    """Raise `ConfigurationError` for an unknown choice, and for a random one of all samples."""
    if choice not in get_args(Choice):
        raise ConfigurationError(f"sample must be one of {', '.join(get_args(Choice))}, got {choice!r}")
    if choice == "random" and limit is None:
        raise ConfigurationError("random samples need to know how many: expected a limit beside sample random")
