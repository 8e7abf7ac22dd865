"""The same question in other words that mean the same: case, punctuation, politeness, misspelling."""

import numpy as np

from workbench.plugins.perturbations import Question, axis

POLITE = (
    "{}",
    "Please help me with this: {}",
    "Could you please help me with this: {} Thank you very much!",
    "Hello! I hope that you are well. If it is not too much trouble, could you please help me with this: {} "
    "Thank you very much, I really appreciate it!",
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    letter: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in _ROWS
    for place, letter in enumerate(row)
}
"""Keys beside each letter."""


@axis("Case", ("as it is", "lower", "Capitals", "UPPER", "mIxEd"))
def case(question: Question, level: str, rng: np.random.Generator) -> Question:
    """Upper and lower case letters."""
    text = question.sample.instruction
    if level == "mIxEd":
        upper = rng.random(len(text)) < 0.5
        return question.asked("".join(c.upper() if up else c.lower() for c, up in zip(text, upper, strict=True)))
    cased = {"as it is": text, "lower": text.lower(), "Capitals": text.title(), "UPPER": text.upper()}
    return question.asked(cased[level])


@axis("Punctuation", ("as it is", "none", "dots", "exclamation", "quotes"))
def punctuation(question: Question, level: str, rng: np.random.Generator) -> Question:
    """How the question is punctuated."""
    text = question.sample.instruction
    bare = text.rstrip(" .!?")
    said = {
        "as it is": text,
        "none": bare.replace(",", "").replace(".", ""),
        "dots": f"{bare} ...",
        "exclamation": f"{bare}!!!",
        "quotes": f'"{bare}"',
    }
    return question.asked(said[level])


@axis("Politeness", (0, 1, 2, 3), unit="grade")
def politeness(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Polite words around the question, more at each grade."""
    return question.asked(POLITE[int(level)].format(question.sample.instruction))


@axis("Misspelling", (0, 1, 2, 3, 5), unit="typing errors")
def typos(question: Question, level: float, rng: np.random.Generator) -> Question:
    """Typing errors inside words: a letter doubled, left out, swapped with the next, or hit beside. Each level keeps
    the errors of the levels below."""
    letters = list(question.sample.instruction)
    places = [i for i in range(1, len(letters) - 1) if letters[i].isalpha() and letters[i - 1].isalpha()]
    chosen = rng.permutation(places)
    kinds, picks = rng.integers(4, size=len(chosen)), rng.integers(2, size=len(chosen))
    for place, kind, pick in list(zip(chosen, kinds, picks, strict=True))[: int(level)]:
        letters[place] = _mistyped(letters[place], int(kind), int(pick))
    return question.asked("".join(letters))


def _mistyped(letter: str, kind: int, pick: int) -> str:
    near = _NEIGHBOURS.get(letter.lower(), letter)
    beside = near[pick % len(near)] if near else letter
    return ("", letter * 2, beside, beside + letter)[kind]
