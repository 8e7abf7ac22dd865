"""The two worlds of tabletop: the one that the tiny models know, and one of objects that they have never seen."""

from workbench.tabletop.vocabulary import FIRST, Category, Use, World

SECOND = World(
    name="second",
    kinds={"kitchenware": "kitchenware", "tool": "tools", "vehicle": "vehicles", "instrument": "instruments"},
    categories={
        "teapot": Category("kitchenware", "teapots", ("pour",)),
        "spoon": Category("kitchenware", "spoons", ("stir",)),
        "hammer": Category("tool", "hammers", ("nail",)),
        "saw": Category("tool", "saws", ("cut",)),
        "car": Category("vehicle", "cars", ("travel",)),
        "boat": Category("vehicle", "boats", ("travel", "sail")),
        "guitar": Category("instrument", "guitars", ("music",)),
        "bell": Category("instrument", "bells", ("music",)),
    },
    uses={
        "pour": Use(("pour tea from", "brew tea in"), ("I would like a cup of tea", "The guests are waiting for tea")),
        "stir": Use(("stir soup with", "taste soup with"), ("The soup must be stirred", "I want to taste the soup")),
        "nail": Use(("drive a nail with", "hang a picture with"), ("A nail sticks out of the wall",)),
        "cut": Use(("cut a board with", "cut a branch with"), ("The board is too long", "A branch must come off")),
        "travel": Use(("travel in", "ride in"), ("I have a long way to go", "We are going on a journey")),
        "sail": Use(
            ("cross a lake with", "sail with"), ("I must get across the lake", "The island is far from the shore")
        ),
        "music": Use(("make music with", "play a tune on"), ("I would like some music", "The song needs a sound")),
    },
    colours={
        "red": (214, 38, 38),
        "yellow": (246, 220, 44),
        "blue": (38, 92, 220),
        "brown": (118, 70, 34),
        "white": (246, 246, 246),
        "teal": (0, 150, 146),
    },
    held_out=frozenset(
        {
            ("teapot", "teal"),
            ("spoon", "blue"),
            ("hammer", "white"),
            ("saw", "red"),
            ("car", "brown"),
            ("boat", "yellow"),
            ("guitar", "teal"),
            ("bell", "white"),
        }
    ),
)
"""Eight categories, four kinds and three colours (brown, white, teal) that the first world does not have; red, yellow,
blue and the sizes are the same."""

WORLDS: dict[str, World] = {world.name: world for world in (FIRST, SECOND)}
"""Name -> world. No word means two things: a category or kind belongs to one world."""

CATEGORIES: dict[str, Category] = FIRST.categories | SECOND.categories
"""The categories of all worlds."""
KINDS: dict[str, str] = FIRST.kinds | SECOND.kinds
"""The kinds of all worlds, each with its plural."""
