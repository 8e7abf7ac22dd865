"""A run, or several runs of the same samples, as compact Markdown for a pull request or a message."""

import re
from collections.abc import Sequence
from pathlib import Path

from reports.text import frontier, tables
from reports.text.asymmetries import asymmetries
from reports.text.caveats import caveats, mixed
from reports.text.curves import score_rows
from reports.text.glossary import NAMES
from workbench.data.numbers import NONE, many
from workbench.data.plain import plain
from workbench.data.results import Results, main_metric, ranked
from workbench.runs.run import Run
from workbench.scoring.joined import JoinedRun
from workbench.scoring.verdict import sentences

CHANGED = 8
"""Samples that are listed."""
INSTRUCTION = 120
"""Characters of an instruction that are shown."""


def write_markdown(run: Run, out: Path) -> Path:
    """Write the Markdown of a finished run to `out` and return its path."""
    out.write_text(markdown(run), encoding="utf-8")
    return out


def markdown(run: Run) -> str:
    """Verdict, caveats, headline table, differences, failures and the samples that changed most."""
    results = run.results
    first, *more = sentences(results)
    notes = caveats(results, run.manifest) + mixed([member.manifest for member in run.members])
    parts = [
        f"**{escaped(first)}** {escaped(' '.join(more))}".rstrip(),
        "\n".join(f"* {escaped(note)}" for note in notes),
        _asked(results),
        _table(["", *run.systems], tables.headline(results)),
        *([_pairs(results), _failures(results), _scores(results)] if results.has_truth else []),
        _asymmetries(run),
        _changed(run) if results.has_truth else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asked(results: Results) -> str:
    """What was asked, and how the numbers below are to be read."""
    asked = f"{escaped(results.benchmark.name)}, {many(results.benchmark.samples, 'sample')}"
    if not results.has_truth:
        return f"{asked}, without truth"
    return f"{asked}, protocol {escaped(results.protocol)}, 95 % intervals in brackets"


def escaped(text: str) -> str:
    """The text as Markdown that only displays it: no tags, links, mentions, issue numbers or tables, and no terminal
    sequences.
    """
    text = " ".join(plain(text).split())
    text = re.sub(r"([\\`*\[\]|~<>&$])|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    # an invisible space breaks what a code host would turn into a mention, a link or an issue
    return re.sub(r"@|#(?=\d)|:(?=//)|(?<=www)\.", "\\g<0>\N{ZERO WIDTH SPACE}", text)


def _table(head: Sequence[str], rows: Sequence[tables.Row]) -> str:
    """The rows as a Markdown table; bold where a cell stands out."""
    lines = [_line([escaped(name) for name in head]), _line(["---", *["--:"] * (len(head) - 1)])]
    for row in rows:
        cells = [cell_text(cell) for cell in row.cells]
        lines.append(_line([escaped(f"{row.name} {row.unit}".strip()), *cells]))
    return "\n".join(lines)


def cell_text(cell: tables.Cell) -> str:
    """A cell of a Markdown table; bold where it stands out."""
    text = f"**{escaped(cell.text)}**" if cell.strong and cell.text else escaped(cell.text)
    return f"{text} ({escaped(cell.detail)})" if cell.detail else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _pairs(results: Results) -> str:
    """The differences between systems: for one pair in every metric, for more systems a matrix of the main metric."""
    pairs = results.differences
    if not pairs:
        return ""
    if results.frontier:
        table = _table(["", *frontier.columns(results)], frontier.rows(results))
        return f"### Variants\n\n{escaped(frontier.CAPTION)}\n\n{table}"
    if len(pairs) == 1:
        (pair,) = pairs
        title = f"Difference, {pair.a} minus {pair.b}; p by Holm's method over all metrics, bold below 0.05"
        body = _table(["", "difference"], tables.differences(results))
    else:
        metric = main_metric(results)
        named = tables.metric_with_unit(results, metric)
        corrected = "p by Holm's method over all metrics of all pairs, bold below 0.05"
        title = f"Differences of {named}, row minus column; {corrected}"
        body = _table(["", *(f"{NONE} {name}" for name in results.systems)], tables.matrix(results, metric))
    return f"### Differences\n\n{escaped(title)}\n\n{body}"


def _failures(results: Results) -> str:
    """Samples by failure category, those that occur, one column for each system."""
    systems = results.systems
    counts = {name: {**system.diagnosis, **system.failures} for name, system in systems.items()}
    names = dict.fromkeys(key for own_counts in counts.values() for key in own_counts)
    rows = [
        tables.Row(
            NAMES.get(key, key), "", [tables.Cell(str(own_counts.get(key, 0))) for own_counts in counts.values()]
        )
        for key in names
        if key not in ("matched", "exact_set") and any(own_counts.get(key) for own_counts in counts.values())
    ]
    title = "Samples, instances and targets by what went wrong; see the report for what each means"
    return f"### Failures\n\n{title}\n\n{_table(['', *systems], rows)}" if rows else ""


def _scores(results: Results) -> str:
    """How far scores can be relied on."""
    rows = score_rows(results)
    return f"### Scores\n\n{_table(['', *results.systems], rows)}" if rows else ""


def _asymmetries(run: Run) -> str:
    """What the systems differ in beyond the idea that is compared, a line each."""
    lines = []
    for aspect in asymmetries(run.manifest):
        if aspect.differs:
            said = (f"{escaped(text)} ({escaped(', '.join(names))})" for text, names in aspect.said.items())
            lines.append(f"* {aspect.title}: {'; '.join(said)}")
    return "\n".join(["### What differs between the sides", "", *lines]) if lines else ""


def _changed(run: Run) -> str:
    """The samples on which two systems differ most in IoU."""
    pair = _pair(run)
    if pair is None:
        return ""
    a, b = pair
    table = run.table()
    iou = table.pivot(index="sample_id", columns="system", values="iou").dropna(subset=[a, b])
    gaps = (iou[b] - iou[a]).sort_values(key=lambda gap: -gap.abs(), kind="stable")
    gaps = gaps[gaps.abs() > 0].head(CHANGED)
    if not len(gaps):
        return f"No sample has another IoU under {escaped(b)} than under {escaped(a)}."
    texts = {sample.sample_id: sample.instruction for sample in run.samples()}
    head = ["sample", "instruction", "IoU of the first", "of the second"]
    lines = [_line(head), _line(["---", "---", "--:", "--:"])]
    for sample_id in gaps.index:
        text = texts[sample_id]
        text = text if len(text) <= INSTRUCTION else text[: INSTRUCTION - 1] + "…"
        values = [f"{iou.loc[sample_id, name]:.2f}" for name in (a, b)]
        lines.append(_line([escaped(str(sample_id)), escaped(text), *values]))
    title = f"The first is {a}, the second {b}; {many(len(gaps), 'sample')} with the largest difference in IoU"
    return "### Samples that changed most\n\n" + escaped(title) + "\n\n" + "\n".join(lines)


def _pair(run: Run) -> tuple[str, str] | None:
    """The same system in the first and the last of several runs; else the two that are best by the main metric."""
    if len(run.systems) < 2:
        return None
    first, last = run.members[0], run.members[-1]
    if isinstance(run, JoinedRun):
        for name in first.systems:
            labels = [label for label, (member, system) in run.parts.items() if system == name]
            ends = [label for label in labels if run.parts[label][0] in (first, last)]
            if len(ends) == 2:
                return ends[0], ends[1]
    metric = main_metric(run.results)
    best = ranked(run.results, metric)[:2]
    return best[0], best[1]
