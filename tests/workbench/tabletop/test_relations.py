"""Instructions that compare objects: relations, superlatives, numbers."""

import re

import numpy as np

from tests.workbench.tabletop.understood import Asked, check, named
from workbench.tabletop.scenes import Scene

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
