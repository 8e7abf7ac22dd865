"""Instructions about what objects are: category, attribute, exclusion.

A construction takes a view of the picture, the random generator and the wanted form. It returns a draft, or None where
the attempt gives nothing of that form or is too close to call; another attempt may succeed.
"""

from collections.abc import Callable

import numpy as np

from workbench.instructions.comparisons import order
from workbench.instructions.conditions import Condition, beside, placed
from workbench.instructions.view import Called, Draft, View
from workbench.instructions.wording import request
from workbench.tabletop.geometry import first
from workbench.tabletop.view import Form, fits_form
from workbench.tabletop.wording import NUMBERS, pick


def category(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the bottle", "all people", "the chairs and the bottle" """
    if form != "single" and rng.random() < (0.5 if form == "multi" else 0.25):
        return _two_categories(view, rng, form)
    if form == "none":
        absent = view.missing(rng, colours=False)
        return None if absent is None else _all(absent, (), rng, plural=absent.noun.counted and rng.random() < 0.4)
    choice = view.choose(rng, lambda called, indices: called.colour is None and fits_form(indices, form))
    return None if choice is None else _all(*choice, rng, plural=form == "multi")


def attribute(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the red car", "the dogs that are black" """
    if form == "none":
        options = [called for called in view.absent if called.colour]
        absent = pick(rng, options) if options else None
        return None if absent is None else _all(absent, (), rng, plural=absent.noun.counted and rng.random() < 0.4)
    choice = view.choose(rng, lambda called, indices: called.colour is not None and fits_form(indices, form))
    return None if choice is None else _all(*choice, rng, plural=form == "multi")


def exclusion(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "all people except the leftmost one", "the dog that is not black", "the cars that are not in the left half" """
    if form == "none" and rng.random() < 0.4:
        absent = view.missing(rng, compared=True)
        if absent is None:
            return None
        text = f"{_start(rng)} {absent.say(True)} except the {order(view, rng).lead('one')}"
        return Draft(request(text, rng, plural=True, question=False), ())
    return pick(rng, (_all_but, _all_but, _not_meeting, _not_coloured))(view, rng, form)


def _all(called: Called, targets: tuple[int, ...], rng: np.random.Generator, plural: bool) -> Draft:
    """All that something names."""
    verb = plural or called.noun.sounds_plural
    said = called.say(plural)
    if called.colour and rng.random() < 0.3:
        said = f"{called.noun.say(plural)} that {'are' if verb else 'is'} {called.colour}"
    if plural and called.noun.counted and rng.random() < 0.2:
        text = f"{pick(rng, ('every', 'each'))} {called.say(False)}"
        return Draft(request(text, rng, plural=False, question=False), targets)
    start = pick(rng, ("the", "all", "all the") if plural else ("the",))
    return Draft(request(f"{start} {said}", rng, plural=verb, question=start == "the"), targets)


def _two_categories(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """Of two categories at once; for no-target of two that are not there."""
    options: list[tuple[Called, tuple[int, ...]]] = [(c, ()) for c in view.absent if c.colour is None]
    if form == "multi":
        options = [(c, indices) for c, indices in view.named.items() if c.colour is None]
    if len(options) < 2:
        return None
    a, b = rng.choice(len(options), size=2, replace=False)
    targets = tuple(sorted({*options[a][1], *options[b][1]}))
    if not fits_form(targets, form):
        return None
    text = " and ".join(f"the {called.say(len(indices) > 1)}" for called, indices in (options[a], options[b]))
    return Draft(request(text, rng, plural=True), targets)


def _all_but(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """All but those at an end, or but one that is ahead."""
    choice = view.several(rng)
    if choice is None or form == "none":
        return None
    called, indices = choice
    chosen, count = order(view, rng), 1 if len(indices) < 4 or rng.random() < 0.7 else 2
    out = first(indices, chosen.clear, count)
    rest = tuple(i for i in indices if i not in (out or ()))
    if out is None or not fits_form(rest, form):
        return None
    said = f"the {chosen.lead('one')}" if count == 1 else f"the {NUMBERS[count]} {chosen.lead('ones')}"
    if form == "single":
        text = pick(rng, ("the {} other than {}", "the {} that is not {}")).format(called.say(False), said)
        return Draft(request(text, rng, plural=False, question=False), rest)
    text = pick(rng, ("all {} except {}", "all {} but {}", "the {} other than {}")).format(called.say(True), said)
    return Draft(request(text, rng, plural=True, question=False), rest)


def _not_meeting(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    choice = view.choose(rng, lambda called, indices: called.noun.counted)
    if choice is None:
        return None
    make: Callable[..., Condition | None] = pick(rng, (placed, beside))
    condition = make(view, rng, choice[1], choice[0].noun)
    if condition is None or not condition.is_clear:
        return None
    return _without(choice[0], condition.meeting(False), condition.words, rng, form, len(choice[1]))


def _not_coloured(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    choice = view.choose(rng, lambda called, indices: called.colour is not None)
    if choice is None or choice[0].colour is None:
        return None
    noun = Called(choice[0].noun)
    rest = tuple(i for i in view.named[noun] if i not in choice[1])
    return _without(noun, rest, choice[0].colour, rng, form, len(view.named[noun]))


def _without(
    called: Called, rest: tuple[int, ...], words: str, rng: np.random.Generator, form: Form, among: int
) -> Draft | None:
    """All that do not meet a condition."""
    if not fits_form(rest, form) or (form != "none" and among == len(rest)):
        return None
    plural = form == "multi" or (form == "none" and called.noun.counted and among > 1)
    verb = "are" if plural or called.noun.sounds_plural else "is"
    text = f"{_start(rng) if plural else 'the'} {called.say(plural)} that {verb} not {words}"
    return Draft(request(text, rng, plural=plural, question=False), rest)


def _start(rng: np.random.Generator) -> str:
    return pick(rng, ("all", "the"))
