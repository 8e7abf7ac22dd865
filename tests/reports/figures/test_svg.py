"""Figures as SVG in the page."""

from reports.figures import latency
from reports.figures.style import CALL_COLOURS
from reports.figures.svg import inline_svg
from workbench.runs.run import Run


def test_svg_uses_the_page_and_names_nothing_outside(run: Run) -> None:
    svg = inline_svg(latency.time_by_call(run.results), 'what "it" shows')
    assert svg.startswith('<svg role="img" aria-label="what &#34;it&#34; shows" viewBox=')
    assert "var(--call-llm)" in svg and "var(--sans)" in svg
    assert "http" not in svg and "DejaVu" not in svg
    assert not any(colour in svg for colour in CALL_COLOURS.values())
