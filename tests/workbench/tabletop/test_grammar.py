"""Answers are derived again here from the finished text, by simple means and without the margins of the grammar."""

import re
from collections import Counter

import numpy as np
import pytest

from workbench.tabletop.descriptions import class_for_use
from workbench.tabletop.grammar import KINDS as INSTRUCTION_KINDS
from workbench.tabletop.grammar import Instruction, instructions
from workbench.tabletop.phrases import Phrase, matches
from workbench.tabletop.scenes import Scene, make_scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS, KINDS, USES

Asked = list[tuple[Scene, Instruction]]

SIZE_WORDS = {"small": "small", "little": "small", "medium-sized": "medium", "large": "large", "big": "large"}
NUMBERS = {"both": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
KEYS = {
    "leftmost": lambda o: o.centre[0],
    "rightmost": lambda o: -o.centre[0],
    "topmost": lambda o: o.centre[1],
    "highest": lambda o: o.centre[1],
    "bottommost": lambda o: -o.centre[1],
    "lowest": lambda o: -o.centre[1],
    "largest": lambda o: -o.full_area,
    "biggest": lambda o: -o.full_area,
    "smallest": lambda o: o.full_area,
}
FROM = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}
NOUN = r"(?P<noun>[a-z-]+(?: [a-z-]+){0,4}?)"
END = r"(?: in the image| in this picture| for me|, please)?[.?]?$"


@pytest.fixture(scope="module")
def asked() -> Asked:
    pairs: Asked = []
    for i in range(250):
        rng = np.random.default_rng([7, i])
        scene = make_scene(rng, 128, "test")
        pairs += [(scene, instruction) for instruction in instructions(scene, rng, 6)]
    return pairs


def words(text: str) -> Phrase | None:
    """Read "little red mugs" or "pieces of fruit that are blue"; None where a word is unknown."""
    nouns = {name: name for name in (*CATEGORIES, *KINDS)}
    nouns |= {c.plural: name for name, c in CATEGORIES.items()} | {plural: name for name, plural in KINDS.items()}
    nouns |= {f"{word}{s}": "object" for word in ("object", "thing", "item") for s in ("", "s")}
    noun = colour = size = None
    for word in re.sub(r"\b(pieces? of|that (is|are)) ", "", text).split():
        if word in SIZE_WORDS:
            size = SIZE_WORDS[word]
        elif word in COLOURS:
            colour = word
        elif word in nouns and noun is None:
            noun = nouns[word]
        else:
            return None
    return Phrase(noun, colour, size) if noun else None


def named(scene: Scene, text: str) -> list[int] | None:
    phrase = words(text)
    return None if phrase is None else [i for i, o in enumerate(scene.objects) if phrase.matches(o)]


def check(asked: Asked, kind: str, pattern: str, answer, at_least: int) -> None:  # type: ignore[no-untyped-def]
    """`answer(scene, match, indices of the named class)` must be the targets wherever the pattern fits the text."""
    checked = 0
    for scene, instruction in asked:
        match = re.search(pattern, instruction.text) if instruction.kind == kind else None
        candidates = named(scene, match["noun"]) if match else None
        if candidates is not None:
            expected = answer(scene, match, candidates)
            if expected is not None:
                assert instruction.targets == tuple(sorted(expected)), instruction.text
                checked += 1
    assert checked >= at_least


def test_every_kind_occurs_with_one_with_several_and_with_no_target(asked: Asked) -> None:
    cells = Counter((instruction.kind, min(len(instruction.targets), 2)) for _, instruction in asked)
    assert set(cells) == {(kind, form) for kind in INSTRUCTION_KINDS for form in (0, 1, 2)}
    assert min(cells.values()) > 0.015 * len(asked)


def test_kinds_and_forms_are_balanced(asked: Asked) -> None:
    kinds = Counter(instruction.kind for _, instruction in asked)
    assert max(kinds.values()) < 1.5 * min(kinds.values())
    forms = Counter(min(len(instruction.targets), 2) for _, instruction in asked)
    shares = np.array([forms[i] for i in (1, 2, 0)]) / len(asked)
    assert np.abs(shares - (0.40, 0.35, 0.25)).max() < 0.05


def test_the_phrase_names_every_target(asked: Asked) -> None:
    for scene, instruction in asked:
        assert all(matches(instruction.phrase, scene.objects[i]) for i in instruction.targets), instruction


def test_at_most_ten_different_targets_in_order(asked: Asked) -> None:
    assert all(list(i.targets) == sorted(set(i.targets)) and len(i.targets) <= 10 for _, i in asked)


def test_instructions_of_a_scene_differ_and_depend_on_the_generator_alone() -> None:
    scene = make_scene(np.random.default_rng(0))
    first, again = (instructions(scene, np.random.default_rng(1), 8) for _ in range(2))
    assert first == again
    assert len({instruction.text for instruction in first}) == 8


@pytest.mark.parametrize("kind", ["category", "attribute"])
def test_a_description_asks_for_all_it_names(asked: Asked, kind: str) -> None:
    check(asked, kind, rf"(?:\ball|\bthe|\bevery) (?:the )?{NOUN}{END}", lambda s, m, c: c, 120)


def test_a_superlative_asks_for_the_extreme(asked: Asked) -> None:
    def extreme(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        return sorted(candidates, key=lambda i: KEYS[match["word"]](scene.objects[i]))[:1]

    pattern = rf"(?<!and )the (?P<word>{'|'.join(KEYS)}) {NOUN}{END}"
    check(asked, "superlative", pattern, extreme, 60)


def test_two_ends_are_asked_for_together(asked: Asked) -> None:
    def ends(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        keys = (KEYS[match["word"]], KEYS[match["other"]])
        return [min(candidates, key=lambda i: key(scene.objects[i])) for key in keys]

    any_word = "|".join(KEYS)
    check(asked, "superlative", rf"the (?P<word>{any_word}) and the (?P<other>{any_word}) {NOUN}{END}", ends, 40)


def test_beside_is_the_side_of_the_one_named_object(asked: Asked) -> None:
    def beside(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        (reference,) = named(scene, match["reference"]) or []
        axis, sign = {"left": (0, -1), "righ": (0, 1), "abov": (1, -1), "high": (1, -1)}.get(match["side"][:4], (1, 1))
        centre = scene.objects[reference].centre[axis]
        others = [i for i in candidates if i != reference]
        return [i for i in others if (scene.objects[i].centre[axis] - centre) * sign > 0]

    side = r"(?:to the |on the )?(?P<side>left|right|above|below|higher up|lower down)(?: side)?(?: of| than)?"
    check(asked, "relation", rf"(?:the|all) {NOUN} {side} the (?P<reference>[a-z -]+?){END}", beside, 70)


def test_nearest_and_farthest_go_by_distance(asked: Asked) -> None:
    def ranked(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        (reference,) = named(scene, match["reference"]) or []
        x, y = scene.objects[reference].centre
        others = sorted(
            (i for i in candidates if i != reference),
            key=lambda i: np.hypot(scene.objects[i].centre[0] - x, scene.objects[i].centre[1] - y),
        )
        count = NUMBERS.get(match["number"] or "", 1)
        return others[:count] if match["word"] in ("nearest", "closest") else others[-count:]

    word = r"(?P<word>nearest|closest|farthest|furthest) (?:to|from)"
    pattern = rf"the (?P<number>two |three )?{NOUN} {word} the (?P<reference>[a-z -]+?){END}"
    check(
        asked,
        "relation",
        pattern.replace("two |three ", "two|three").replace(")?(?P<noun>", ")? ?(?P<noun>"),
        ranked,
        50,
    )


def test_numbers_count_what_they_name(asked: Asked) -> None:
    def counted(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        assert len(candidates) == NUMBERS[match["number"]]
        return candidates

    check(asked, "counting", rf"(?:the |all |\b)(?P<number>{'|'.join(NUMBERS)}) {NOUN}{END}", counted, 25)


def test_ordinals_count_from_a_side(asked: Asked) -> None:
    def at(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        key = KEYS[FROM[match["side"]]]
        position = ORDINALS[match["position"]]
        return sorted(candidates, key=lambda i: key(scene.objects[i]))[position : position + 1]

    pattern = rf"the (?P<position>{'|'.join(ORDINALS)}) {NOUN} from the (?P<side>left|right|top|bottom){END}"
    check(asked, "counting", pattern, at, 50)


def test_conditions_on_the_number_hold_or_ask_for_nothing(asked: Asked) -> None:
    def condition(scene: Scene, match: re.Match[str], candidates: list[int]) -> list[int]:
        number = {"one": 1, **NUMBERS}[match["number"]]
        holds = {
            "exactly": len(candidates) == number,
            "at least": len(candidates) >= number,
            "fewer than": len(candidates) < number,
            "more than": len(candidates) > number,
        }[match["how"]]
        return candidates if holds else []

    how = r"(?P<how>exactly|at least|fewer than|more than) (?P<number>[a-z]+)"
    check(
        asked, "counting", rf"the {NOUN}, (?:if|but only if) there (?:are|is) {how}(?: of them)?[.?]?$", condition, 40
    )


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
