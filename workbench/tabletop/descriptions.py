"""Instructions about what objects are: category, attribute, exclusion, intent.

A construction takes a view of the scene, the random generator and the wanted form. It returns a draft, or None where
the scene offers nothing of that form.
"""

import numpy as np

from workbench.tabletop.phrases import ANYTHING, Phrase
from workbench.tabletop.view import Draft, Form, View, fits_form, length, weighted
from workbench.tabletop.vocabulary import FIRST, SIZES, World
from workbench.tabletop.wording import adjective, indefinite, noun, noun_behind, pick, request
from workbench.tabletop.worlds import CATEGORIES


def category(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the mug", "all the fruit" """
    return _described(view, rng, form, 1, 1)


def attribute(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "the large red mug", "the balls that are blue" """
    return _described(view, rng, form, 2, 3)


def exclusion(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "all fruit except the apples", "the mug that is not red" """
    options: list[tuple[Phrase, Phrase, tuple[int, ...]]] = []
    for phrase, indices in view.phrases.items():
        for out in _narrower(phrase, view.world):
            if out not in view.phrases:
                continue
            rest = tuple(i for i in indices if i not in view.phrases[out])
            if fits_form(rest, form):
                options.append((phrase, out, rest))
    if not options:
        return None
    phrase, out, rest = weighted(rng, options, lambda option: option[0])
    plural = form == "multi" or (form == "none" and rng.random() < 0.5)
    several_out = len(view.phrases[out]) > 1
    if out.noun != phrase.noun:
        text = _except_noun(phrase, Phrase(out.noun), plural, several_out, rng)
    else:
        text = _except_attribute(phrase, out, plural, several_out, rng)
    return Draft(request(text, rng, plural=plural, question=False), rest, phrase)


def intent(view: View, rng: np.random.Generator, form: Form) -> Draft | None:
    """ "something to drink from", "everything red that I could eat" """
    plain: list[tuple[str, str | None, tuple[int, ...]]] = []
    coloured: list[tuple[str, str | None, tuple[int, ...]]] = []
    for use in view.world.uses:
        suited = tuple(i for i, o in enumerate(view.objects) if use in CATEGORIES[o.category].uses)
        if fits_form(suited, form):
            plain.append((use, None, suited))
        for colour in dict.fromkeys(o.colour for o in view.objects if suited):
            of_colour = tuple(i for i in suited if view.objects[i].colour == colour)
            if fits_form(of_colour, form):
                coloured.append((use, colour, of_colour))
    options = plain if plain and (not coloured or rng.random() < 0.6) else coloured
    if not options:
        return None
    use, shade, targets = pick(rng, options)
    return Draft(_wish(use, shade, form, rng, view.world), targets, class_for_use(use, shade, view.world))


def class_for_use(use: str, colour: str | None = None, world: World = FIRST) -> Phrase:
    """The noun phrase of all that serves a use: a kind where all of the kind does, else its one category."""
    suited = [name for name, c in world.categories.items() if use in c.uses]
    kind = CATEGORIES[suited[0]].kind
    if suited == [name for name, c in world.categories.items() if c.kind == kind]:
        return Phrase(kind, colour)
    if len(suited) == 1:
        return Phrase(suited[0], colour)
    raise ValueError(f"no single class serves the use {use!r}: {suited}")


def _described(view: View, rng: np.random.Generator, form: Form, shortest: int, longest: int) -> Draft | None:
    """All objects of a noun phrase with that many words."""
    phrase: Phrase | None
    targets: tuple[int, ...] = ()
    if form == "none":
        phrase = view.near_miss(rng, lambda p: shortest <= length(p) <= longest)
    else:
        choice = view.choose(rng, lambda p, i: shortest <= length(p) <= longest and fits_form(i, form))
        phrase, targets = choice or (None, ())
    if phrase is None:
        return None
    plural = form == "multi" or (form == "none" and rng.random() < 0.4)
    said = (noun_behind if rng.random() < 0.3 else noun)(phrase, plural, rng)
    start = pick(rng, ("the", "the", "all", "all the", "every") if plural else ("the",))
    if start == "every":
        return Draft(request(f"every {noun(phrase, False, rng)}", rng, plural=False, question=False), targets, phrase)
    return Draft(request(f"{start} {said}", rng, plural=plural, question=start == "the"), targets, phrase)


def _narrower(phrase: Phrase, world: World) -> list[Phrase]:
    """Phrases that name a part of what `phrase` names, by one more attribute or a narrower noun."""
    parts = [Phrase(phrase.noun, colour, phrase.size) for colour in world.colours if phrase.colour is None]
    parts += [Phrase(phrase.noun, phrase.colour, size) for size in SIZES if phrase.size is None]
    if phrase.noun == ANYTHING:
        parts += [Phrase(name, phrase.colour, phrase.size) for name in (*world.kinds, *world.categories)]
    elif phrase.noun in world.kinds:
        members = (name for name, c in world.categories.items() if c.kind == phrase.noun)
        parts += [Phrase(name, phrase.colour, phrase.size) for name in members]
    return parts


def _except_noun(phrase: Phrase, out: Phrase, plural: bool, several_out: bool, rng: np.random.Generator) -> str:
    without = f"the {noun(out, several_out, rng, mass=True)}"
    if not plural:
        one = noun(phrase, False, rng)
        return pick(
            rng, (f"the {one} that is not {indefinite(noun(out, False, rng))}", f"the {one} other than {without}")
        )
    many = noun(phrase, True, rng, mass=True)
    options = [f"all {many} except {without}", f"all {many} but {without}", f"the {many} other than {without}"]
    options.append(f"every {noun(phrase, False, rng)} except {without}")
    if phrase == Phrase(ANYTHING):
        options += [f"everything except {without}", f"everything but {without}"] * 2
    return pick(rng, options)


def _except_attribute(phrase: Phrase, out: Phrase, plural: bool, several_out: bool, rng: np.random.Generator) -> str:
    narrowed = out.size if phrase.size is None and out.size else out.colour
    word = adjective(narrowed or "", rng)
    without = f"the {word} {'ones' if several_out else 'one'}"
    if not plural:
        one = noun(phrase, False, rng)
        return pick(rng, (f"the {one} that is not {word}", f"the {one}, but not {without}"))
    many = noun(phrase, True, rng)
    options = [f"all {many} except {without}", f"the {many}, not {without}", f"all {many} that are not {word}"]
    if phrase == Phrase(ANYTHING):
        options += [f"everything that is not {word}"] * 2
    return pick(rng, options)


def _wish(use: str, colour: str | None, form: Form, rng: np.random.Generator, world: World) -> str:
    verb, need = pick(rng, world.uses[use].verbs), pick(rng, world.uses[use].needs)
    shade = f"{colour} " if colour else ""
    behind = f" {colour}" if colour else ""
    roll = rng.random()
    if form == "multi" or (form == "none" and rng.random() < 0.4):
        if roll < 0.3:
            return f"{need}. Segment {pick(rng, (f'everything{behind}', f'all {shade}objects'))} that would help."
        many = (f"everything{behind} that I could {verb}", f"all the {shade}things one can {verb}")
        return request(pick(rng, many), rng, plural=True, question=False)
    if roll < 0.25:
        return f"{need}. {pick(rng, ('Segment', 'Find', 'Show me'))} something{behind} that would help."
    if roll < 0.45:
        return f"{f'Which {colour} object' if colour else 'What'} in the image could I {verb}?"
    one = (
        f"something{behind} to {verb}",
        f"the {shade}object I could {verb}",
        f"something{behind} that one can {verb}",
    )
    return request(pick(rng, one), rng, plural=False, question=False)
