"""JSON files with a schema: every field is checked when a file is read, and an error names the file and the field."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from workbench.data.errors import ConfigurationError, short

SHOWN = 3
"""Faults of one file that an error lists."""


def _time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Time = Annotated[str, AfterValidator(_time)]
"""ISO 8601 with an offset: `2026-11-28T17:46:40+00:00`."""


class Record(BaseModel):
    """A part of a JSON file. Fields are checked strictly (a text is not accepted for a number) and cannot be
    changed.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        defer_build=True,  # until something is read: an import stays cheap
    )

    @classmethod
    def from_json(cls, value: object, where: str) -> Self:
        """Make the record from plain JSON types.

        `where` names the file in the message of the `ConfigurationError` that is raised for a value that does not fit.
        """
        try:
            text = json.dumps(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"{where}: expected JSON types: {error}") from error
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigurationError(f"{where}: {_faults(error)}") from error

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, with the fields that were given; `from_json` is its inverse."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def check_version(value: object, version: int, where: str) -> None:
    """Raise `ConfigurationError` for a file whose layout is later than `version`."""
    layout = value.get("version") if isinstance(value, Mapping) else None
    if type(layout) is int and layout > version:
        raise ConfigurationError(
            f"{where} was written by a later version of the workbench: it has layout {layout}, and this version reads "
            f"layouts up to {version}. Update the workbench to read it"
        )


def _faults(error: ValidationError) -> str:
    """Each fault with the path of its field: `systems.toy.samples: input should be a valid integer, got 'ten'`."""
    faults = []
    for fault in error.errors(include_url=False)[:SHOWN]:
        place = ".".join(map(str, fault["loc"])) or "the file"
        said = fault["msg"].removeprefix("Value error, ")
        given = "" if fault["type"] in ("missing", "value_error") else f", got {short(fault['input'])}"
        faults.append(f"{place}: {said[:1].lower()}{said[1:]}{given}")
    more = error.error_count() - len(faults)
    return "; ".join(faults) + (f"; and {more} more" if more > 0 else "")
