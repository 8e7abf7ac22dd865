"""The table of a frontier, for reports."""

from reports.text.tables import Cell, Row
from workbench.data.results import Results
from workbench.scoring import frontier

CAPTION = (
    "Variants, each answered in a process of its own; the difference to the first with its paired 95 % interval, bold "
    "where p, corrected by Holm's method, is below 0.05; changed: the share of samples with other masks"
)


def columns(results: Results) -> list[str]:
    """The heads of the columns; empty for a run that is no frontier."""
    return frontier.heads(results) if frontier.variants(results) else []


def rows(results: Results) -> list[Row]:
    """A row for each variant, its cells under `columns`; empty for a run that is no frontier."""
    if not frontier.variants(results):
        return []
    return [
        Row(
            row.name,
            "",
            [_cell(text, row.decided and place == frontier.DIFFERENCE) for place, text in enumerate(row.cells)],
        )
        for row in frontier.rows(results)
    ]


def _cell(text: str, strong: bool) -> Cell:
    """An interval stands beside its value."""
    value, _, detail = text.partition(" (")
    return Cell(value, detail.removesuffix(")"), strong)
