"""The steps of an answer as HTML: its model calls on a line of time, with what a language model was shown and wrote."""

import html
from collections.abc import Sequence
from typing import Any

from workbench.asking.answer import Answer
from workbench.data.masks import Rle
from workbench.data.numbers import seconds
from workbench.data.predictions import Call, Sent
from workbench.data.vocabulary import CALL_KINDS, MISTAKES, title
from workbench.demo.drawing import Pixels, data_uri, figure, seen

MOST_CALLS = 60
_SHORT, _LONG = 70, 4000
"""Characters of a value that stands in a line, and of one that is shown at all."""
_NAMES = ("request", "about", "picture", "finish_reason")
"""Fields of a note that hold a name."""
_SAID_ELSEWHERE = ("sent", "marked", "reply", "mistake", "failed")


def timeline(answer: Answer) -> str:
    """All steps of an answer as an ordered list; text for an answer without any."""
    calls = answer.calls
    if not calls:
        return '<p class="wb-quiet">It recorded no steps.</p>'
    end = max(answer.seconds or 0.0, *(call.start + call.duration for call in calls), 1e-9)
    known: set[Sent] = set()
    rows = []
    for call in calls[:MOST_CALLS]:
        new = [part for part in call.note.sent if part not in known]
        known |= set(new)
        rows.append(_step(call, new, end, answer.pixels))
    more = len(calls) - MOST_CALLS
    left_out = f'<p class="wb-quiet">and {more} more</p>' if more > 0 else ""
    return f'<ol class="wb-steps">{"".join(rows)}</ol>{left_out}'


def _step(call: Call, sent: Sequence[Sent], end: float, pixels: Pixels) -> str:
    kind = call.kind if call.kind in CALL_KINDS else "other"
    bar = f'style="margin-left: {100 * call.start / end:.1f}%; width: {max(0.6, 100 * call.duration / end):.1f}%"'
    shown = "".join(_part(part, pixels) for part in sent)
    return (
        f'<li class="wb-{kind}"><div class="wb-step"><b>{html.escape(title(call.kind))}</b>'
        f"<span>{seconds(call.duration)}</span></div>"
        f'<div class="wb-track"><i {bar}></i></div>'
        f"{_facts(call)}"
        f"{_said('it was shown', shown)}{_said('it wrote', _quoted(call.note.reply or ''))}</li>"
    )


def _part(part: Sent, pixels: Pixels) -> str:
    if not part.picture:
        return _quoted(part.text)
    size = [pixels.shape[0], pixels.shape[1]]
    masks: list[Rle] = [{"size": size, "counts": counts} for counts in part.masks]
    caption = "the picture" if part.picture == "raw" else title(part.picture)
    return figure(data_uri(seen(pixels, part.picture, masks)), caption)


def _facts(call: Call) -> str:
    """Tokens and the short values of its note in a line, and what went wrong."""
    note = call.note.set_fields() | call.note.extra
    facts = [f"{call.tokens_in} → {call.tokens_out} tokens"] if call.tokens_in or call.tokens_out else []
    longer: list[str] = []
    for key, value in note.items():
        if key in _SAID_ELSEWHERE or value == "":
            continue
        (facts if len(str(value)) <= _SHORT else longer).append(f"{title(key)}: {_plain(key, value)}")
    wrong = "".join(
        f'<p class="wb-wrong">{_text(text)}</p>'
        for text in (MISTAKES.get(call.note.mistake or "", call.note.mistake), call.note.failed)
        if text
    )
    line = f'<p class="wb-quiet">{_text(" · ".join(facts))}</p>' if facts else ""
    return line + "".join(f'<p class="wb-quiet">{_text(text)}</p>' for text in longer) + wrong


def _said(what: str, content: str) -> str:
    return f'<div class="wb-sent"><span>{what}</span>{content}</div>' if content else ""


def _quoted(text: str) -> str:
    return f'<p class="wb-said">{_text(text)}</p>' if text else ""


def _plain(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return title(value) if key in _NAMES else str(value)


def _text(text: str) -> str:
    """Text of a system, escaped; what is very long is cut."""
    return html.escape(text if len(text) <= _LONG else f"{text[: _LONG - 1]}…")
