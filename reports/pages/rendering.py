"""Fills in the template of a page. Text from outside is escaped and plain: see `workbench.data.plain`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from workbench.data.plain import plain
from workbench.runs.files import replacing

TEMPLATE = Path(__file__).parent / "template"


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """The page: each text that is filled in without control characters and marks that change the writing direction,
    also in figures.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    return environment.get_template(template).render(values)


def _plain(value: object) -> object:
    if isinstance(value, Markup):
        return Markup(plain(value))
    return plain(value) if isinstance(value, str) else value


def replaced(path: Path, text: str) -> Path:
    """Write a page in one step; returns its path."""
    with replacing(path) as file:
        file.write(text.encode())
    return path
