"""The report of a run, or of several runs of the same samples (`workbench.scoring.joined`): one HTML file that needs
nothing else, no network and no server."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.figures.catalogue import drawn_once
from reports.figures.oracles import oracle_columns, oracle_rows, unavailable
from reports.figures.style import CALL_NAMES, system_style
from reports.figures.svg import COLOURS, inline_svg
from reports.pages.gallery import build_gallery
from reports.pages.rendering import TEMPLATE, rendered
from reports.text import frontier, tables
from reports.text.asymmetries import asymmetries
from reports.text.caveats import caveats, mixed
from reports.text.glossary import INSTANCES, NAMES, SAMPLES, definitions
from reports.text.published import beside_published, published
from workbench.data.digests import flatten
from workbench.data.manifest import Manifest
from workbench.data.numbers import many
from workbench.data.plain import plain
from workbench.data.results import Results, main_metric
from workbench.runs.run import Run
from workbench.scoring.verdict import sentences

PAIRS_IN_FULL = 6
"""Differences of every metric and failure rate are shown for as many pairs of systems; the matrix has all pairs."""
PAIRS_IN_A_TABLE = 3
SCRIPTS = ("masks.js", "parts.js", "sample.js", "gallery.js")
"""Of the page, in order: each uses those before it."""


def write_report(run: Run, out: Path) -> Path:
    """Write the report of a finished run to `out` and return its path."""
    out.write_text(rendered("report.html.j2", _page(run)), encoding="utf-8")
    return out


def _page(run: Run) -> dict[str, Any]:
    results, manifest = run.results, run.manifest
    predictions = {name: run.predictions(name) for name in run.systems}
    gallery = build_gallery(run.samples(), predictions, run.table(), run.overlap)
    style = system_style(run.systems)
    return {
        "title": manifest.name,
        "benchmark": run.benchmark,
        "runs": [member.name for member in run.members],
        "created": datetime.fromisoformat(manifest.created),
        "protocol": results.protocol,
        "samples": results.benchmark.samples,
        "many": many,
        "truth": results.has_truth,
        "systems": [{"name": plain(name), "colour": f"var(--{_variable(style[name][0])})"} for name in run.systems],
        "verdict": sentences(results),
        "caveats": caveats(results, manifest) + mixed([member.manifest for member in run.members]),
        "headline": tables.headline(results),
        "differences": _differences(results),
        "frontier": {"caption": frontier.CAPTION, "columns": frontier.columns(results), "rows": frontier.rows(results)},
        "matrix": [] if results.frontier or len(run.systems) < 3 or not results.has_truth else _matrix(results),
        "metric": tables.metric_with_unit(results, main_metric(results)),
        "oracles": oracle_rows(results),
        "oracle_columns": oracle_columns(results),
        "oracle_notes": unavailable(results),
        "asymmetries": asymmetries(manifest),
        "published": beside_published(results, published(run.benchmark)),
        "figures": [
            {"title": title, "note": note, "svg": inline_svg(figure, f"{title}. {note}")}
            for title, note, figure in drawn_once(results)
        ],
        "gallery": gallery,
        "names": NAMES,
        "calls": CALL_NAMES,
        "causes": {"instances": list(INSTANCES), "samples": list(SAMPLES)},
        "provenance": _provenance(run),
        "commands": [command for member in run.members for command in _commands(member.manifest)],
        "definitions": definitions(results),
        "colours": COLOURS,
        "css": Markup((TEMPLATE / "report.css").read_text(encoding="utf-8")),
        "scripts": [Markup((TEMPLATE / name).read_text(encoding="utf-8")) for name in SCRIPTS],
    }


def _matrix(results: Results) -> list[tables.Row]:
    return tables.matrix(results, main_metric(results))


def _differences(results: Results) -> list[dict[str, Any]]:
    """Tables of a few pairs each: their names, the rows of metrics and those of failure rates."""
    pairs = results.differences
    if len(pairs) > PAIRS_IN_FULL or not results.has_truth:
        return []
    return [
        {
            "pairs": [(pair.a, pair.b) for pair in some],
            "metrics": tables.differences(results, some),
            "rates": tables.rates(some),
            "rate_columns": tables.rate_columns(some),
            "notes": list(dict.fromkeys(pair.note for pair in some if pair.note)),
        }
        for some in (pairs[place : place + PAIRS_IN_A_TABLE] for place in range(0, len(pairs), PAIRS_IN_A_TABLE))
    ]


def _provenance(run: Run) -> dict[str, dict[str, Any]]:
    """What the results depend on, by section, as flat keys; of several runs, a section for each."""
    benchmark = run.manifest.benchmark
    samples = run.results.benchmark.samples
    asked = {"name": benchmark.name, "protocol": benchmark.protocol, "samples": samples}
    sections = {
        "Benchmark": asked | benchmark.identity,
        **_made(run.members),
        **{f"System {name}": identity | _state(run, name) for name, identity in run.manifest.systems.items()},
    }
    return {
        title: {k: v for k, v in flatten(section).items() if v not in (None, [], "")}
        for title, section in sections.items()
    }


def _state(run: Run, system: str) -> dict[str, Any]:
    """The state of the machine when a system began."""
    machine = run.results.systems[system].machine
    return {"machine when it began": machine.to_json()} if machine else {}


def _made(runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """How the runs were made: the code, the libraries, the machine and the options."""
    if len(runs) == 1:
        return _circumstances(runs[0].manifest)
    return {
        f"Run {place}: {run.name}": {"created": run.manifest.created}
        | {title.lower(): facts for title, facts in _circumstances(run.manifest).items()}
        for place, run in enumerate(runs, 1)
    }


def _circumstances(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    return {
        "Code": manifest.git.to_json(),
        "Versions": manifest.versions,
        "Machine": manifest.machine.to_json(),
        "Options": manifest.options.to_json(),
    }


def _commands(manifest: Manifest) -> list[str]:
    """The commands that make the run again."""
    return manifest.options.commands or [_command(manifest)]


def _command(manifest: Manifest) -> str:
    """The command that repeats this comparison. For a system that no plugin makes, it names the function."""
    options, makers = manifest.options, manifest.options.makers
    systems = [f"{name}={makers[name]}" if name in makers else name for name in manifest.systems]
    words = [
        "workbench",
        "compare",
        "--systems",
        ",".join(systems),
        "--benchmark",
        manifest.benchmark.name,
    ]
    for option in ("limit", "mode", "seed", "time_limit"):
        if (value := getattr(options, option)) is not None:
            words += ["--" + option.replace("_", "-"), str(value)]
    words += ["--sample", options.sample] if options.sample != "first" else []
    words += ["--repeats", str(options.repeats)] if options.repeats else []
    if oracles := options.oracles:
        words += ["--oracles"] if oracles is True else ["--oracles", ",".join(oracles)]
    for assignment in options.set:
        words += ["--set", assignment]
    return shlex.join(words)


def _variable(colour: str) -> str:
    return next(name for name, value in COLOURS.items() if value == colour)
