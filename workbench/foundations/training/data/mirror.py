"""A picture with its questions as a mirror shows them: left and right are exchanged, in pixels and in words."""

import re
from dataclasses import replace

import numpy as np

from workbench.foundations.training.data.questions import Picture, Question

_EXCHANGED = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)(?=\b|most\b|hand\b|ward\b|wards\b|side\b)", re.IGNORECASE)
_NO_SIDE = re.compile(
    r"\b(all|just|that's|that is|not|is it|be) right\b"
    r"|\bright (now|away|answer|choice|tool|one for|thing|way to|kind|size|amount|after|before|there|here)\b"
    r"|\bleft (over|behind|alone|out|unattended|to be)\b|\b(is|are|was|were|been|has|have|had|what's|who|that) left\b",
    re.IGNORECASE,
)
"""Words of a side that mean something else."""
_TURNED = re.compile(r"o'?\s?clock|clockwise|\bport\b|\bstarboard\b|\b(east|west)\b|\bmirror", re.IGNORECASE)
"""What a mirror changes, and no exchange of words puts right."""
_WRITTEN = ("ocr",)
"""Labels of questions about writing, which cannot be read in a mirror."""


def can_mirror(picture: Picture) -> bool:
    """Whether the texts stay true when left and right are exchanged in them."""
    return not any(
        _NO_SIDE.search(text) or _TURNED.search(text) or (question.label or "").lower() in _WRITTEN
        for question in picture.questions
        for text in (question.text, question.phrase)
    )


def mirrored(picture: Picture) -> Picture:
    """The mirrored picture, which is no scene of tabletop any more."""
    return replace(
        picture,
        image=np.ascontiguousarray(picture.image[:, ::-1]),
        questions=[_mirrored(question) for question in picture.questions],
        scene=None,
    )


def exchanged(text: str) -> str:
    """The text with left and right exchanged, also in leftmost and right-hand; capitals stay where they are."""

    def other(found: re.Match[str]) -> str:
        word = _EXCHANGED[found[1].lower()]
        return word.upper() if found[1].isupper() else word.capitalize() if found[1][0].isupper() else word

    return _SIDE.sub(other, text)


def _mirrored(question: Question) -> Question:
    return replace(
        question,
        text=exchanged(question.text),
        phrase=exchanged(question.phrase),
        masks=np.ascontiguousarray(question.masks[..., ::-1]),
    )
