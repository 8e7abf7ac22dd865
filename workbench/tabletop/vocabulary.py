"""The words of the generated benchmark: its objects, their colours and sizes, and what they are used for."""

from dataclasses import dataclass

VERSION = 1
"""Version of scenes and instructions; raised whenever the same seed gives other files."""


@dataclass(frozen=True, eq=False)
class World:
    """The words of a kind of scenes: categories, kinds, uses, and colours as RGB; `held_out` are the (category, colour)
    pairs that occur in its test split only. `name` is what the command line calls it."""

    name: str
    categories: dict[str, "Category"]
    kinds: dict[str, str]
    uses: dict[str, "Use"]
    colours: dict[str, tuple[int, int, int]]
    held_out: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Category:
    """`kind` is the class above it, a key of `KINDS`; `uses` are keys of `USES`."""

    kind: str
    plural: str
    uses: tuple[str, ...]


KINDS: dict[str, str] = {
    "drinkware": "drinkware",
    "fruit": "fruit",
    "stationery": "stationery",
    "toy": "toys",
    "light": "lights",
    "timepiece": "timepieces",
}
"""Kind noun -> its plural; the first three are mass nouns."""

CATEGORIES: dict[str, Category] = {
    "mug": Category("drinkware", "mugs", ("drink",)),
    "bottle": Category("drinkware", "bottles", ("drink",)),
    "apple": Category("fruit", "apples", ("eat",)),
    "banana": Category("fruit", "bananas", ("eat",)),
    "pear": Category("fruit", "pears", ("eat",)),
    "book": Category("stationery", "books", ("read",)),
    "pencil": Category("stationery", "pencils", ("write",)),
    "ball": Category("toy", "balls", ("play",)),
    "die": Category("toy", "dice", ("play",)),
    "kite": Category("toy", "kites", ("play", "fly")),
    "candle": Category("light", "candles", ("light",)),
    "lamp": Category("light", "lamps", ("light",)),
    "clock": Category("timepiece", "clocks", ("time",)),
    "hourglass": Category("timepiece", "hourglasses", ("time",)),
}


@dataclass(frozen=True)
class Use:
    """What things are good for. `verbs` complete "something to ..."; `needs` are situations that call for them.

    No wording names a category or a kind.
    """

    verbs: tuple[str, ...]
    needs: tuple[str, ...]


USES: dict[str, Use] = {
    "drink": Use(("drink from", "fill with water"), ("I am thirsty", "I would like some water")),
    "eat": Use(("eat", "have as a snack"), ("I am hungry", "It is time for a snack")),
    "read": Use(("read", "read a story from"), ("I would like a story", "I am bored and like to read")),
    "write": Use(("write with", "draw a picture with"), ("I must sign a letter", "I want to take notes")),
    "play": Use(("play with", "take to the playground"), ("The children want to play", "It is time to play")),
    "fly": Use(("fly on a windy day", "let rise in the wind"), ("There is a good wind to see something fly",)),
    "light": Use(
        ("light up a dark room with", "make the room brighter with"),
        ("It is getting dark", "It is too dark to see anything here"),
    ),
    "time": Use(
        ("measure time with", "time an egg with"),
        ("I must not boil the egg too long", "I want to know when ten minutes have passed"),
    ),
}

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 38, 38),
    "orange": (247, 132, 22),
    "yellow": (246, 220, 44),
    "green": (44, 158, 62),
    "blue": (38, 92, 220),
    "purple": (126, 48, 170),
    "pink": (250, 140, 190),
    "black": (38, 38, 42),
}
"""Colour name -> RGB; every object varies it a little."""

SIZES: dict[str, tuple[float, float]] = {"small": (18, 24), "medium": (28, 34), "large": (40, 50)}
"""Size name -> range of the object's long side in pixels in an image of 128 x 128 pixels."""

HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("mug", "purple"),
        ("bottle", "orange"),
        ("apple", "blue"),
        ("banana", "pink"),
        ("pear", "red"),
        ("book", "yellow"),
        ("pencil", "black"),
        ("ball", "green"),
        ("die", "purple"),
        ("kite", "orange"),
        ("candle", "blue"),
        ("lamp", "pink"),
        ("clock", "red"),
        ("hourglass", "yellow"),
        ("mug", "black"),
        ("ball", "orange"),
    }
)
"""(category, colour) pairs that occur in scenes of the test split only."""


CATEGORY_INDEX = {name: i for i, name in enumerate(CATEGORIES, start=1)}


COLOUR_INDEX = {name: i for i, name in enumerate(COLOURS, start=1)}


FIRST = World("first", CATEGORIES, KINDS, USES, COLOURS, HELD_OUT)
"""The world that every tiny checkpoint was trained in."""
