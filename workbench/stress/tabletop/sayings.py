"""Axes of how a question is worded, about scenes that stay the same: length, paraphrase, negation, number words, and
names of what is absent."""

from collections.abc import Sequence

import numpy as np

from workbench.data.numbers import listed
from workbench.plugins.perturbations import Question, generated_axis
from workbench.stress.tabletop.drawn import ask, other_colours, others, pair, places, seed, thing
from workbench.tabletop.composing import Thing, compose
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS
from workbench.tabletop.wording import NUMBERS, pick

FILLERS = (
    "I took this picture this morning.",
    "There is no hurry at all.",
    "My sister asked me about it.",
    "We talked about this last week.",
    "It will help me a lot.",
    "Take your time with the answer.",
    "I have been curious for days.",
    "This matters a lot to me.",
    "Nobody else could tell me so.",
    "You have helped me often before.",
    "I am writing from my kitchen.",
    "That would really make my day.",
)
"""Sentences of six words that say nothing about a picture."""
WORDS_EACH = 6

PARAPHRASES = {
    "name": "the {colour} {noun}",
    "request": "Can you segment the {colour} {noun} in the image?",
    "clause": "the {noun} that is {colour}",
    "question": "Which one is the {colour} {noun}?",
    "description": "Outline what looks like a {noun} and is coloured {colour}.",
}
"""Five wordings of one question; the last uses words that the grammar of tabletop does not have."""


@generated_axis("Length of the instruction", (0, 6, 12, 24, 48, 72), unit="words added", same_answer=True)
def instruction_length(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "Segment the red mug." after 0 to 72 words that say nothing about the picture."""
    words, scene_things, surface = _one_of_seven(rng)
    said = [FILLERS[i] for i in rng.permutation(len(FILLERS))][: int(level) // WORDS_EACH]
    text = " ".join([*said, f"Segment the {words[1]} {words[0]}."])
    return ask(compose(scene_things, surface, size), text, [0], "length", words)


@generated_axis("Paraphrase", tuple(PARAPHRASES), same_answer=True)
def paraphrase(size: int, level: str, rng: np.random.Generator) -> Question:
    """Five wordings of one question about one scene."""
    words, scene_things, surface = _one_of_seven(rng)
    text = PARAPHRASES[level].format(noun=words[0], colour=words[1])
    return ask(compose(scene_things, surface, size), text, [0], "paraphrase", words)


@generated_axis("Negation", ("affirmed", "not", "except", "but not", "neither", "all but"), same_answer=True)
def negation(size: int, level: str, rng: np.random.Generator) -> Question:
    """Two red mugs, two blue ones and three books; the red mugs are asked for as such, by what they are not, or by what
    is left out."""
    words, surface = pair(rng), seed(rng)
    noun, colour = words
    out = pick(rng, other_colours(noun, (colour,)))
    absent = pick(rng, [k for k in COLOURS if k not in (colour, out)])
    cells = places(rng, 4, 3)
    wanted = [thing(rng, words, cells[i], 26) for i in range(2)]
    twins = [thing(rng, (noun, out), cells[2 + i], 26) for i in range(2)]
    rest, kind = others(rng, 1, *words)[0]
    company = [thing(rng, (rest, kind), cells[4 + i], 26) for i in range(3)]
    several, companions = CATEGORIES[noun].plural, CATEGORIES[rest].plural
    text = {
        "affirmed": f"the {colour} {several}",
        "not": f"the {several} that are not {out}",
        "except": f"all {several} except the {out} ones",
        "but not": f"the {several}, but not the {out} ones",
        "neither": f"the {several} that are neither {out} nor {absent}",
        "all but": f"everything except the {companions} and the {out} {several}",
    }[level]
    return ask(compose([*wanted, *twins, *company], surface, size), text, [0, 1], "negation", words)


@generated_axis("Number words", ("none", "word", "digit", "exactly", "not so many"))
def number_words(size: int, level: str, rng: np.random.Generator) -> Question:
    """Two to five red mugs, asked for without a number, with theirs in words or as a digit, on the condition that there
    are as many, or on the condition that there is one more: then nothing is asked for."""
    words, surface = pair(rng), seed(rng)
    count = int(rng.integers(2, 6))
    cells = places(rng, 4, 4)
    wanted = [thing(rng, words, cells[i], 24, "small") for i in range(5)][:count]
    rest = [thing(rng, w, cells[5 + i], 24, "small") for i, w in enumerate(others(rng, 4, *words))]
    said = f"{words[1]} {CATEGORIES[words[0]].plural}"
    text = {
        "none": f"the {said}",
        "word": f"the {NUMBERS[count]} {said}",
        "digit": f"the {count} {said}",
        "exactly": f"the {said}, if there are exactly {NUMBERS[count]} of them",
        "not so many": f"the {said}, if there are exactly {NUMBERS[count + 1]} of them",
    }[level]
    asked = [] if level == "not so many" else range(count)
    return ask(compose([*wanted, *rest], surface, size), text, asked, "number words", words)


@generated_axis("Absent but similar", (0, 1, 2, 3), unit="grade of similarity", same_answer=True)
def absent_similar(size: int, level: float, rng: np.random.Generator) -> Question:
    """Something that is not there: of a kind and colour that nothing has (0), of the kind of some objects (1), of their
    category as well (2), and of a colour besides that another object has (3). The right answer is nothing."""
    kind = pick(rng, ("drinkware", "fruit", "stationery", "light", "timepiece"))
    inside = [name for name, c in CATEGORIES.items() if c.kind == kind]
    noun, cousin = (inside[i] for i in rng.permutation(len(inside))[:2])
    stranger = pick(rng, [name for name, c in CATEGORIES.items() if c.kind != kind])
    colours = other_colours(noun)
    shown, elsewhere, unseen = (colours[i] for i in rng.permutation(len(colours))[:3])
    company = [n for n, c in CATEGORIES.items() if c.kind not in (kind, CATEGORIES[stranger].kind)]
    surface, cells = seed(rng), places(rng, 3, 3)
    near = [thing(rng, (noun, shown), cells[i], 28) for i in range(2)]
    far = [thing(rng, (pick(rng, company), elsewhere), cells[2 + i], 28) for i in range(3)]
    named = ((stranger, unseen), (cousin, unseen), (noun, unseen), (noun, elsewhere))[int(level)]
    scene = compose([*near, *far], surface, size)
    return ask(scene, f"the {named[1]} {named[0]}", [], "absent", named)


@generated_axis("Number of phrases", (1, 2, 3, 4, 5), unit="objects named")
def phrases(size: int, level: float, rng: np.random.Generator) -> Question:
    """ "the red mug, the blue kite and the green book": one to five objects, each by its own words, of a scene with
    eight objects of different categories."""
    surface, cells = seed(rng), places(rng, 4, 3)
    words: list[tuple[str, str]] = []
    for _ in range(8):
        words.append(pair(rng, without=[noun for noun, _ in words]))
    scene = compose([thing(rng, one, cells[i], 28) for i, one in enumerate(words)], surface, size)
    named = [f"the {colour} {noun}" for noun, colour in words[: int(level)]]
    return ask(scene, listed(named), range(len(named)), "phrases", words[0])


def _one_of_seven(rng: np.random.Generator) -> tuple[tuple[str, str], Sequence[Thing], int]:
    """A thing, first, of seven that differ from it in kind and colour but for one of its own category."""
    words, surface = pair(rng), seed(rng)
    cells = places(rng, 4, 3)
    twin = (words[0], pick(rng, other_colours(words[0], (words[1],))))
    named = [words, twin, *others(rng, 5, *words)]
    return words, [thing(rng, one, cells[i], 28) for i, one in enumerate(named)], surface
