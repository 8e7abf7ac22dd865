"""Instructions about how objects compare: relation, superlative, counting.

A construction takes a view of the scene, the random generator and the wanted form. It returns a draft, or None where
the attempt gives nothing of that form or is too close to call; another attempt may succeed.
"""

import numpy as np

from workbench.tabletop.geometry import Clear, Direction, first, nth
from workbench.tabletop.phrases import ANYTHING, Phrase
from workbench.tabletop.view import Draft, Form, View, fits_form
from workbench.tabletop.wording import NUMBERS, ORDINALS, noun, pick, request

_SIDES: dict[Direction, tuple[str, ...]] = {
    "left": ("to the left of", "left of", "on the left side of"),
    "right": ("to the right of", "right of", "on the right side of"),
    "above": ("above", "higher up than"),
    "below": ("below", "lower down than"),
}
_ENDS: dict[Direction, tuple[str, ...]] = {
    "left": ("leftmost",),
    "right": ("rightmost",),
    "above": ("topmost", "highest"),
    "below": ("bottommost", "lowest"),
}
_FROM: dict[Direction, str] = {"left": "left", "right": "right", "above": "top", "below": "bottom"}
_OPPOSITE: dict[Direction, Direction] = {"left": "right", "right": "left", "above": "below", "below": "above"}
_DIRECTIONS = tuple(_SIDES)


def relation(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the mug left of the clock", "the two apples nearest to the book" """
    attempts = [_beside, _beside, _between, _nearest, _nearest] if form != "none" else [_beside, _beside, _between]
    return pick(rng, attempts)(view, rng, form)


def superlative(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the largest mug", "the leftmost and the rightmost apple" """
    word, opposite, clear = _order(view, rng)
    if form == "none":
        absent = view.near_miss(rng, lambda p: p.size is None)
        if absent is None:
            return None
        return Draft(request(f"the {word} {noun(absent, False, rng)}", rng, plural=False), (), absent)
    choice = view.choose(rng, lambda p, i: len(i) >= 2 and p.size is None)
    if choice is None:
        return None
    phrase, indices = choice
    lead, tail = first(indices, clear, 1), first(indices, lambda a, b: clear(b, a), 1)
    said = noun(phrase, False, rng)
    if form == "single":
        return Draft(request(f"the {word} {said}", rng, plural=False), lead, phrase) if lead else None
    if lead is None or tail is None:
        return None
    text = pick(rng, (f"the {word} and the {opposite} {said}", f"both the {word} and the {opposite} {said}"))
    return Draft(request(text, rng, plural=True, question=False), tuple(sorted(lead + tail)), phrase)


def counting(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "both mugs", "the third apple from the left", "the mugs, if there are exactly two of them" """
    if form == "single":
        return pick(rng, (_only, _ordinal, _ordinal, _first_of))(view, rng, form)
    if form == "multi":
        return pick(rng, (_all_of, _first_of, _on_condition))(view, rng, form)
    return pick(rng, (_on_condition, _ordinal))(view, rng, form)


def _beside(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    named = _candidates_and_reference(view, rng, form)
    if named is None:
        return None
    phrase, candidates, index, reference = named
    direction = pick(rng, _DIRECTIONS)
    verdicts = {i: view.layout.beside(direction, i, index) for i in candidates}
    where = f"{pick(rng, _SIDES[direction])} the {noun(reference, False, rng)}"
    return _where(phrase, verdicts, where, rng, form)


def _between(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    named = _candidates_and_reference(view, rng, form)
    if named is None:
        return None
    phrase, candidates, index, reference = named
    other = pick(rng, range(len(view.objects)))
    second = view.reference(rng, other)
    if second is None or other == index:
        return None
    verdicts = {i: view.layout.between(i, index, other) for i in candidates if i != other}
    where = f"between the {noun(reference, False, rng)} and the {noun(second, False, rng)}"
    return _where(phrase, verdicts, where, rng, form)


def _nearest(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    named = _candidates_and_reference(view, rng, form)
    if named is None:
        return None
    phrase, candidates, index, reference = named
    count = 1 if form == "single" else int(rng.integers(2, 4))
    if len(candidates) <= count:
        return None
    near = view.layout.nearer(index)
    closest = rng.random() < 0.65
    targets = first(candidates, near if closest else lambda a, b: near(b, a), count)
    if targets is None:
        return None
    where = pick(rng, ("nearest to", "closest to") if closest else ("farthest from", "furthest from"))
    number = "" if count == 1 else f"{NUMBERS[count]} "
    text = f"the {number}{noun(phrase, count > 1, rng)} {where} the {noun(reference, False, rng)}"
    return Draft(request(text, rng, plural=count > 1), targets, phrase)


def _candidates_and_reference(
    view: View, rng: np.random.Generator, form: Form
) -> tuple[Phrase, tuple[int, ...], int, Phrase] | None:
    """What to choose from, and a uniquely named object to compare it with; for no-target sometimes nothing at all."""
    index = pick(rng, range(len(view.objects)))
    reference = view.reference(rng, index)
    if reference is None:
        return None
    if form == "none" and rng.random() < 0.3:
        absent = view.near_miss(rng, lambda p: p.size is None)
        return None if absent is None else (absent, (), index, reference)
    least = 1 if form == "none" or (form == "single" and rng.random() < 0.3) else 2
    choice = view.choose(rng, lambda p, i: p.size is None and len(set(i) - {index}) >= least)
    if choice is None:
        return None
    phrase, indices = choice
    return phrase, tuple(i for i in indices if i != index), index, reference


def _where(
    phrase: Phrase, verdicts: dict[int, bool | None], where: str, rng: np.random.Generator, form: Form
) -> Draft | None:
    """All objects for which the answer is yes; None where an object is too close to call, or where their number does
    not fit the form.
    """
    targets = tuple(i for i, verdict in verdicts.items() if verdict)
    if None in verdicts.values() or not fits_form(targets, form):
        return None
    plural = form == "multi" or (form == "none" and rng.random() < 0.4)
    start = pick(rng, ("the", "all") if plural else ("the",))
    text = f"{start} {noun(phrase, plural, rng)} {where}"
    return Draft(request(text, rng, plural=plural, question=start == "the"), targets, phrase)


def _order(view: View, rng: np.random.Generator) -> tuple[str, str, Clear]:
    """A superlative, its opposite, and the comparison behind it."""
    roll = rng.random()
    if roll < 0.2:
        return pick(rng, ("largest", "biggest")), "smallest", view.layout.larger
    if roll < 0.4:
        return "smallest", pick(rng, ("largest", "biggest")), lambda a, b: view.layout.larger(b, a)
    direction = pick(rng, _DIRECTIONS)
    opposite = _ENDS[_OPPOSITE[direction]]
    return pick(rng, _ENDS[direction]), pick(rng, opposite), view.layout.further(direction)


def _only(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    choice = view.choose(rng, lambda p, i: len(i) == 1)
    if choice is None:
        return None
    said = noun(choice[0], False, rng)
    texts = (f"the only {said}", f"the one and only {said}", f"the {said}, if there is exactly one")
    return Draft(request(pick(rng, texts), rng, plural=False, question=False), choice[1], choice[0])


def _ordinal(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """Counted from a side; for no-target further than there are objects."""
    choice = view.choose(rng, lambda p, i: p.noun != ANYTHING and 1 + (form == "single") <= len(i) <= 4)
    if choice is None:
        return None
    phrase, indices = choice
    direction = pick(rng, _DIRECTIONS)
    targets: tuple[int, ...] = ()
    if form == "none":
        position = len(indices) + 1
    else:
        position = int(rng.integers(1, len(indices) + 1))
        target = nth(indices, view.layout.further(direction), position)
        if target is None:
            return None
        targets = (target,)
    text = f"the {ORDINALS[position]} {noun(phrase, False, rng)} from the {_FROM[direction]}"
    return Draft(request(text, rng, plural=False), targets, phrase)


def _all_of(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    choice = view.choose(rng, lambda p, i: fits_form(i, form))
    if choice is None:
        return None
    phrase, targets = choice
    said, number = noun(phrase, True, rng), NUMBERS[len(targets)]
    texts = (
        [f"the {number} {said}", f"all {number} {said}"] if len(targets) > 2 else [f"both {said}", f"the two {said}"]
    )
    return Draft(request(pick(rng, texts), rng, plural=True, question=False), targets, phrase)


def _first_of(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """The outermost or largest few of more; for a single target the one that is second."""
    count = int(rng.integers(2, 4))
    choice = view.choose(rng, lambda p, i: len(i) > count and p.size is None)
    if choice is None:
        return None
    phrase, indices = choice
    word, _, clear = _order(view, rng)
    if form == "single":
        second = nth(indices, clear, 2)
        text = f"the second {word} {noun(phrase, False, rng)}"
        return None if second is None else Draft(request(text, rng, plural=False), (second,), phrase)
    targets = first(indices, clear, count)
    text = f"the {NUMBERS[count]} {word} {noun(phrase, True, rng)}"
    return None if targets is None else Draft(request(text, rng, plural=True), targets, phrase)


def _on_condition(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """All of a class if a statement about their number holds; for no-target it does not."""
    choice = view.choose(rng, lambda p, i: 2 <= len(i) <= 8)
    if choice is None:
        return None
    phrase, indices = choice
    number, holds = len(indices), form == "multi"
    other = number + 1 if number == 2 or rng.random() < 0.5 else number - 1
    smaller, larger = number - 1, number + 1
    conditions = (
        f"exactly {NUMBERS[number if holds else other]}",
        f"at least {NUMBERS[number if holds else larger]}",
        f"fewer than {NUMBERS[larger if holds else number]}",
        f"more than {NUMBERS[smaller if holds else number]}",
    )
    condition = pick(rng, (conditions[0], *conditions))
    joint = pick(rng, (", if there are {} of them", ", but only if there are {}"))
    text = f"the {noun(phrase, True, rng)}{joint.format(condition)}"
    return Draft(request(text, rng, plural=True, question=False), indices if holds else (), phrase)
