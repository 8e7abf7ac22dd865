"""Every mask that a system saw as a grid of small pictures in HTML: for a single pass, its slots."""

import html
from collections.abc import Mapping

from workbench.asking.answer import Answer
from workbench.data.vocabulary import title
from workbench.demo.drawing import figure, small
from workbench.demo.side import Mask, Side

MOST = 60
"""Masks in the grid; the best are kept."""


def is_single_pass(answer: Answer) -> bool:
    """Whether no language model was asked in turns: then its masks are those of its slots."""
    return not any(call.note.sent or call.note.tool or call.note.request for call in answer.calls)


def pictures(side: Side) -> dict[int, str]:
    """The small picture of each mask of the grid, by number, as a data URI."""
    best = sorted(side.masks, key=lambda one: (bool(one.dropped), -one.score))[:MOST]
    return {one.number: small(side, one) for one in best}


def grid(side: Side, drawn: Mapping[int, str]) -> str:
    """The grid, by phrase, as HTML; `drawn` as `pictures` gives it. Masks of the answer are marked."""
    shown = {one.number for one in side.shown}
    masks = [one for one in side.masks if one.number in drawn]
    if not masks:
        return '<p class="wb-quiet">It stored no masks.</p>'
    phrases = list(dict.fromkeys(_phrase(side, one) for one in masks))
    parts = []
    for phrase in phrases:
        cells = "".join(
            figure(drawn[one.number], _caption(one, side), "wb-on" if one.number in shown else "")
            for one in masks
            if _phrase(side, one) == phrase
        )
        head = f"<h4>“{html.escape(phrase)}”</h4>" if phrase else ""
        parts.append(f'{head}<div class="wb-grid">{cells}</div>')
    more = len(side.masks) - len(masks)
    left_out = f'<p class="wb-quiet">and {more} more</p>' if more else ""
    return "".join(parts) + left_out


def _phrase(side: Side, mask: Mask) -> str:
    """The phrase that a mask belongs to: that of an instance is known where there is one phrase only."""
    phrases = side.answer.phrases
    return mask.phrase or (phrases[0] if len(phrases) == 1 else "")


def _caption(mask: Mask, side: Side) -> str:
    score = f"{mask.score:.2f}" if mask.score >= 0.01 or not mask.score else "< 0.01"
    low = "" if mask.score > side.threshold else " too low"
    why = low if mask.by_score else f" {title(mask.dropped)}"
    return f"{mask.number} · {score}{why}"
