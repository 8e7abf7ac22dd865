"""Intervals as they are kept in files."""

from typing import Annotated

from pydantic import BeforeValidator


def _bounded(value: object) -> object:
    """None for an interval with an infinite bound (null in JSON), which says nothing."""
    if isinstance(value, list | tuple):
        return None if None in value else tuple(value)
    return value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Interval = Annotated[tuple[float, float] | None, BeforeValidator(_bounded)]
"""Lower and upper bound; None where there is too little data for them."""
OpenInterval = Annotated[tuple[float | None, float | None], BeforeValidator(_tuple)]
"""An interval that may be open at one side: a cost for each correct instance is unbounded where a draw has none."""
