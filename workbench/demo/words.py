"""What the page says in HTML: heads of answers, notices, and what was kept."""

import html
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.data.conditions import outside
from workbench.data.numbers import listed
from workbench.demo.keeping import Kept
from workbench.demo.session import SAME, Session
from workbench.demo.side import Side

HEADING = (
    "<h1>Ask two systems about a picture</h1>"
    "<p>They mark what an instruction asks for. Move thresholds, look at their steps, and keep samples.</p>"
)
EMPTY = (
    '<p class="wb-quiet">Choose a picture or an example, say what to look for, and ask: the answers appear here.</p>'
)


ASKED = '<p class="wb-quiet">Asked. Answers come one after the other.</p>'
DONE = '<p class="wb-quiet" role="status">Both are done.</p>'


def head(side: Side) -> str:
    """Name, what came out, phrases, and why it failed."""
    answer = side.answer
    if answer.ok:
        found = f"<p>{html.escape(answer.summary())}; {len(side.shown)} shown</p>"
    else:
        found = f'<p class="wb-wrong">{html.escape(answer.summary())}: {html.escape(answer.message)}</p>'
    rejected = '<p class="wb-quiet">It says that nothing fits.</p>' if answer.prediction.rejected else ""
    first = '<p class="wb-quiet">Its first answer since it was loaded: later ones are faster.</p>' if side.first else ""
    phrases = ", ".join(f"“{html.escape(phrase)}”" for phrase in answer.phrases)
    asked = f'<p class="wb-quiet">phrases: {phrases}</p>' if phrases else ""
    name = f'<h3 style="color: {answer.colour}">{html.escape(answer.system)}</h3>'
    return f'<div class="wb-head">{name}{found}{rejected}{asked}{first}</div>'


def threshold_note(side: Side) -> str:
    """What the threshold does for this answer."""
    if side.known_from > 0:
        return f"Shows what scores above it. Nothing below {side.known_from:.2f} was stored."
    if any(one.by_score and one.dropped for one in side.masks):
        return "Shows what scores above it, also masks that the system left out."
    return "Shows what scores above it."


def notice(session: Session) -> str:
    """What to know before relying on the answers; once for systems that know the same."""
    lines = outside({side.answer.system: side.answer.knows for side in session.sides})
    return "".join(f'<p class="wb-notice">{html.escape(line)}</p>' for line in lines)


def problem(text: str) -> str:
    """Something that the user has to mend."""
    return f'<p class="wb-wrong" role="alert">{html.escape(text)}</p>'


def quiet(lines: Iterable[str]) -> str:
    """Remarks."""
    return "".join(f'<p class="wb-quiet">{html.escape(line)}</p>' for line in lines)


def keep_button(session: Session) -> str:
    """What would be kept."""
    count = len(session.kept)
    return f"Keep as sample with {count} mask{'' if count == 1 else 's'}" if count else "Keep as sample: nothing fits"


def keep_note(session: Session) -> str:
    """Chosen masks that may be of the same thing."""
    said = [
        f"{session.called(a)} and {session.called(b)} overlap by {iou:.0%}: "
        + ("they are the same; keep one of them" if iou >= SAME else "keep one of them, if they are of the same thing")
        for a, b, iou in session.alike()
    ]
    return "".join(f'<p class="wb-notice">{html.escape(line)}</p>' for line in said)


def kept(result: Kept, systems: Sequence[str]) -> str:
    """Where a sample was kept, and how to compare on all of them."""
    samples, pictures = (
        f"{result.samples} sample{_s(result.samples)}",
        f"{result.pictures} picture{_s(result.pictures)}",
    )
    how = "Kept in the place of the earlier one" if result.replaced else "Kept"
    command = html.escape(compare_command(result.file, systems))
    return (
        f'<p class="wb-kept" role="status">{how}: now {samples} about {pictures} in '
        f"<code>{html.escape(str(result.file))}</code></p>"
        f'<p class="wb-quiet">Compare {html.escape(listed(list(systems)))} on them:</p>'
        f'<pre class="wb-command">{command}</pre>'
    )


def compare_command(file: Path, systems: Sequence[str]) -> str:
    """The command that compares systems on kept samples."""
    words = ["workbench", "compare", "--systems", ",".join(systems), "--benchmark", "inst2seg"]
    words += ["--set", f"inst2seg.annotations={file}", "--set", f"inst2seg.images={file.parent}"]
    return shlex.join(words)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
