"""How the categories of annotation files are said: in singular and plural, and which of them can be mistaken."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from workbench.tabletop.vocabulary import COLOURS

_SPELLED = {
    "diningtable": "dining table",
    "pottedplant": "potted plant",
    "tvmonitor": "TV monitor",
    "tv": "TV",
    "motorbike": "motorbike",
}
"""Names of PASCAL VOC and COCO that are no words."""
_PLURALS = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "foot": "feet",
    "tooth": "teeth",
    "die": "dice",
    "knife": "knives",
    "shelf": "shelves",
    "leaf": "leaves",
    "loaf": "loaves",
    "scarf": "scarves",
    "wolf": "wolves",
    "calf": "calves",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "aircraft": "aircraft",
    "potato": "potatoes",
    "tomato": "tomatoes",
}
_SINGULARS_IN_S = ("bus", "lens", "gas", "canvas", "tennis", "chess", "series", "atlas", "cactus")
_MASS = {
    *("broccoli", "grass", "water", "food", "bread", "rice", "sand", "snow", "furniture", "luggage", "clothing"),
    *("hair", "soap", "jewelry", "jewellery", "tape", "paper", "cutlery", "equipment", "drinkware", "stationery"),
}
_EMPTY = {"object", "other", "others", "background", "thing", "stuff", "unknown", "unlabeled", "misc", "void", "ignore"}
"""Words of names that say nothing."""
PEOPLE = {
    *("person", "man", "woman", "child", "boy", "girl", "baby", "rider", "pedestrian", "human", "player", "lady"),
}
"""People have no colour: what is seen is their clothes."""
_GENERAL = {
    "person": PEOPLE - {"person"},
    "human": PEOPLE - {"human"},
    "vehicle": {"car", "bus", "truck", "van", "motorcycle", "motorbike", "bicycle", "train", "boat", "aeroplane"},
    "animal": {"dog", "cat", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "bird"},
    "fruit": {"apple", "banana", "orange", "pear", "lemon", "grape"},
    "furniture": {"chair", "couch", "sofa", "bed", "table", "dining table", "desk", "bench"},
}
"""A category that another one belongs to."""
_ALIKE = (
    {"cup", "wine glass", "bowl", "mug", "glass", "vase", "bottle"},
    {"couch", "sofa", "chair", "bed", "bench", "armchair", "stool"},
    {"car", "truck", "bus", "van", "vehicle"},
    {"handbag", "backpack", "suitcase", "bag", "purse", "luggage"},
    {"TV", "TV monitor", "laptop", "monitor", "screen", "computer"},
    {"potted plant", "plant", "vase", "flower", "tree"},
    {"dining table", "table", "desk", "bench", "counter"},
    {"cake", "donut", "pizza", "sandwich", "hot dog", "bread", "food"},
    {"motorcycle", "motorbike", "bicycle", "scooter", "bike"},
    {"bird", "kite", "aeroplane", "airplane"},
    {"cow", "sheep", "horse", "bull", "goat"},
    {"cell phone", "remote", "phone"},
    {"knife", "fork", "spoon"},
    PEOPLE,
)
"""Annotators disagree on these: where one is there, none of the others is said to be absent."""
_BEHIND = re.compile(r"^(.*?)( (?:of|with|in|on|for|from|at)\b.*)$")


@dataclass(frozen=True)
class Noun:
    """A category in words. `counted`: one and several can be told apart in words, as with mugs, not with scissors."""

    one: str
    many: str
    counted: bool = True

    @property
    def sounds_plural(self) -> bool:
        """Whether one of it takes a verb in plural: scissors."""
        return not self.counted and self.one.endswith("s")

    @property
    def coloured(self) -> bool:
        """Whether a colour can be said of it."""
        words = self.one.lower().split()
        return words[-1] not in PEOPLE and not {*COLOURS, "white", "grey", "gray", "brown"} & set(words)

    def say(self, plural: bool) -> str:
        return self.many if plural else self.one


@cache
def noun_of(category: str) -> Noun | None:
    """The noun of a category; None for one that is no name of a thing (`other`), or that has no plain name."""
    text = " ".join(re.sub(r"\(.*?\)", " ", category.replace("_", " ")).split())
    text = _SPELLED.get(text.lower(), text)
    if not re.fullmatch(r"[^\W\d_][\w' -]{1,40}", text) or len(text.split()) > 4 or _EMPTY & set(text.lower().split()):
        return None
    match = _BEHIND.match(text)
    front, behind = (match[1], match[2]) if match else (text, "")
    head, space, last = front.rpartition(" ")
    word = last.lower()
    if word in _MASS:
        return Noun(text, text, counted=False)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and word not in _SINGULARS_IN_S:
        return Noun(text, text, counted=False)
    return Noun(text, f"{head}{space}{_plural(last)}{behind}")


def mistakable(noun: Noun, present: Collection[Noun]) -> bool:
    """Whether the noun could also be said of another category in the picture: bear where there is a teddy bear."""
    one = noun.one.lower()
    others = {other.one.lower() for other in present if other != noun}
    return any(other == one or other.endswith(f" {one}") for other in others) or bool(others & _GENERAL.get(one, set()))


def alike(noun: Noun, present: Collection[Noun]) -> bool:
    """Whether a category in the picture is one that annotators take for this one: a cup for a wine glass."""
    shown = {other.one for other in present}
    return any(noun.one in group and shown & group for group in _ALIKE)


def _plural(word: str) -> str:
    if word.lower() in _PLURALS:
        return _PLURALS[word.lower()]
    for ending, many in _PLURALS.items():
        if len(ending) > 3 and word.endswith(ending) and ending in ("man", "woman", "child"):
            return word.removesuffix(ending) + many
    if re.search(r"(s|x|z|ch|sh)$", word):
        return f"{word}es"
    return f"{word[:-1]}ies" if re.search(r"[^aeiou]y$", word) else f"{word}s"
