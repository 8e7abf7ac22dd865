"""Instructions that describe objects ask for all that they name."""

import re

import pytest

from tests.workbench.tabletop.understood import SIZE_WORDS, Asked, check, named
from workbench.tabletop.descriptions import class_for_use
from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, USES

NOUN = r"(?P<noun>[a-z-]+(?: [a-z-]+){0,4}?)"
END = r"(?: in the image| in this picture| for me|, please)?[.?]?$"


@pytest.mark.parametrize("kind", ["category", "attribute"])
def test_a_description_asks_for_all_it_names(asked: Asked, kind: str) -> None:
    check(asked, kind, rf"(?:\ball|\bthe|\bevery) (?:the )?{NOUN}{END}", lambda s, m, c: c, 120)


def test_an_exclusion_asks_for_the_rest(asked: Asked) -> None:
    def rest(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int] | None:
        out = re.sub(r"\bones?$", "objects", match["out"])
        out_words = named(scene, out if out not in {*COLOURS, *SIZE_WORDS} else f"{out} object")
        return None if out_words is None else [i for i in candidates if i not in out_words]

    link = r"(?: except the| but the|, not the|, but not the| other than the| that (?:is|are) not(?: an?)?)"
    check(asked, "exclusion", rf"(?:the|all|every) {NOUN}{link} (?P<out>[a-z -]+?){END}", rest, 120)


def test_an_intent_asks_for_what_serves_it(asked: Asked) -> None:
    checked = 0
    for scene, instruction in asked:
        said = [u for u, use in USES.items() if any(w in instruction.text for w in (*use.verbs, *use.needs))]
        if instruction.kind == "intent" and len(said) == 1:
            colour = next((c for c in COLOURS if re.search(rf"\b{c}\b", instruction.text)), None)
            suited = [
                i
                for i, o in enumerate(scene.objects)
                if said[0] in CATEGORIES[o.category].uses and colour in (None, o.colour)
            ]
            assert instruction.targets == tuple(suited), instruction.text
            checked += 1
    assert checked > 100


def test_every_use_is_one_class() -> None:
    assert str(class_for_use("drink")) == "drinkware"
    assert str(class_for_use("fly", "red")) == "red kite"
    for use in USES:
        phrase = class_for_use(use)
        assert {name for name, c in CATEGORIES.items() if phrase.noun in (name, c.kind)} == {
            name for name, c in CATEGORIES.items() if use in c.uses
        }
