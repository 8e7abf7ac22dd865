"""matplotlib figures as SVG that belongs to the page: its fonts, its colours in light and dark, no metadata."""

import io
import re

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from reports.figures.style import BAD, CALL_COLOURS, GRID, INK, MUTED, PAPER, SYSTEM_COLOURS

COLOURS = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER, "bad": BAD} | {
    **{f"system-{i}": colour for i, colour in enumerate(SYSTEM_COLOURS)},
    **{f"call-{kind}": colour for kind, colour in CALL_COLOURS.items()},
}
"""CSS variables of the page, with their values in light."""


def inline_svg(figure: Figure, description: str) -> Markup:
    """The figure as one `<svg>` element; `description` is what a screen reader says."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(buffer, format="svg", metadata=nothing)
    figure.set_layout_engine("none")  # it is laid out now: a file of the same figure need not do so again
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    body = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r' id="[a-z0-9_.]+_\d+"', "", body)  # figure_1, axes_1: the same in every figure
    body = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", body).replace("xlink:href", "href")
    for name, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{name})")
    return Markup(f'<svg role="img" aria-label="{escape(description)}" {box[0] if box else ""}>{body}')


def variable(colour: str) -> str:
    """The CSS variable of a colour of figures, so that text beside them follows the page's colours."""
    return next(f"var(--{name})" for name, value in COLOURS.items() if value == colour)
