"""`workbench ask`: systems answer about one's own pictures."""

import argparse
import json
import shlex
import sys
import webbrowser
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.commands import INCOMPLETE, system_names
from workbench.data.errors import ConfigurationError, OutageError, StoppedError, stopping
from workbench.data.plain import plain
from workbench.plugins.assignments import settings_by_name

if TYPE_CHECKING:
    from workbench.asking.answer import Answer, Answers
    from workbench.asking.folder import Picture

HOW = 'expected pictures and then what to look for, in quotes: workbench ask PICTURE ... "the red mug"'


def ask_pictures(options: argparse.Namespace) -> int:
    from workbench.asking.folder import ANSWERS, answers_in, ask_in
    from workbench.comparison.comparison import with_report
    from workbench.data.conditions import outside

    pictures, instructions = questions(options)
    systems = system_names(options.systems)
    settings = settings_by_name(options.set, list(systems))
    out = options.out or Path("runs") / f"ask-{datetime.now():%Y%m%d-%H%M%S}"
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        try:
            with stopping(f"The answers so far are kept in {out}: when there is room, give the same command again"):
                run, asked = ask_in(out, pictures, instructions, systems, settings, _command(options))
        except (KeyboardInterrupt, OutageError, StoppedError):
            print(
                f"workbench: the answers so far are kept; go on with the same command and --out {out}", file=sys.stderr
            )
            raise
        warnings = outside({name: one.knows for name, one in run.manifest.conditions.items()})
        for line in warnings:
            print(f"workbench: {line}", file=sys.stderr)
        drawings, records = [], []
        for sample, answers in zip(asked, answers_in(run, asked), strict=True):
            folder = answers.save(out / ANSWERS / sample.sample_id)
            drawings.append(folder / "answers.png")
            records.append(_record(answers, folder))
            print(text(answers, drawings[-1]))
        run, complete = with_report(run)
    if options.json:
        print(
            json.dumps(
                {
                    "out": str(out),
                    "report": str(out / "report.html") if complete else None,
                    "warnings": warnings,
                    "asked": records,
                }
            )
        )
    if options.open:
        shown = drawings[0] if len(drawings) == 1 else out / "report.html"
        webbrowser.open(shown.resolve().as_uri())
    return 0 if complete else INCOMPLETE


def questions(options: argparse.Namespace) -> "tuple[list[Picture], list[str]]":
    """The pictures, each of which can be shown, and the instructions; raises `ConfigurationError` for anything else."""
    from workbench.asking.folder import picture_at
    from workbench.asking.picture import found

    words = list(options.words)
    asked = [*options.ask, *(_lines(options.asks) if options.asks else [])]
    if not asked:
        if len(words) < 2:
            lacking = "the instruction" if found(words[0]) else "the pictures"
            raise ConfigurationError(f"ask: {lacking} is missing; {HOW}".replace("pictures is", "picture is"))
        last = found(words[-1])
        if last and last.is_file():
            raise ConfigurationError(f"ask: {words[-1]!r} is a file, not an instruction; {HOW}")
        asked = [words.pop()]
    if any(not one.strip() for one in asked):
        raise ConfigurationError(f"ask: the instruction is empty; {HOW}")
    for word in words:
        if not found(word):
            raise ConfigurationError(f"ask: picture not found: {word}; {HOW}")
    pictures = {one.name: one for one in map(picture_at, words)}
    return list(pictures.values()), list(dict.fromkeys(one.strip() for one in asked))


def text(answers: "Answers", drawing: Path) -> str:
    """The answers to one question as they are printed."""
    lines = [f"{plain(answers.picture)}: “{plain(answers.instruction)}”"]
    for answer in answers.values():
        phrases = ", ".join(f"“{plain(phrase)}”" for phrase in answer.phrases)
        why = f": {plain(answer.message)}" if answer.message else ""
        lines.append(f"  {answer.system}: {answer.summary()}{why}" + (f"; phrases {phrases}" if phrases else ""))
        lines += _table(answer)
    return "\n".join([*lines, f"  picture: {drawing}", ""])


def _table(answer: "Answer") -> list[str]:
    rows = [
        (
            str(one.number),
            f"{one.score:.2f}",
            "{:.0f},{:.0f} {:.0f}x{:.0f}".format(*one.box),
            f"{one.area:,}",
            f"{one.share:.1%}",
        )
        for one in answer.found
    ]
    if not rows:
        return []
    rows = [("", "score", "box x,y w x h", "area px", "of picture"), *rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["    " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _record(answers: "Answers", folder: Path) -> dict[str, Any]:
    return {
        "picture": answers.picture,
        "instruction": answers.instruction,
        "drawing": str(folder / "answers.png"),
        "answers": [{**answer.to_json(), "folder": str(folder / name)} for name, answer in answers.items()],
    }


def _lines(file: Path) -> list[str]:
    """The instructions of a file, one a line; empty lines are left out."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"ask: {file} cannot be read: {error}") from error
    if not any(line.strip() for line in lines):
        raise ConfigurationError(f"ask: {file} has no instruction")
    return [line for line in lines if line.strip()]


def _command(options: argparse.Namespace) -> str:
    """The command as it can be given again."""
    dashed = any(word.startswith("-") for word in options.words)
    words = ["workbench", "ask", *([] if dashed else options.words)]
    for one in options.ask:
        words += ["--ask", one]
    words += ["--asks", str(options.asks)] if options.asks else []
    words += ["--systems", options.systems]
    for one in options.set:
        words += ["--set", one]
    words += ["--", *options.words] if dashed else []
    return shlex.join(words)
