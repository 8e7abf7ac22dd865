"""Instructions read back by their words alone, against the truth of a scene of tabletop, without any margin."""

import re
from collections.abc import Callable

import numpy as np

from workbench.tabletop.scenes import Scene
from workbench.tabletop.vocabulary import CATEGORIES, COLOURS
from workbench.tabletop.wording import NUMBERS, ORDINALS

_FRONT = (
    r"(?:segment|Segment|Please segment|Highlight|Please find|I need the mask of|Mark|Could you segment|Show me|"
    r"Where (?:is|are)|Which ones? (?:is|are)) "
)
_NOUNS = {name: name for name in CATEGORIES} | {c.plural: name for name, c in CATEGORIES.items()}
_NUMBER = "|".join(NUMBERS)
_ORDERS: dict[str, tuple[str, ...]] = {
    "left": (r"leftmost (.+)", r"(.+) furthest to the left"),
    "right": (r"rightmost (.+)", r"(.+) furthest to the right"),
    "top": (r"topmost (.+)", r"(.+) nearest to the top of the picture"),
    "bottom": (r"bottommost (.+)", r"(.+) nearest to the bottom of the picture"),
    "most": (r"largest (.+) in the picture", r"(.+) that takes? up the most room in the picture"),
    "least": (r"(.+) that takes? up the least room in the picture",),
}
_BESIDE = {
    r"further left in the picture than (.+)": (0, -1),
    r"to the left of (.+) in the picture": (0, -1),
    r"further right in the picture than (.+)": (0, 1),
    r"to the right of (.+) in the picture": (0, 1),
    r"higher up in the picture than (.+)": (1, -1),
    r"lower down in the picture than (.+)": (1, 1),
}

Indices = list[int]


class Reader:
    """Answers instructions about one scene."""

    def __init__(self, scene: Scene) -> None:
        self.objects = scene.objects
        self.height, self.width = scene.image.shape[:2]
        self.centres = np.array([o.centre for o in scene.objects])
        self.areas = np.array([o.mask.sum() for o in scene.objects])
        where = [np.nonzero(o.mask) for o in scene.objects]
        self.boxes = np.array([(x.min(), y.min(), x.max() + 1, y.max() + 1) for y, x in where])
        self.keys: dict[str, Callable[[int], float]] = {
            "left": lambda i: self.centres[i][0],
            "right": lambda i: -self.centres[i][0],
            "top": lambda i: self.centres[i][1],
            "bottom": lambda i: -self.centres[i][1],
            "most": lambda i: -self.areas[i],
            "least": lambda i: self.areas[i],
        }

    def answer(self, text: str) -> Indices:
        """The objects that an instruction asks for; `ValueError` for words that are not understood."""
        core = re.sub(rf"^{_FRONT}(?=the|all|every|each|both)", "", text).rstrip(".?")
        core = core.removesuffix(", please").removesuffix(" for me")
        for read in (
            self._number,
            self._but,
            self._not,
            self._ends,
            self._two,
            self._meeting,
            self._ahead,
            self._named,
        ):
            found = read(core)
            if found is not None:
                return sorted(found)
        raise ValueError(core)

    def _number(self, core: str) -> Indices | None:
        match = re.fullmatch(r"the (.+?), (?:if|but only if) there (?:are|is) (.+?)(?: of them)?", core)
        if not match:
            return None
        named = self._words(match[1])
        how, number = match[2].rsplit(" ", 1)
        count, given = len(named), NUMBERS.index(number)
        holds = {
            "exactly": count == given,
            "at least": count >= given,
            "fewer than": count < given,
            "more than": count > given,
        }[how]
        return named if holds else []

    def _but(self, core: str) -> Indices | None:
        match = re.fullmatch(
            rf"(?:all|the) (.+?) (?:except|but|other than|that is not) the (?:({_NUMBER}) )?(.+)", core
        )
        if not match or not (" one" in f" {match[3]}" or match[2]):
            return None
        named = self._words(match[1])
        lead = re.sub(r"\bones?\b", "it", match[3])
        out = self._order(lead if "it" in lead.split() else f"it {lead}", named)
        assert out is not None, core
        return [i for i in named if i not in out[: NUMBERS.index(match[2]) if match[2] else 1]]

    def _not(self, core: str) -> Indices | None:
        match = re.fullmatch(r"(?:all|the) (.+?) that (?:is|are) not (.+)", core)
        if not match:
            return None
        named = self._words(match[1])
        if match[2] in COLOURS:
            return [i for i in named if self.objects[i].colour != match[2]]
        met = self._condition(match[2], named)
        assert met is not None, core
        return [i for i in named if i not in met]

    def _ends(self, core: str) -> Indices | None:
        match = re.fullmatch(r"the (.+) and the (.*\bone\b.*)", core)
        if not match:
            return None
        first = self._order(match[1])
        assert first is not None, core
        last = self._order(re.sub(r"\bone\b", "it", match[2]), first)
        assert last is not None, core
        return [*first[:1], *last[:1]]

    def _two(self, core: str) -> Indices | None:
        match = re.fullmatch(r"the ([\w ]+) and the ([\w ]+)", core)
        if not match or " between " in core:
            return None
        return [*self._words(match[1]), *self._words(match[2])]

    def _meeting(self, core: str) -> Indices | None:
        match = re.fullmatch(
            r"(?:the|all) (.+?) ((?:completely )?in the (?!picture).+|cut off by .+|at the .+ edge .+|between .+|"
            r"further (?:left|right) .+|to the (?:left|right) of .+|higher .+|lower .+)",
            core,
        )
        return None if not match else self._condition(match[2], self._words(match[1]))

    def _condition(self, words: str, named: Indices) -> Indices | None:
        match = re.fullmatch(r"(?:completely )?in the (\w+)(?: (\w+))? (?:half|quarter) of the picture", words)
        if match:
            return [i for i in named if all(self._half(side, i) for side in match.groups() if side)]
        if match := re.search(r"(left|right|top|bottom) edge of the picture", words):
            return [i for i in named if self._gap(match[1], i) <= 1]
        if match := re.fullmatch(r"between (the .+) and (the .+)", words):
            (a,), (b,) = self._words(match[1]), self._words(match[2])
            return [i for i in named if self._lies_between(i, a, b)]
        for pattern, (axis, sign) in _BESIDE.items():
            if match := re.fullmatch(pattern, words):
                (other,) = self._words(match[1])
                return [i for i in named if sign * (self.centres[i][axis] - self.centres[other][axis]) > 0]
        return None

    def _ahead(self, core: str) -> Indices | None:
        core = core.removeprefix("the ")
        match = re.fullmatch(rf"(?:({_NUMBER}) )?(.+) (nearest to|furthest from) (the .+) in the picture", core)
        if match:
            (other,) = self._words(match[4])
            far = np.hypot(*(self.centres - self.centres[other]).T) * (1 if match[3] == "nearest to" else -1)
            return sorted(self._words(match[2]), key=lambda i: far[i])[: NUMBERS.index(match[1]) if match[1] else 1]
        ordinals = "|".join(ORDINALS)
        if match := re.fullmatch(rf"({ordinals}) (.+) from the (left|right|top|bottom)", core):
            place = ORDINALS.index(match[1])
            return sorted(self._words(match[2]), key=self.keys[match[3]])[place - 1 : place]
        match = re.fullmatch(rf"(?:({_NUMBER}|second) )?(.+)", core)
        assert match
        ranked = self._order(match[2])
        if ranked is None:
            return None
        if match[1] == "second":
            return ranked[1:2]
        return ranked[: NUMBERS.index(match[1]) if match[1] else 1]

    def _named(self, core: str) -> Indices | None:
        number = rf"({_NUMBER})"
        match = re.fullmatch(
            rf"(?:every|each|both|the only|the one and only|(?:the|all) {number}|all the|all|the) (.+)", core
        )
        if match is None:
            return None
        named = self._words(match[2])
        expected = NUMBERS.index(match[1]) if match[1] else 2 if core.startswith("both ") else None
        assert expected in (None, len(named)), core
        assert " only " not in core or len(named) == 1, core
        return named

    def _order(self, words: str, among: Indices | None = None) -> Indices | None:
        """The objects of an order, the first first; "it" stands for those in `among`."""
        for name, patterns in _ORDERS.items():
            for pattern in patterns:
                if match := re.fullmatch(pattern, words):
                    named = among if match[1] == "it" else self._words(match[1])
                    return sorted(named or [], key=self.keys[name])
        return None

    def _words(self, text: str) -> Indices:
        noun = colour = None
        for word in re.sub(r"\bthat (is|are) ", "", text.removeprefix("the ")).split():
            if word in COLOURS or word == "white":
                colour = word
            elif word in _NOUNS and noun is None:
                noun = _NOUNS[word]
            else:
                raise ValueError(f"{word!r} in {text!r}")
        if noun is None:
            raise ValueError(text)
        return [i for i, o in enumerate(self.objects) if o.category == noun and colour in (None, o.colour)]

    def _half(self, side: str, i: int) -> bool:
        x, y = self.centres[i]
        return {"left": x < self.width / 2, "right": x > self.width / 2, "top": y < self.height / 2}.get(
            side, bool(y > self.height / 2)
        )

    def _gap(self, side: str, i: int) -> float:
        x0, y0, x1, y1 = self.boxes[i]
        return float({"left": x0, "top": y0, "right": self.width - x1, "bottom": self.height - y1}[side])

    def _lies_between(self, i: int, a: int, b: int) -> bool:
        line = self.centres[b] - self.centres[a]
        offset = self.centres[i] - self.centres[a]
        share = float(offset @ line) / float(line @ line)
        aside = abs(float(offset[0] * line[1] - offset[1] * line[0])) / float(line @ line)
        return 0.1 < share < 0.9 and aside < 0.3
