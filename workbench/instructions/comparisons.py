"""Instructions about how objects compare: position, superlative, relation, counting.

A construction takes a view of the picture, the random generator and the wanted form. It returns a draft, or None where
the attempt gives nothing of that form or is too close to call; another attempt may succeed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.instructions.conditions import DIRECTIONS, Condition, beside, between, placed
from workbench.instructions.view import Called, Draft, View
from workbench.instructions.wording import request
from workbench.tabletop.geometry import Clear, Direction, first, nth
from workbench.tabletop.view import Form, fits_form
from workbench.tabletop.wording import NUMBERS, ORDINALS, pick

_ENDS: dict[Direction, tuple[str, ...]] = {
    "left": ("leftmost {}", "{} furthest to the left"),
    "right": ("rightmost {}", "{} furthest to the right"),
    "above": ("topmost {}", "{} nearest to the top of the picture"),
    "below": ("bottommost {}", "{} nearest to the bottom of the picture"),
}
_FROM: dict[Direction, str] = {"left": "left", "right": "right", "above": "top", "below": "bottom"}
_OPPOSITE: dict[Direction, Direction] = {"left": "right", "right": "left", "above": "below", "below": "above"}
_LARGEST = ("largest {} in the picture", "{} that takes up the most room in the picture")
_SMALLEST = ("{} that takes up the least room in the picture",) * 2  # "the smallest" of things half hidden is unclear


@dataclass(frozen=True)
class Order:
    """A superlative: `pattern` with a place for the noun, and the comparison behind it."""

    pattern: str
    clear: Clear

    def lead(self, noun: str, plural: bool = False) -> str:
        """The noun with its superlative: "leftmost one", "people that take up the most room"."""
        said = self.pattern.removeprefix("{} ") if noun == "ones" else self.pattern  # "the two furthest to the left"
        if plural or noun == "ones":
            said = said.replace("that takes", "that take")
        return said.format(noun)


def order(view: View, rng: np.random.Generator) -> Order:
    """Some order: by place or by size."""
    return by_place(view, rng)[0] if rng.random() < 0.6 else by_size(view, rng)[0]


def by_place(view: View, rng: np.random.Generator) -> tuple[Order, Order]:
    """An order by place, and its opposite."""
    direction = pick(rng, DIRECTIONS)
    word = int(rng.integers(2))
    there, back = (Order(_ENDS[d][word], view.layout.further(d)) for d in (direction, _OPPOSITE[direction]))
    return there, back


def by_size(view: View, rng: np.random.Generator) -> tuple[Order, Order]:
    """An order by the size in the picture, and its opposite."""
    word = int(rng.integers(2))
    larger = view.layout.larger
    orders = (Order(_LARGEST[word], larger), Order(_SMALLEST[word], lambda a, b: larger(b, a)))
    return orders if rng.random() < 0.6 else (orders[1], orders[0])


def position(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the leftmost chair", "the second person from the right", "the cars in the top half of the picture" """
    roll = rng.random()
    if roll < 0.4:
        return _meeting(view, rng, form, placed)
    if roll < 0.65 and form != "multi":
        return _ordinal(view, rng, form)
    return _ahead(view, rng, form, by_place)


def superlative(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the largest dog in the picture", "the two people that take up the most room in the picture" """
    return _ahead(view, rng, form, by_size)


def relation(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the chair to the left of the bottle", "the two people nearest to the bottle" """
    if form != "none" and rng.random() < 0.3:
        return _nearest(view, rng, form)
    return _meeting(view, rng, form, between if rng.random() < 0.2 else beside)


def counting(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "both tables", "the only bottle", "the chairs, if there are exactly four of them" """
    if form == "single":
        return _only(view, rng)
    if form == "none" or rng.random() < 0.5:
        return _on_condition(view, rng, form)
    choice = view.choose(rng, lambda called, indices: called.noun.counted and fits_form(indices, form))
    if choice is None:
        return None
    said, number = choice[0].say(True), NUMBERS[len(choice[1])]
    texts = [f"the {number} {said}", f"all {number} {said}"] if len(choice[1]) > 2 else [f"both {said}"]
    return Draft(request(pick(rng, texts), rng, plural=True, question=False), choice[1])


def _ahead(
    view: View, rng: np.random.Generator, form: Form, orders: Callable[..., tuple[Order, Order]]
) -> Draft | None:
    """The first, the second, the first and the last, or the first few in an order."""
    there, back = orders(view, rng)
    if form == "none":
        absent = view.missing(rng, compared=True)
        if absent is None:
            return None
        return Draft(request(f"the {there.lead(absent.say(False))}", rng, plural=False), ())
    choice = view.several(rng)
    if choice is None:
        return None
    called, indices = choice
    if form == "single":
        place = 2 if len(indices) > 2 and there.pattern.startswith("largest") and rng.random() < 0.3 else 1
        target = nth(indices, there.clear, place)
        text = f"the {'second ' if place == 2 else ''}{there.lead(called.say(False))}"
        return None if target is None else Draft(request(text, rng, plural=False), (target,))
    if rng.random() < 0.5:
        return _both_ends(called, indices, there, back, rng)
    count = int(rng.integers(2, 4))
    targets = first(indices, there.clear, count) if len(indices) > count else None
    text = f"the {NUMBERS[count]} {there.lead(called.say(True), plural=True)}"
    return None if targets is None else Draft(request(text, rng, plural=True), targets)


def _both_ends(
    called: Called, indices: tuple[int, ...], there: Order, back: Order, rng: np.random.Generator
) -> Draft | None:
    ends = first(indices, there.clear, 1), first(indices, back.clear, 1)
    if ends[0] is None or ends[1] is None:
        return None
    text = f"the {there.lead(called.say(False))} and the {back.lead('one')}"
    return Draft(request(text, rng, plural=True, question=False), tuple(sorted({*ends[0], *ends[1]})))


def _ordinal(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """Counted from a side; for no-target further than there are objects."""
    choice = view.choose(rng, lambda called, indices: called.noun.counted and (form == "none") < len(indices) <= 4)
    if choice is None or (form == "single" and len(choice[1]) < 2):
        return None
    called, indices = choice
    direction = pick(rng, DIRECTIONS)
    place = len(indices) + 1 if form == "none" else int(rng.integers(1, len(indices) + 1))
    target = None if form == "none" else nth(indices, view.layout.further(direction, in_a_row=True), place)
    if form == "single" and target is None:
        return None
    text = f"the {ORDINALS[place]} {called.say(False)} from the {_FROM[direction]}"
    return Draft(request(text, rng, plural=False), () if target is None else (target,))


def _meeting(view: View, rng: np.random.Generator, form: Form, make: Callable[..., Condition | None]) -> Draft | None:
    """All that meet a condition; for no-target sometimes of something that is not there at all."""
    absent = view.missing(rng) if form == "none" and rng.random() < 0.3 else None
    choice = (
        (absent, ()) if absent else view.choose(rng, lambda called, indices: called.noun.counted or form != "multi")
    )
    if choice is None:
        return None
    called, indices = choice
    condition = make(view, rng, indices, called.noun)
    if condition is None or not condition.is_clear or not fits_form(targets := condition.meeting(True), form):
        return None
    counted = called.noun.counted
    plural = counted and (form == "multi" or (form == "none" and len(indices) != 1 and rng.random() < 0.4))
    if form == "single" and len(indices) == 1 and rng.random() < 0.6:
        return None  # where there is only one, the condition chooses nothing
    start = pick(rng, ("the", "all") if plural else ("the",))
    verb = plural or called.noun.sounds_plural
    text = f"{start} {called.say(plural)} {condition.words}"
    return Draft(request(text, rng, plural=verb, question=start == "the"), targets)


def _nearest(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """Nearest to, or furthest from, an object that has a name of its own."""
    count = 1 if form == "single" else int(rng.integers(2, 4))
    choice = view.several(rng, count + 1)
    options = [indices[0] for indices in view.named.values() if len(indices) == 1]
    if choice is None or not options:
        return None
    called, indices = choice
    index = pick(rng, sorted(set(options)))
    said, near = view.reference(rng, index, called.noun), view.layout.nearer(index)
    if said is None or index in indices:
        return None
    closest = rng.random() < 0.65
    targets = first(indices, near if closest else lambda a, b: near(b, a), count)
    if targets is None:
        return None
    where = "nearest to" if closest else "furthest from"
    number = "" if count == 1 else f"{NUMBERS[count]} "
    text = f"the {number}{called.say(count > 1)} {where} {said} in the picture"
    return Draft(request(text, rng, plural=count > 1), targets)


def _only(view: View, rng: np.random.Generator) -> Draft | None:
    choice = view.choose(rng, lambda called, indices: called.noun.counted and len(indices) == 1)
    if choice is None:
        return None
    said = choice[0].say(False)
    text = pick(rng, (f"the only {said}", f"the one and only {said}", f"the {said}, if there is exactly one"))
    return Draft(request(text, rng, plural=False, question=False), choice[1])


def _on_condition(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """All of a class if a statement about their number holds; for no-target it does not."""
    choice = view.several(rng)
    if choice is None or len(choice[1]) > 9:
        return None
    called, indices = choice
    number, holds = len(indices), form == "multi"
    other = number + 1 if number == 2 or rng.random() < 0.5 else number - 1
    conditions = (
        f"exactly {NUMBERS[number if holds else other]}",
        f"at least {NUMBERS[number if holds else number + 1]}",
        f"fewer than {NUMBERS[number + 1 if holds else number]}",
        f"more than {NUMBERS[number - 1 if holds else number]}",
    )
    joint, condition = pick(rng, (", if there {} of them", ", but only if there {}")), pick(rng, conditions)
    verb = "is" if condition == "more than one" else "are"
    text = f"the {called.say(True)}{joint.format(f'{verb} {condition}')}"
    return Draft(request(text, rng, plural=True, question=False), indices if holds else ())
