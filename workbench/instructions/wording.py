"""Sentences around what is asked for."""

import numpy as np

from workbench.tabletop.wording import pick

_ANY = (
    "{}",
    "{}",
    "segment {}",
    "Segment {}.",
    "Please segment {}.",
    "Highlight {}.",
    "Please find {}.",
    "I need the mask of {}.",
    "Mark {}.",
)
_OPEN = ("Could you segment {}?", "Mark {} for me.", "Show me {}, please.")
"""Not around what ends with a condition, or with where it is."""
_QUESTIONS = {False: ("Where is {}?", "Which one is {}?"), True: ("Where are {}?", "Which ones are {}?")}


def request(text: str, rng: np.random.Generator, *, plural: bool, question: bool = True) -> str:
    """Put what is asked for into a request, a question, or leave it bare; `question` allows "Where is ...?"."""
    if question and "picture" not in text and rng.random() < 0.12:
        return pick(rng, _QUESTIONS[plural]).format(text)
    return pick(rng, _ANY if "," in text or "picture" in text else (*_ANY, *_OPEN)).format(text)
