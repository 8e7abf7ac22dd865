"""Options of every type."""

from pathlib import Path
from typing import Annotated, Any, Literal

from workbench.plugins.options import (
    Above,
    OneOf,
    Range,
)


def boxes(
    folder: str = "data",
    root: Path | None = None,
    side: Annotated[int, Range(1, 9), "In pixels."] = 3,
    rate: Annotated[float, Above(0)] = 0.1,
    fast: bool = False,
    form: Annotated[str, OneOf("png", "bmp")] = "png",
    mode: Literal["one", 2] = "one",
    names: list[str] | None = None,
    weights: dict[str, float] | None = None,
    either: int | str = 1,
    loose=3,  # type: ignore[no-untyped-def]
    **rest: Any,
) -> None:
    """Finds boxes."""
